"""A value of the torch module that depends on the image: which channel stands where, and on which pixels.

torch moves channels about by views: `chunk`, `permute`, `reshape`, `stack`. None of that computes anything, so here it
is bookkeeping: an operation makes channels, and a value says which channel stands at each place of its axes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.export.building import picked
from water_gee.export.ir import Op

Ids = NDArray[np.int64]
IMAGE = ("n", "c", "y", "x")


class AxesError(Exception):
    """Axes are brought together in a way that is not the same at every pixel; the text says which."""


@dataclass(frozen=True, eq=False)
class Traced:
    """A value of the module that depends on the image.

    Attributes:
        op: the operation that makes its channels.
        axes: what each axis of the tensor is: `c` channels, `n` images, `y` rows, `x` columns, or several of the
            last three in one, such as `yx`. An axis of size 1 is `c` as well.
        ids: which channel of `op` stands where, an axis for each `c` of `axes`, in order.
        top: rows by which its first row lies below the input's first, in pixels; likewise the others.
    """

    op: Op
    axes: tuple[str, ...]
    ids: Ids
    top: int
    left: int
    height: int
    width: int

    @property
    def pixels(self) -> tuple[int, int, int, int]:
        """Where its pixels lie."""
        return self.top, self.left, self.height, self.width

    @property
    def is_image(self) -> bool:
        """Whether it is [n, channel, y, x]."""
        return self.axes == IMAGE

    def position(self, axis: int) -> int:
        """Return which axis of `ids` an axis of the tensor is.

        Raises:
            AxesError: it is no axis of channels.
        """
        axis %= len(self.axes)
        if self.axes[axis] != "c":
            raise AxesError(f"axis {axis} holds pixels, not channels")
        return self.axes[:axis].count("c")

    def channels(self, place: str) -> Op:
        """Return its channels as one operation, in the order in which they stand."""
        return picked(place, self.op, self.ids.ravel())

    def of(self, op: Op, ids: Ids | None = None, axes: Sequence[str] | None = None) -> "Traced":
        """Return other channels on the same pixels; numbered in order of `ids`' shape where only the axes are given."""
        axes = self.axes if axes is None else tuple(axes)
        return replace(self, op=op, ids=self.ids if ids is None else ids, axes=axes)


class Places:
    """Which channel is the largest or the smallest: nothing that is carried over may read it."""


def numbered(shape: Sequence[int]) -> Ids:
    """Return the numbers 0, 1, .. in a shape."""
    return np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(tuple(shape))


def reshaped(value: Traced, before: Sequence[int], after: Sequence[int]) -> Traced:
    """Return `value` with axes joined or split, as `view` and `reshape` do it.

    Args:
        value: what is reshaped.
        before: the sizes of its axes.
        after: the sizes wanted.

    Raises:
        AxesError: channels and pixels would be mixed in one axis, or an axis of pixels be split.
    """
    parts: list[tuple[str, int]] = []  # what has a size, from the slowest to the fastest
    sides = {"y": value.height, "x": value.width}
    for axis, size in zip(value.axes, before, strict=True):
        if axis == "c":
            parts += [("c", size)] if size > 1 else []
        else:
            inner = int(np.prod([sides.get(letter, 1) for letter in axis], dtype=np.int64))
            parts += [(letter, sides.get(letter, size // inner)) for letter in axis]
    axes: list[str] = []
    sizes: list[int] = []
    for wanted in after:
        kinds, have = "", 1
        while have < wanted and parts:
            kind, size = parts.pop(0)
            missing = wanted // have
            if kind == "c" and size > missing and wanted % have == 0 and size % missing == 0:
                parts.insert(0, ("c", size // missing))
                size = missing
            kinds, have = kinds + kind, have * size
        if have != wanted:
            raise AxesError("it would split an axis of pixels")
        letters = set(kinds)
        if "c" in letters and len(letters) > 1:
            raise AxesError("it would mix channels with pixels in one axis")
        axes.append("c" if letters <= {"c"} else kinds)
        sizes += [wanted] if letters <= {"c"} else []
    return replace(value, axes=tuple(axes), ids=value.ids.reshape(sizes))


def permuted(value: Traced, order: Sequence[int]) -> Traced:
    """Return `value` with its axes in another order."""
    order = [axis % len(value.axes) for axis in order]
    moved = [value.position(axis) for axis in order if value.axes[axis] == "c"]
    return replace(value, axes=tuple(value.axes[axis] for axis in order), ids=value.ids.transpose(moved))


def aligned(values: Sequence[Any], rank: int) -> tuple[tuple[str, ...], list[Ids | None]]:
    """Bring values to common axes, as torch broadcasts them.

    Args:
        values: Traced values, and anything else for constants.
        rank: of the result.

    Returns:
        The axes of the result and, for each Traced, its ids with an axis for each `c` of the result.

    Raises:
        AxesError: pixels of one stand against channels of another, or they are not the same pixels.
    """
    traced = [value for value in values if isinstance(value, Traced)]
    if len({value.pixels for value in traced}) > 1:
        raise AxesError("its two sides lie on different pixels")
    axes: list[str] = []
    for axis in range(-rank, 0):
        kinds = {value.axes[axis] for value in traced if len(value.axes) >= -axis}
        if len(kinds) > 1:
            raise AxesError("pixels of one side stand against channels of the other")
        axes.append(kinds.pop() if kinds else "c")
    ids: list[Ids | None] = []
    for value in values:
        if not isinstance(value, Traced):
            ids.append(None)
            continue
        missing = axes[: rank - len(value.axes)].count("c")
        if missing < rank - len(value.axes):
            raise AxesError("pixels of one side stand against channels of the other")
        ids.append(value.ids.reshape((1,) * missing + value.ids.shape))
    return tuple(axes), ids

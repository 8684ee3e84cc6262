"""Products of a pixel's channels with fixed matrices."""

from typing import Any

import numpy as np
from torch import Tensor

from water_gee.export.building import mixed
from water_gee.export.ir import Conv, Floats
from water_gee.export.operations.convolution import floats
from water_gee.export.registry import supports
from water_gee.export.traced import Traced, numbered, permuted
from water_gee.export.tracer import Tracer


def contracted(t: Tracer, x: Traced, axis: int, matrix: Floats) -> Traced:
    """Replace an axis of channels by sums over it, weighted by `matrix` [out, in]."""
    axis %= len(x.axes)
    ids = np.moveaxis(x.ids, x.position(axis), -1)
    rest, out = ids.shape[:-1], len(matrix)
    whole = np.zeros((int(np.prod(rest, dtype=np.int64)), out, x.op.channels))
    for number, row in enumerate(ids.reshape(-1, ids.shape[-1])):
        np.add.at(whole[number].T, row, matrix.T)
    op = mixed(t.place, x.op, whole.reshape(-1, x.op.channels))
    return x.of(op, np.moveaxis(numbered((*rest, out)), -1, x.position(axis)))


@supports("linear", words="Linear", rule="over the channels, as the last axis")
def linear(t: Tracer, input: Traced, weight: Any, bias: Any = None) -> Traced:
    """Mix the last axis."""
    if isinstance(weight, Traced) or not isinstance(input, Traced):
        raise t.refuse("its weights depend on the image", "use fixed weights")
    if input.axes[-1] != "c":
        raise t.refuse(
            "it mixes a row of pixels, not the channels", "use Conv2d(kernel_size=1), or permute channels last"
        )
    found = contracted(t, input, -1, floats(weight))
    if bias is None:
        return found
    offset = np.broadcast_to(floats(bias), found.ids.shape)
    assert isinstance(found.op, Conv)
    values = np.zeros(found.op.channels)
    values[found.ids] = offset
    return found.of(Conv(t.place, found.op.source, found.op.weight, values))


@supports("matmul", "mm", words="matmul", rule="of channels with a fixed matrix")
def matmul(t: Tracer, self: Any = None, other: Any = None, mat2: Any = None) -> Traced:
    """A fixed matrix from the right or from the left."""
    right = other if other is not None else mat2
    if isinstance(self, Traced) and isinstance(right, Tensor) and right.ndim == 2 and self.axes[-1] == "c":
        return contracted(t, self, -1, floats(right).T)
    if isinstance(right, Traced) and isinstance(self, Tensor) and self.ndim == 2 and right.axes[-2:-1] == ("c",):
        return contracted(t, right, -2, floats(self))
    raise t.refuse("it is no product of the channels with a fixed matrix", "use Conv2d(kernel_size=1)")


@supports("einsum", words="einsum", rule="of channels with a fixed matrix, as in 'nchw,oc->nohw'", ignored=("path",))
def einsum(t: Tracer, equation: str, tensors: list[Any]) -> Traced:
    """A fixed matrix on one axis."""
    inputs, _, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    pairs = sorted(zip(tensors, names, strict=True), key=lambda pair: isinstance(pair[0], Tensor))
    fits = len(pairs) == 2 and isinstance(pairs[0][0], Traced) and isinstance(pairs[1][0], Tensor) and output
    if fits and len(pairs[1][1]) == 2:
        (value, letters), (matrix, pair) = pairs
        summed = [letter for letter in pair if letter in letters and letter not in output]
        made = [letter for letter in pair if letter not in letters and letter in output]
        if len(summed) == len(made) == 1 and len(set(letters)) == len(letters):
            weight = floats(matrix) if pair == made[0] + summed[0] else floats(matrix).T
            found = contracted(t, value, letters.index(summed[0]), weight)
            now = letters.replace(summed[0], made[0])
            if sorted(now) == sorted(output):
                return permuted(found, [now.index(letter) for letter in output])
    raise t.refuse(f"{equation!r} is no product of the channels with a fixed matrix", "use Conv2d(kernel_size=1)")


@supports("tensordot", words="tensordot", rule="of channels with a fixed matrix")
def tensordot(t: Tracer, self: Any, other: Any, dims_self: list[int], dims_other: list[int]) -> Traced:
    """A fixed matrix on one axis, which becomes the last or the first."""
    if len(dims_self) == len(dims_other) == 1:
        if isinstance(self, Traced) and isinstance(other, Tensor) and other.ndim == 2:
            weight = floats(other) if dims_other[0] % 2 == 1 else floats(other).T
            rank, axis = len(self.axes), dims_self[0] % len(self.axes)
            order = [place for place in range(rank) if place != axis] + [axis]
            return permuted(contracted(t, self, axis, weight), order)
        if isinstance(other, Traced) and isinstance(self, Tensor) and self.ndim == 2:
            weight = floats(self) if dims_self[0] % 2 == 1 else floats(self).T
            rank, axis = len(other.axes), dims_other[0] % len(other.axes)
            order = [axis] + [place for place in range(rank) if place != axis]
            return permuted(contracted(t, other, axis, weight), order)
    raise t.refuse("it is no product of the channels with a fixed matrix", "use Conv2d(kernel_size=1)")

"""What a graph of calls holds of one pixel while it is computed: an estimate of the memory that Earth Engine needs.

Each value is computed once, its arguments first and in order, and is let go when its last reader is done. What the
service really does is not documented; an export's tile of 256 pixels a side takes 65,536 times what a pixel takes.
"""

import math
from dataclasses import dataclass
from typing import Any

from water_gee.export.calls import Call, children, ordered

NUMBER = 8  # bytes: Earth Engine's arrays are of doubles, and so is what is computed of bands
_TILE_BYTES = 256 * 2**20  # that a tile of an export may take here: a share of what a machine has
_SMALLEST, _LARGEST = 16, 256  # sides of an export's tile; the second is the service's own default


@dataclass(frozen=True)
class _Held:
    """Bands of a value, each a number or an array of this shape; nothing is held of a constant."""

    bands: int
    shape: tuple[int, ...] = ()
    constant: bool = False

    @property
    def numbers(self) -> int:
        return 0 if self.constant else self.bands * math.prod(self.shape)


@dataclass(frozen=True)
class Memory:
    """Bytes of one pixel.

    Attributes:
        peak: held at once, arrays and bands.
        arrays: of all arrays that the pixel goes through, one after another.
    """

    peak: int
    arrays: int

    @property
    def shard(self) -> int:
        """The side of an export's tile, in pixels, that such a pixel allows: a power of 2, 256 at most."""
        side = _LARGEST
        while side > _SMALLEST and side * side * self.peak > _TILE_BYTES:
            side //= 2
        return side


def memory(root: Call) -> Memory:
    """Return what the graph of one result holds; its function's parameter is an image of bands."""
    order = ordered(root)
    readers: dict[int, int] = {}
    for node in order:
        for part in children(node):
            readers[id(part)] = readers.get(id(part), 0) + 1
    held: dict[int, _Held] = {}
    live = peak = arrays = 0
    for node in order:
        if not isinstance(node, Call):
            continue
        one = _result(node, held)
        held[id(node)] = one
        live += one.numbers
        peak = max(peak, live)
        arrays += one.numbers if one.shape else 0
        for part in children(node):
            readers[id(part)] -= 1
            if not readers[id(part)] and id(part) in held:
                live -= held[id(part)].numbers
    return Memory(peak * NUMBER, arrays * NUMBER)


def _values(value: Any) -> Any:
    """The plain numbers behind an argument, through `Array` and `Image.constant`."""
    while isinstance(value, Call):
        value = value.arguments[0]
    return value


def _shape_of(values: Any) -> tuple[int, ...]:
    return (len(values), *_shape_of(values[0])) if isinstance(values, list) else ()


def _result(node: Call, held: dict[int, _Held]) -> _Held:
    kind, _, name = node.function.rpartition(".")
    given = [held.get(id(argument)) for argument in node.arguments]
    images = [one for one in given if one is not None]
    first = images[0] if images else _Held(1)
    arguments = node.arguments
    if kind != "Image":
        return _Held(0, constant=True)
    if name == "constant":
        inner = arguments[0]
        if isinstance(inner, Call):
            return _Held(1, _shape_of(_values(inner)), constant=True)
        return _Held(len(inner) if isinstance(inner, list) else 1, constant=True)
    if name == "select":
        return _Held(len(_values(arguments[1])), first.shape, first.constant)
    if name in ("addBands", "arrayCat"):
        return _joined(name, images, arguments)
    if name == "reduce":
        return _Held(1, first.shape)
    if name in ("neighborhoodToArray", "neighborhoodToBands"):
        window = _window(arguments[1])
        return _Held(first.bands, window) if name.endswith("Array") else _Held(first.bands * math.prod(window))
    if name == "arrayFlatten":
        return _Held(len(_values(arguments[1])[0]))
    if name == "mask":
        return _Held(first.bands)
    if name in _RESHAPED:
        return _Held(1 if name == "toArray" else first.bands, _RESHAPED[name](first, arguments))
    if name == "matrixMultiply":
        return _Held(1, (images[0].shape[0], images[1].shape[1]))
    # All others work on each number alone: as many as the largest of their images.
    widest = max(images, key=lambda one: one.bands * math.prod(one.shape), default=first)
    shape = max((one.shape for one in images), key=len, default=())
    return _Held(widest.bands, shape, all(one.constant for one in images) and bool(images))


def _joined(name: str, images: list[_Held], arguments: Any) -> _Held:
    if name == "addBands":
        return _Held(sum(one.bands for one in images), images[0].shape)
    axis, (left, right) = arguments[2], (images[0].shape, images[1].shape)
    return _Held(1, (*left[:axis], left[axis] + right[axis], *left[axis + 1 :]))


def _window(kernel: Any) -> tuple[int, int]:
    if kernel.function == "Kernel.fixed":
        return kernel.arguments[1], kernel.arguments[0]
    return 2 * kernel.arguments[1] + 1, 2 * kernel.arguments[0] + 1


def _stacked(first: _Held, arguments: Any) -> tuple[int, ...]:
    axis = arguments[1] if len(arguments) > 1 else 0
    if axis == len(first.shape):
        return (*first.shape, first.bands)
    return (*first.shape[:axis], first.shape[axis] * first.bands, *first.shape[axis + 1 :])


def _sliced(first: _Held, arguments: Any) -> tuple[int, ...]:
    axis, begin, end, step = (*arguments[1:], None, None, None)[:4]
    size = len(range(*slice(_values(begin), _values(end), step).indices(first.shape[axis])))
    return (*first.shape[:axis], size, *first.shape[axis + 1 :])


def _reduced(first: _Held, arguments: Any) -> tuple[int, ...]:
    return tuple(1 if axis in arguments[2] else size for axis, size in enumerate(first.shape))


_RESHAPED: dict[str, Any] = {
    "toArray": _stacked,
    "arrayReshape": lambda first, arguments: tuple(_values(arguments[1])),
    "arraySlice": _sliced,
    "arrayReduce": _reduced,
    "arrayProject": lambda first, arguments: tuple(first.shape[axis] for axis in arguments[1]),
}

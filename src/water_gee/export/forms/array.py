"""The form `array`: a layer is one matrix product at each pixel.

A convolution takes the neighbourhood of every band as an array (`neighborhoodToArray`), stacks these into a column and
multiplies it by the layer's weights; of many bands some at a time, so that a pixel holds little at once. A 1x1 layer
needs no neighbourhood and takes the column as it is; a value goes back to bands only where a later layer looks at
neighbours. A column is [channel, 1].
"""

from itertools import pairwise

import numpy as np

from water_gee.export.calls import Call, Name, array, call, constant, image
from water_gee.export.forms import bands
from water_gee.export.forms.activations import activate
from water_gee.export.ir import (
    Activation,
    Affine,
    Binary,
    Channels,
    Concat,
    Constant,
    Conv,
    Fill,
    Floats,
    Input,
    Op,
    Pool,
    Program,
    Softmax,
    ordered,
)

_WINDOW = 200  # numbers of a pixel's window at once: the widest layer decides what a pixel holds
_GROUPS = 32  # of a convolution that are written one by one; more are written as one product with zeros


class _Lowering:
    """Holds each value as bands, as a column, or as both once it has been needed as both."""

    def __init__(self, single: bool) -> None:
        self.single = single
        self.as_bands: dict[int, Call] = {}
        self.as_column: dict[int, Call] = {}
        self.mask: Call | None = None

    def bands(self, op: Op) -> Call:
        """The value as an image of bands."""
        if id(op) not in self.as_bands:
            flat = image("arrayProject", self.as_column[id(op)], [0])
            self.as_bands[id(op)] = image("arrayFlatten", flat, [bands.names(op.channels)], label=f"{op.place} bands")
        return self.as_bands[id(op)]

    def column(self, op: Op) -> Call:
        """The value as an array image [channel, 1]."""
        if id(op) not in self.as_column:
            row = image("toArray", self.as_bands[id(op)], 0)
            self.as_column[id(op)] = image("toArray", row, 1)
        return self.as_column[id(op)]

    def lower(self, op: Op, source: Name) -> None:
        """Write one operation."""
        result: Call
        if isinstance(op, Input):
            self.as_bands[id(op)], self.mask = bands.read_input(op, source, single=self.single)
        elif isinstance(op, Constant):
            self.as_column[id(op)] = image("constant", array(op.values[:, None]))
            self.as_bands[id(op)] = bands.rename(constant(op.values), op.channels)
        elif isinstance(op, Fill):
            self.as_bands[id(op)] = bands.fill(self.bands(op.source), op.value)
        elif isinstance(op, Softmax):
            self.as_bands[id(op)] = bands.softmax(self.bands(op.source), op.logarithm)
        elif isinstance(op, Conv):
            self.as_column[id(op)] = self._conv(op)
        elif isinstance(op, Pool):
            self.as_column[id(op)] = self._pool(op)
        elif isinstance(op, Affine | Activation):
            columns = id(op.source) in self.as_column
            x = self.column(op.source) if columns else self.bands(op.source)
            if isinstance(op, Activation):
                result = activate(op, x)
            else:
                result = _affine_column(op, x) if columns else bands.affine(op, x)
            (self.as_column if columns else self.as_bands)[id(op)] = result
        elif isinstance(op, Channels):
            self._choose(op)
        elif isinstance(op, Binary | Concat):
            self._join(op)
        else:  # pragma: no cover - a new operation of the form must be written here
            raise NotImplementedError(type(op).__name__)

    def _choose(self, op: Channels) -> None:
        first, last = op.numbers[0], op.numbers[-1] + 1
        if id(op.source) not in self.as_column:
            self.as_bands[id(op)] = bands.chosen(self.bands(op.source), op.numbers)
        elif op.numbers == tuple(range(first, last)):
            self.as_column[id(op)] = image("arraySlice", self.column(op.source), 0, first, last)
        else:
            matrix = np.zeros((op.channels, op.source.channels))
            matrix[np.arange(op.channels), op.numbers] = 1.0
            self.as_column[id(op)] = image("matrixMultiply", image("constant", array(matrix)), self.column(op.source))

    def _join(self, op: Binary | Concat) -> None:
        computed = [part for part in op.sources if not isinstance(part, Constant)]
        columns = any(id(part) in self.as_column for part in computed)
        parts = [self.column(part) if columns else self.bands(part) for part in op.sources]
        if isinstance(op, Concat):
            if not columns:
                self.as_bands[id(op)] = bands.rename(bands.join(parts), op.channels)
                return
            result = parts[0]
            for part in parts[1:]:
                result = image("arrayCat", result, part, 0)
        else:
            result = image(op.kind, *parts)
        (self.as_column if columns else self.as_bands)[id(op)] = result

    def _parts(
        self, source: Op, numbers: range, size: tuple[int, int], dilation: tuple[int, int]
    ) -> list[tuple[Call, slice]]:
        """Some channels of a value as bands, in parts whose windows are not too large; and where each part lies."""
        high, wide = ((side - 1) * step + 1 for side, step in zip(size, dilation, strict=True))
        most = max(1, _WINDOW // (high * (size[1] if _along_x_first(size, dilation) else wide)))
        count = -(-len(numbers) // most)
        edges = [len(numbers) * part // count for part in range(count + 1)]
        x, whole = self.bands(source), count == 1 and len(numbers) == source.channels
        return [
            (x if whole else image("select", x, list(numbers[first:last])), slice(first, last))
            for first, last in pairwise(edges)
        ]

    def _conv(self, op: Conv) -> Call:
        weight = op.weight.astype(np.float32).astype(np.float64)
        inside, outside = op.source.channels // op.groups, op.channels // op.groups
        if op.pointwise and (op.groups == 1 or op.groups > _GROUPS or inside == 1):
            dense = op.dense().astype(np.float32).astype(np.float64)
            column = _product(op, dense[:, :, 0, 0], self.column(op.source))
        elif op.pointwise:
            parts = [
                _product(op, weight[group * outside :][:outside, :, 0, 0], _rows(self.column(op.source), group, inside))
                for group in range(op.groups)
            ]
            column = _stacked(parts)
        elif inside == 1 and op.groups > 1:
            column = self._depthwise(op, weight, outside)
        elif op.groups > _GROUPS:
            dense = op.dense().astype(np.float32).astype(np.float64)
            column = self._windows(op, dense, range(op.source.channels))
        else:
            groups = [
                self._windows(op, weight[group * outside :][:outside], range(group * inside, (group + 1) * inside))
                for group in range(op.groups)
            ]
            column = _stacked(groups)
        return _plus(column, op.bias.astype(np.float32).astype(np.float64))

    def _windows(self, op: Conv, weight: Floats, numbers: range) -> Call:
        """The sums over the windows of some channels, weighted by [out, channel, y, x]."""
        result: Call | None = None
        for part, where in self._parts(op.source, numbers, op.size, op.dilation):
            taps = np.moveaxis(weight[:, where], 1, 3)
            count = int(np.prod(taps.shape[1:]))
            window = _taps(part, where.stop - where.start, op.size, op.dilation)
            column = image("arrayReshape", window, image("constant", array([count, 1])), 2)
            product = _product(op, taps.reshape(len(weight), count), column)
            result = product if result is None else image("add", result, product)
        assert result is not None
        return result

    def _depthwise(self, op: Conv, weight: Floats, times: int) -> Call:
        """Each channel with kernels of its own: products tap by tap, summed over the window."""
        columns: list[Call] = []
        for part, where in self._parts(op.source, range(op.source.channels), op.size, op.dilation):
            window = _window(part, where.stop - where.start, op.size, op.dilation)
            kernels = weight[:, 0].reshape(-1, times, *op.size)[where]  # [channel, kernel, y, x]
            length = image("constant", array([len(kernels), 1]))
            sums = []
            for number in range(times):
                taps = image("constant", array(np.moveaxis(kernels[:, number], 0, 2)), label=f"{op.place} weights")
                summed = image("arrayReduce", image("multiply", window, taps), call("Reducer.sum"), [0, 1])
                sums.append(image("arrayReshape", summed, length, 2))
            joined = sums[0]
            for column in sums[1:]:
                joined = image("arrayCat", joined, column, 1)
            if times > 1:
                joined = image("arrayReshape", joined, image("constant", array([len(kernels) * times, 1])), 2)
            columns.append(joined)
        return _stacked(columns)

    def _pool(self, op: Pool) -> Call:
        columns: list[Call] = []
        for part, where in self._parts(op.source, range(op.channels), op.size, op.dilation):
            window = _window(part, where.stop - where.start, op.size, op.dilation)
            pooled = image("arrayReduce", window, call(f"Reducer.{op.kind}"), [0, 1], label=op.place)
            length = image("constant", array([where.stop - where.start, 1]))
            columns.append(image("arrayReshape", pooled, length, 2))
        return _stacked(columns)


def _along_x_first(size: tuple[int, int], dilation: tuple[int, int]) -> bool:
    """Whether a window is gathered in two steps, since of a whole one the taps with gaps between them are few."""
    return size[0] > 1 and size[1] > 1 and dilation[1] > 1


def _window(x: Call, channels: int, size: tuple[int, int], dilation: tuple[int, int]) -> Call:
    """The neighbourhoods of an image's bands as one array [y, x, channel], taps between dilated ones left out."""
    taps = _taps(x, channels, size, dilation)
    if not _along_x_first(size, dilation):
        return taps
    return image("arrayReshape", taps, image("constant", array([*size, channels])), 3)


def _taps(x: Call, channels: int, size: tuple[int, int], dilation: tuple[int, int]) -> Call:
    """The same numbers in the same order, [y, x, channel] or [y, 1, x and channel]."""
    if not _along_x_first(size, dilation):
        return _gathered(x, size, dilation)
    row = _gathered(x, (1, size[1]), dilation)
    count = size[1] * channels
    flat = image("arrayReshape", row, image("constant", array([count])), 1)
    return _gathered(image("arrayFlatten", flat, [bands.names(count)]), (size[0], 1), dilation)


def _gathered(x: Call, size: tuple[int, int], dilation: tuple[int, int]) -> Call:
    """A whole window as an array [y, x, channel], of which taps with gaps between them are then taken."""
    down, across = (side // 2 * step for side, step in zip(size, dilation, strict=True))
    window = image("neighborhoodToArray", x, call("Kernel.rectangle", across, down, "pixels"))
    window = image("toArray", window, 2)
    for axis, step in enumerate(dilation):
        if step > 1 and size[axis] > 1:
            window = image("arraySlice", window, axis, 0, None, step)
    return window


def _product(op: Conv, matrix: Floats, column: Call) -> Call:
    weights = image("constant", array(matrix), label=f"{op.place} weights")
    return image("matrixMultiply", weights, column, label=op.place)


def _rows(column: Call, group: int, size: int) -> Call:
    return image("arraySlice", column, 0, group * size, (group + 1) * size)


def _stacked(columns: list[Call]) -> Call:
    result = columns[0]
    for column in columns[1:]:
        result = image("arrayCat", result, column, 0)
    return result


def _plus(column: Call, values: Floats) -> Call:
    return image("add", column, image("constant", array(values[:, None]))) if values.any() else column


def _affine_column(op: Affine, x: Call) -> Call:
    x = _plus(x, -op.centre)
    if (op.scale == op.scale[0]).all():
        x = image("multiply", x, constant(op.scale[0])) if op.scale[0] != 1.0 else x
    else:
        x = image("multiply", x, image("constant", array(op.scale[:, None])))
    return _plus(x, op.shift)


def lower(program: Program, logits: Op | None, source: Name) -> bands.Lowered:
    """Write a program as calls on the image that `source` names."""
    lowering = _Lowering(program.compares)
    outputs = [program.output] if logits is None else [program.output, logits]
    for op in ordered(*outputs):
        lowering.lower(op, source)
    assert lowering.mask is not None
    return bands.Lowered(
        output=lowering.bands(program.output),
        logits=None if logits is None else lowering.bands(logits),
        mask=bands.known(program, lowering.mask),
    )

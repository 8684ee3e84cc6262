"""The form `array`: a layer is one matrix product at each pixel.

A convolution takes the neighbourhood of every band as an array (`neighborhoodToArray`), stacks these into a
column and multiplies it by the layer's weights. A 1x1 layer needs no neighbourhood and takes the column as it
is; a value goes back to bands only where a later layer looks at neighbours. A column is [channel, 1].
"""

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
    radius,
)

BYTES_PER_NUMBER = 8  # Earth Engine's arrays are of doubles


class _Lowering:
    """Holds each value as bands, as a column, or as both once it has been needed as both."""

    def __init__(self, single: bool) -> None:
        self.single = single
        self.as_bands: dict[int, Call] = {}
        self.as_column: dict[int, Call] = {}
        self.mask: Call | None = None
        self.numbers = 0

    def bands(self, op: Op) -> Call:
        """The value as an image of bands."""
        if id(op) not in self.as_bands:
            flat = image("arrayProject", self.as_column[id(op)], [0])
            self.as_bands[id(op)] = image("arrayFlatten", flat, [bands.names(op.channels)], label=f"{op.place} bands")
        return self.as_bands[id(op)]

    def column(self, op: Op) -> Call:
        """The value as an array image [channel, 1]."""
        if id(op) not in self.as_column:
            self.numbers += op.channels
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
            self.numbers += op.channels
            self.as_column[id(op)] = image("arraySlice", self.column(op.source), 0, first, last)
        else:
            matrix = np.zeros((op.channels, op.source.channels))
            matrix[np.arange(op.channels), op.numbers] = 1.0
            self.numbers += op.channels
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
            self.numbers += op.channels
        else:
            result = image(op.kind, *parts)
        (self.as_column if columns else self.as_bands)[id(op)] = result

    def _neighbourhood(self, op: Conv | Pool) -> tuple[Call, bool]:
        """The window of every band: [channel * y, x], or [y, x, channel] where taps are skipped."""
        down, across = radius(op)
        self.numbers += op.inputs[0].channels * (2 * down + 1) * (2 * across + 1)
        kernel = call("Kernel.rectangle", across, down, "pixels")
        window = image("neighborhoodToArray", self.bands(op.inputs[0]), kernel)
        if op.dilation == (1, 1) and isinstance(op, Conv):
            return image("toArray", window, 0), False
        window = image("toArray", window, 2)
        for axis, step in enumerate(op.dilation):
            if step > 1 and op.size[axis] > 1:
                window = image("arraySlice", window, axis, 0, None, step)
        return window, True

    def _conv(self, op: Conv) -> Call:
        dense = op.dense().astype(np.float32).astype(np.float64)
        if op.pointwise:
            column = self.column(op.source)
        else:
            window, channels_last = self._neighbourhood(op)
            if channels_last:
                dense = np.moveaxis(dense, 1, 3)
            count = int(np.prod(dense.shape[1:]))
            self.numbers += count
            column = image("arrayReshape", window, image("constant", array([count, 1])), 2)
        self.numbers += op.channels
        weights = image("constant", array(dense.reshape(op.channels, -1)), label=f"{op.place} weights")
        product = image("matrixMultiply", weights, column, label=op.place)
        return _plus(product, op.bias.astype(np.float32).astype(np.float64))

    def _pool(self, op: Pool) -> Call:
        window, _ = self._neighbourhood(op)
        self.numbers += op.channels
        pooled = image("arrayReduce", window, call(f"Reducer.{op.kind}"), [0, 1], label=op.place)
        return image("arrayReshape", pooled, image("constant", array([op.channels, 1])), 2)


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
        array_bytes=lowering.numbers * BYTES_PER_NUMBER,
    )

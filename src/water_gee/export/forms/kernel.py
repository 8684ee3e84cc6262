"""The form `kernel`: a layer is convolutions of single bands, summed.

Every pair of an input and an output channel has its `ee.Kernel`; the convolved bands of an output channel are
summed in a balanced tree. A 1x1 layer is a weighted sum over bands. Whether `convolve` turns its kernel by 180
degrees is not documented, so the caller says which it is (`flip`), and `probe` finds out on the service itself.
"""

import numpy as np

from water_gee.export.calls import Call, Name, call, constant, image, shortest
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


class _Lowering:
    def __init__(self, flip: bool, single: bool) -> None:
        self.flip, self.single = flip, single
        self.values: dict[int, Call] = {}
        self.mask: Call | None = None
        self.singles: dict[tuple[int, int], Call] = {}

    def lower(self, op: Op, source: Name) -> Call:
        """Write one operation."""
        x = [self.values[id(part)] for part in op.inputs]
        match op:
            case Input():
                result, self.mask = bands.read_input(op, source, single=self.single)
            case Constant():
                result = bands.rename(constant(op.values), op.channels)
            case Fill():
                result = bands.fill(x[0], op.value)
            case Softmax():
                result = bands.softmax(x[0], op.logarithm)
            case Affine():
                result = bands.affine(op, x[0])
            case Activation():
                result = activate(op, x[0])
            case Concat():
                result = bands.rename(bands.join(x), op.channels)
            case Binary():
                result = image(op.kind, *x)
            case Channels():
                result = bands.chosen(x[0], op.numbers)
            case Pool():
                result = self._pool(op, x[0])
            case Conv():
                result = self._conv(op, x[0])
            case _:  # pragma: no cover - a new operation of the form must be written here
                raise NotImplementedError(type(op).__name__)
        self.values[id(op)] = result
        return result

    def _conv(self, op: Conv, x: Call) -> Call:
        dense = op.dense().astype(np.float32).astype(np.float64)
        channel = _weighted_sum if op.pointwise else self._convolved_sum
        outputs = [channel(x, kernels, op) for kernels in dense]
        joined = bands.rename(bands.join(outputs), op.channels)
        bias = op.bias.astype(np.float32).astype(np.float64)
        return image("add", joined, constant(bias), label=op.place) if bias.any() else joined

    def _convolved_sum(self, x: Call, kernels: Floats, op: Conv) -> Call:
        """One output channel: kernels [in, y, x] on the bands of x, those that are all 0 left out."""
        terms: list[Call] = []
        for index, kernel in enumerate(kernels):
            if kernel.any():
                single = self.singles.setdefault((id(x), index), image("select", x, [index]))
                terms.append(image("convolve", single, self._kernel(bands.spread(kernel, op.dilation))))
        return bands.tree("add", terms) if terms else constant(0.0)

    def _kernel(self, weights: Floats) -> Call:
        height, width = weights.shape
        return call("Kernel.fixed", width, height, shortest(weights[::-1, ::-1] if self.flip else weights))

    def _pool(self, op: Pool, x: Call) -> Call:
        taps = bands.spread(np.ones(op.size), op.dilation)
        if op.kind == "mean":  # symmetric: no convention to know
            return image("convolve", x, self._kernel(taps / taps.sum()), label=op.place)
        if op.dilation == (1, 1):
            window = call("Kernel.rectangle", op.size[1] // 2, op.size[0] // 2, "pixels")
            pooled = image("reduceNeighborhood", x, call("Reducer.max"), window, label=op.place)
            return bands.rename(pooled, op.channels)
        shifted = []
        for row, column in np.argwhere(taps):
            only = np.zeros_like(taps)
            only[row, column] = 1.0
            shifted.append(image("convolve", x, self._kernel(only)))
        return bands.tree("max", shifted)


def _weighted_sum(x: Call, kernels: Floats, op: Conv) -> Call:
    """One output channel of a 1x1 layer."""
    weighted = image("multiply", x, constant(kernels[:, 0, 0]))
    return image("reduce", weighted, call("Reducer.sum")) if op.source.channels > 1 else weighted


def lower(program: Program, logits: Op | None, source: Name, *, flip: bool) -> bands.Lowered:
    """Write a program as calls on the image that `source` names.

    Args:
        program: what to write.
        logits: a value to give as well.
        source: the input image.
        flip: whether the service turns kernels by 180 degrees in `convolve`.
    """
    lowering = _Lowering(flip, program.compares)
    outputs = [program.output] if logits is None else [program.output, logits]
    for op in ordered(*outputs):
        lowering.lower(op, source)
    assert lowering.mask is not None
    return bands.Lowered(
        output=lowering.values[id(program.output)],
        logits=None if logits is None else lowering.values[id(logits)],
        mask=bands.known(program, lowering.mask),
    )


def probe() -> Call:
    """An image that is 1 where `convolve` correlates (no flip) and -1 where it flips its kernel.

    A kernel whose one weight stands east of its centre is applied to the longitude: without a flip it fetches
    the eastern neighbour, whose longitude is larger.
    """
    longitude = image("select", call("Image.pixelLonLat"), ["longitude"])
    eastern = image("convolve", longitude, call("Kernel.fixed", 3, 3, [[0, 0, 0], [0, 0, 1], [0, 0, 0]]))
    return image("rename", image("signum", image("subtract", eastern, longitude)), ["flip"])

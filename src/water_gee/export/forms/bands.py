"""What both forms share: values as bands, one a channel, all named alike."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.export.calls import Call, Name, call, constant, image, shortest
from water_gee.export.ir import Affine, Floats, Input, Program


@dataclass(frozen=True)
class Lowered:
    """A network as calls.

    Attributes:
        output: an image of the output's channels as bands.
        logits: likewise of the network's own output, if it was asked for.
        mask: one band, not 0 where every feature is known.
    """

    output: Call
    logits: Call | None
    mask: Call


def names(count: int) -> list[str]:
    """Names of channels: the same for any value, since bands of equal names pair up."""
    return [f"c{index}" for index in range(count)]


def read_input(op: Input, source: Name, *, single: bool) -> tuple[Call, Call]:
    """The features, masked jointly, and that mask: a pixel counts as seen if all its features are."""
    features = image("select", source, list(op.features), label="features")
    if single:  # torch compares what is stored, float32
        features = image("toFloat", features)
    mask = image("reduce", image("mask", features), call("Reducer.min"), label="known")
    return image("updateMask", features, mask), mask


def affine(op: Affine, x: Call) -> Call:
    """Apply an affine step to bands."""
    if op.centre.any():
        x = image("subtract", x, _vector(op.centre))
    if (op.scale != 1.0).any():
        x = image("multiply", x, _vector(op.scale))
    if op.shift.any():
        x = image("add", x, _vector(op.shift))
    return x


def _vector(values: Floats) -> Call:
    return constant(values[0] if (values == values[0]).all() else values)


def fill(x: Call, value: float) -> Call:
    """Masked pixels get a value, beyond the footprint too, so that every neighbourhood is whole."""
    return image("unmask", x, shortest(value), False)


def untouched(mask: Call, footprint: NDArray[np.bool_]) -> Call:
    """One band, not 0 where no pixel of the footprint is masked.

    Masked pixels are counted by a convolution, whose kernel is the same when it is turned by 180 degrees.
    """
    height, width = footprint.shape
    masked = image("subtract", 1, image("unmask", mask, 0, False))
    counted = image("convolve", masked, call("Kernel.fixed", width, height, shortest(footprint.astype(float))))
    return image("lt", counted, 0.5, label="untouched")


def known(program: Program, mask: Call) -> Call:
    """The mask of the output: that of the pixel itself and, by the program's rule, of those that it touches."""
    if program.touched is None:
        return mask
    return image("multiply", mask, untouched(mask, program.touched))


def chosen(x: Call, numbers: Sequence[int]) -> Call:
    """Bands by their numbers, in this order; one may come more than once."""
    single = [image("select", x, [number]) for number in numbers] if len(set(numbers)) < len(numbers) else []
    return rename(join(single) if single else image("select", x, list(numbers)), len(numbers))


def tree(method: str, parts: list[Call]) -> Call:
    """Combine images pairwise in a balanced tree: a chain would exhaust the client's recursion."""
    while len(parts) > 1:
        pairs = [parts[index : index + 2] for index in range(0, len(parts), 2)]
        parts = [image(method, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return parts[0]


def join(parts: list[Call]) -> Call:
    """The bands of several images in one, in order."""
    return tree("addBands", parts)


def rename(x: Call, count: int) -> Call:
    """Give bands the names that every value of `count` channels has."""
    return image("rename", x, list(names(count)))


def softmax(x: Call, logarithm: bool) -> Call:
    """Softmax over the bands; the largest is subtracted first, as torch does, against overflow."""
    shifted = image("subtract", x, image("reduce", x, call("Reducer.max")))
    exponents = image("exp", shifted)
    total = image("reduce", exponents, call("Reducer.sum"))
    if logarithm:
        return image("subtract", shifted, image("log", total))
    return image("divide", exponents, total)


def spread(kernel: Floats, dilation: tuple[int, int]) -> Floats:
    """A kernel [..., y, x] with dilation written out as zeros."""
    height, width = kernel.shape[-2:]
    whole = np.zeros((*kernel.shape[:-2], (height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1))
    whole[..., :: dilation[0], :: dilation[1]] = kernel
    return whole

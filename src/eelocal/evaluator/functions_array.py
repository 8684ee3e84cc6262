"""Array pixels: making, shaping, multiplying and flattening them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.image import Band, Image, pair
from eelocal.evaluator.node import ConstantNode, MaskedNode, Node, ValuesNode
from eelocal.evaluator.pixeltype import INT32, PixelType, union
from eelocal.evaluator.raster import EMPTY, Raster, Values
from eelocal.evaluator.registry import implements


def concatenated(inputs: Sequence[Node], axis: int) -> Node:
    """Return several bands' pixels concatenated along an axis; one equal to their dimension adds one.

    Raises:
        EEError: where the bands' dimensions differ, or there is no such axis.
    """
    ranks = {node.type.dimensions for node in inputs}
    if len(ranks) != 1:
        raise bad_request(f"Bands must have the same number of array dimensions. Got {sorted(ranks)}.")
    rank = ranks.pop()
    if not 0 <= axis <= rank:
        raise bad_request(f"Axis {axis} is out of range: it must be at least 0 and at most {rank}.")
    type_ = union(*(node.type for node in inputs)).with_dimensions(max(rank, axis + 1))

    def join(*rasters: Values) -> Values:
        size = np.broadcast_shapes(*(values.shape[-2:] for values in rasters))
        parts = [values if axis < rank else np.expand_dims(values, axis) for values in rasters]
        parts = [np.broadcast_to(part, (*part.shape[:-2], *size)) for part in parts]
        if len({(*p.shape[:axis], *p.shape[axis + 1 : -2]) for p in parts}) != 1:
            raise bad_request("Array pixels must have the same lengths but along the axis of concatenation.")
        shape = list(parts[0].shape)
        shape[axis] = sum(part.shape[axis] for part in parts)
        # Written in C order whatever the parts' strides are: what follows reshapes without a copy.
        values = np.empty(shape, type_.dtype)
        np.concatenate(parts, axis=axis, out=values, casting="unsafe")
        return values

    return ValuesNode(join, type_, inputs)


@implements("Image.toArray")
def to_array(image: Image, axis: int) -> Image:
    """All bands in one array a pixel."""
    if not image.bands:
        raise bad_request("The image has no bands.")
    return image.with_bands([Band("array", concatenated(image.nodes, axis))])


@implements("Image.arrayCat")
def array_cat(first: Image, second: Image, axis: int) -> Image:
    """Two array images along an axis."""
    return first.with_bands(Band(name, concatenated([a, b], axis)) for name, a, b in pair(first, second))


def need_arrays(image: Image, least: int = 1) -> None:
    """Refuse bands whose pixels have fewer dimensions.

    Raises:
        EEError: for the first such band.
    """
    for band in image.bands:
        if band.node.type.dimensions < least:
            raise bad_request(
                f"The band '{band.name}' has pixels of {band.node.type.dimensions} dimension(s), not {least} or more."
            )


def shaped(image: Image, function: Callable[[Values], Values], rank: Callable[[int], int] | int) -> Image:
    """Return the image with a function of each band's array pixels, which have `rank` dimensions then."""

    def make(node: Node) -> Node:
        dimensions = rank if isinstance(rank, int) else rank(node.type.dimensions)
        return ValuesNode(function, node.type.with_dimensions(dimensions), [node])

    return image.each(make)


def _lengths(image: Image, what: str) -> Values:
    """Return the one pixel of a constant array image."""
    if len(image.bands) != 1:
        raise bad_request(f"The {what} must have one band.")
    node = image.bands[0].node
    if not isinstance(node, ConstantNode):
        raise bad_request(f"eelocal implements constant images only as the {what}.")
    return node.raster.filled


@implements("Image.arrayReshape", note="lengths must be a constant image")
def reshape(image: Image, lengths: Image, dimensions: int) -> Image:
    """The elements in order in a new shape; one length may be -1."""
    shape = [int(v) for v in np.atleast_1d(_lengths(lengths, "lengths"))]
    if len(shape) != dimensions:
        raise bad_request(f"There are {len(shape)} lengths for {dimensions} dimension(s).")
    if shape.count(-1) > 1 or any(length < -1 for length in shape):
        raise bad_request(f"Invalid lengths {shape}: at most one may be -1.")

    def apply(values: Values) -> Values:
        total = int(np.prod(values.shape[:-2]))
        known = int(np.prod([length for length in shape if length != -1]))
        if (-1 not in shape and known != total) or (-1 in shape and (known == 0 or total % known)):
            raise bad_request(f"Cannot reshape array pixels of lengths {list(values.shape[:-2])} to {shape}.")
        sizes = [total // known if length == -1 else length for length in shape]
        return values.reshape(*sizes, *values.shape[-2:])

    return shaped(image, apply, dimensions)


@implements("Image.arrayProject")
def project(image: Image, axes: list[int]) -> Image:
    """Keep some axes; the others must have a length of one."""
    need_arrays(image)
    for band in image.bands:
        bad = [axis for axis in axes if not 0 <= axis < band.node.type.dimensions]
        if bad or len(set(axes)) != len(axes) or not axes:
            raise bad_request(f"Invalid axes {axes} for array pixels of {band.node.type.dimensions} dimension(s).")

    def apply(values: Values) -> Values:
        dropped = [axis for axis in range(values.ndim - 2) if axis not in axes]
        if any(values.shape[axis] > 1 for axis in dropped):
            raise bad_request(f"Cannot drop axes {dropped} of array pixels of lengths {list(values.shape[:-2])}.")
        kept = [*axes, values.ndim - 2, values.ndim - 1]
        return values.transpose(*kept, *dropped).reshape([values.shape[axis] for axis in kept])

    return shaped(image, apply, len(axes))


def element(source: Node, position: tuple[int, ...], shape: tuple[int, ...] | None = None) -> Node:
    """Return one element of array pixels; `shape` is what the pixels' lengths must be."""

    def pick(raster: Raster) -> Raster:
        if raster.values is None:
            return EMPTY
        found = raster.array_shape
        if shape is not None and found != shape:
            raise bad_request(f"Array pixels have the lengths {list(found)}, but there are labels for {list(shape)}.")
        if any(not -n <= p < n for p, n in zip(position, found, strict=True)):
            raise bad_request(f"Position {list(position)} is outside of array pixels of lengths {list(found)}.")
        return Raster(raster.values[position], raster.mask, raster.uniform)

    return MaskedNode(pick, source.type.with_dimensions(0), [source])


@implements("Image.arrayFlatten")
def flatten(image: Image, labels: list[list[str]], separator: str) -> Image:
    """A scalar band an element, named by the labels of its place."""
    if len(image.bands) != 1:
        raise bad_request(f"The image must have one band, not {len(image.bands)}.")
    node = image.bands[0].node
    if len(labels) != node.type.dimensions:
        raise bad_request(f"There are labels for {len(labels)} dimension(s); the pixels have {node.type.dimensions}.")
    if not labels:
        raise bad_request("The image has scalar pixels.")
    shape = tuple(len(axis) for axis in labels)
    bands = []
    for position in np.ndindex(*shape):
        name = separator.join(str(axis[index]) for axis, index in zip(labels, position, strict=True))
        bands.append(Band(name, element(node, position, shape)))
    names = [band.name for band in bands]
    if len(set(names)) != len(names):
        raise bad_request("The labels must make a different name for every element.")
    return image.with_bands(bands)


@implements("Image.arrayGet", note="the position must be a constant image")
def get_element(image: Image, position: Image) -> Image:
    """One element of each band."""
    need_arrays(image)
    place = []
    for node in position.nodes:
        if not isinstance(node, ConstantNode) or node.type.dimensions:
            raise bad_request("eelocal implements constant images only as the position.")
        place.append(int(node.raster.filled))
    for band in image.bands:
        if band.node.type.dimensions != len(place):
            raise bad_request(
                f"The position has {len(place)} band(s); the pixels have {band.node.type.dimensions} dimension(s)."
            )
    return image.each(lambda node: element(node, tuple(place)))


@implements("Image.arrayTranspose")
def transpose(image: Image, first: int, second: int) -> Image:
    """Swap two axes; pixels of fewer dimensions get more of length one."""
    need_arrays(image)
    rank = max(first, second) + 1

    def apply(values: Values) -> Values:
        for _ in range(rank - (values.ndim - 2)):
            values = values[..., None, :, :]
        return values.swapaxes(first, second)

    return shaped(image, apply, lambda dimensions: max(dimensions, rank))


@implements("Image.arrayLength")
def length(image: Image, axis: int) -> Image:
    """The length along an axis."""

    def apply(raster: Raster) -> Raster:
        if raster.values is None:
            return EMPTY
        shape = raster.array_shape
        if not 0 <= axis < len(shape):
            raise bad_request(f"Axis {axis} is out of range for array pixels of {len(shape)} dimension(s).")
        return Raster(np.asarray(shape[axis], np.int32), raster.mask, True)

    return image.each(lambda node: MaskedNode(apply, INT32, [node]))


@implements("Image.arrayDimensions")
def dimensions_of(image: Image) -> Image:
    """The number of axes, 0 for scalars."""

    def make(node: Node) -> Node:
        rank = node.type.dimensions
        type_ = PixelType("int", 0, 255)
        return MaskedNode(
            lambda r: EMPTY if r.empty else Raster(np.asarray(rank, np.uint8), r.mask, True), type_, [node]
        )

    return image.each(make)


@implements("Image.arraySlice", note="start and end must be constant images")
def cut(image: Image, axis: int, start: Image | None, end: Image | None, step: int) -> Image:
    """Positions along an axis, negative ones from the end."""
    need_arrays(image)
    if step < 1:
        raise bad_request("The step must be positive.")
    first = None if start is None else int(_lengths(start, "start"))
    last = None if end is None else int(_lengths(end, "end"))

    def apply(values: Values) -> Values:
        if not 0 <= axis < values.ndim - 2:
            raise bad_request(f"Axis {axis} is out of range for array pixels of {values.ndim - 2} dimension(s).")
        return values[(slice(None),) * axis + (slice(first, last, step),)]

    return shaped(image, apply, lambda dimensions: dimensions)


@implements("Image.arrayRepeat", note="copies must be a constant image")
def repeat(image: Image, axis: int, copies: Image) -> Image:
    """The pixels' array repeated along an axis."""
    count = int(_lengths(copies, "copies"))
    if count < 0:
        raise bad_request("The number of copies must not be negative.")

    def apply(values: Values) -> Values:
        for _ in range(axis + 1 - (values.ndim - 2)):
            values = values[..., None, :, :]
        return np.concatenate([values] * count, axis=axis) if count else values[(slice(None),) * axis + (slice(0, 0),)]

    return shaped(image, apply, lambda dimensions: max(dimensions, axis + 1))

"""Masks and conditional replacement."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.image import Band, Image, mates
from eelocal.evaluator.inside import InsideNode
from eelocal.evaluator.node import ConstantNode, MaskedNode, Node
from eelocal.evaluator.pixeltype import FLOAT, PixelType, cast, union
from eelocal.evaluator.raster import EMPTY, Mask, Raster, both
from eelocal.evaluator.registry import implements


def nonzero(raster: Raster) -> Mask | bool:
    """Return where a scalar raster is valid and not zero; one answer where that is the same everywhere."""
    if raster.values is None:
        return False
    if raster.uniform:
        holds = bool(raster.values.any())
        return raster.mask if holds and raster.mask is not None else holds
    true: Mask = raster.values != 0
    return true if raster.mask is None else true & raster.mask


def keep(raster: Raster, where: Mask | bool) -> Raster:
    """Return a raster masked elsewhere as well."""
    if raster.values is None or where is False:
        return EMPTY
    if isinstance(where, bool):
        return raster
    return Raster(raster.values, both([raster.mask, where]), raster.uniform)


def _scalar(other: Image, what: str) -> None:
    if any(node.type.dimensions for node in other.nodes):
        raise bad_request(f"The {what} may not be an array image.")


@implements("Image.updateMask")
def update_mask(image: Image, mask: Image) -> Image:
    """Masked where the mask is zero or masked; metadata is kept."""
    _scalar(mask, "mask")

    def joined(band: Band, other: Node) -> Band:
        return Band(
            band.name, MaskedNode(lambda a, b: keep(a, nonzero(b)), band.node.type, [band.node, other]), band.size
        )

    return image.with_bands(joined(b, m) for b, m in zip(image.bands, mates(image, mask, "mask"), strict=True))


@implements("Image.selfMask")
def self_mask(image: Image) -> Image:
    """Masked where zero."""
    _scalar(image, "image")
    return image.each(lambda node: MaskedNode(lambda a: keep(a, nonzero(a)), node.type, [node]))


@implements("Image.mask")
def mask(image: Image, new: Image | None) -> Image:
    """Without a mask: the mask as an image of 0 and 1. With one: the mask replaced."""
    if new is None:
        return image.each(lambda node: MaskedNode(_mask_of, FLOAT, [node]))
    _scalar(new, "mask")
    pairs = zip(image.bands, mates(image, new, "mask"), strict=True)
    return image.with_bands(Band(b.name, MaskedNode(_replaced, b.node.type, [b.node, m]), b.size) for b, m in pairs)


def _mask_of(raster: Raster) -> Raster:
    if raster.values is None:
        return Raster(np.zeros((), np.float32), None, True)
    if raster.mask is None:
        return Raster(np.ones((), np.float32), None, True)
    return Raster(raster.mask.astype(np.float32))


def _replaced(raster: Raster, new: Raster) -> Raster:
    """Pixels that were masked become zero."""
    where = nonzero(new)
    if where is False:
        return EMPTY
    if raster.values is None:
        filled = Raster(np.zeros(()), None, True)
    elif raster.mask is None:
        filled = raster
    else:
        filled = Raster(np.where(raster.mask, raster.spread, 0).astype(raster.values.dtype))
    return filled if where is True else keep(filled, where)


@implements("Image.unmask")
def unmask(image: Image, value: Image | None, same_footprint: bool) -> Image:
    """Masked pixels take the value's pixels; outside of the footprint they stay masked unless asked otherwise."""
    value = value or Image(bands=(Band("constant", ConstantNode(np.asarray(0), PixelType("int", 0, 0))),))
    outline = image.footprint if same_footprint else None

    def filled(band: Band, other: Node) -> Band:
        type_ = union(band.node.type, other.type)
        inputs = [band.node, other]
        if outline is not None:
            inputs.append(InsideNode(outline))
        return Band(band.name, MaskedNode(_filler(type_), type_, inputs), band.size)

    return image.with_bands(filled(b, v) for b, v in zip(image.bands, mates(image, value, "value"), strict=True))


def _filler(type_: PixelType) -> Callable[..., Raster]:
    def fill(raster: Raster, value: Raster, inside: Raster | None = None) -> Raster:
        if raster.values is not None and raster.mask is None:
            return Raster(cast(raster.values, type_), None, raster.uniform)
        within: Mask | bool = True if inside is None else nonzero(inside)
        other = keep(value, within)
        return choose(other, raster, type_)

    return fill


def choose(other: Raster, first: Raster, type_: PixelType) -> Raster:
    """Return the first raster where it is valid, the other elsewhere.

    Raises:
        EEError: where array pixels differ in shape.
    """
    if first.values is None:
        return other if other.values is None else Raster(cast(other.values, type_), other.mask, other.uniform)
    if first.mask is None or other.values is None:
        return Raster(cast(first.values, type_), first.mask, first.uniform)
    a, b = first.spread, other.spread
    if a.ndim > 2 and b.ndim > 2 and a.shape[:-2] != b.shape[:-2]:
        raise bad_request(f"Array pixels must have the same shape. Got {list(a.shape[:-2])} and {list(b.shape[:-2])}.")
    values = np.where(first.mask, cast(a, type_), cast(b, type_))
    return Raster(values, None if other.mask is None else first.mask | other.mask)


@implements("Image.where")
def where(image: Image, test: Image, value: Image) -> Image:
    """The value where the test is not zero; a masked test or value leaves the input."""
    _scalar(test, "test")
    tests, values = mates(image, test, "test"), mates(image, value, "value")

    def replaced(band: Band, test_node: Node, value_node: Node) -> Band:
        type_ = union(band.node.type, value_node.type)
        return Band(band.name, MaskedNode(_wherever(type_), type_, [band.node, test_node, value_node]), band.size)

    return image.with_bands(replaced(*trio) for trio in zip(image.bands, tests, values, strict=True))


def _wherever(type_: PixelType) -> Callable[..., Raster]:
    def apply(raster: Raster, test: Raster, value: Raster) -> Raster:
        if raster.values is None:
            return EMPTY
        same = Raster(cast(raster.values, type_), raster.mask, raster.uniform)
        if value.values is None:
            return same
        holds = nonzero(test)
        if value.mask is not None:
            holds = value.mask if holds is True else holds & value.mask
        if holds is False:
            return same
        if holds is True:
            uniform = value.uniform and raster.uniform
            if uniform or raster.values.ndim == 0 or not value.uniform:
                return Raster(cast(value.values, type_), raster.mask, value.uniform)
            holds = np.ones(raster.spread.shape[-2:], bool)
        values = np.where(holds, cast(value.spread, type_), cast(raster.spread, type_))
        return Raster(values, raster.mask)

    return apply


@implements("Image.blend")
def blend(bottom: Image, top: Image) -> Image:
    """The top image where it is valid."""

    def over(band: Band, node: Node) -> Band:
        type_ = union(band.node.type, node.type)
        return Band(band.name, MaskedNode(lambda t, b: choose(b, t, type_), type_, [node, band.node]), band.size)

    return bottom.with_bands(over(b, n) for b, n in zip(bottom.bands, mates(bottom, top, "top image"), strict=True))

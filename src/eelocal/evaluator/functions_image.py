"""Images and their bands: load, constants, select, rename, add, cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eelocal.catalog import ImageAsset
from eelocal.errors import EEError, bad_request, not_found
from eelocal.evaluator.geometry import footprint
from eelocal.evaluator.grid import Projection
from eelocal.evaluator.image import Band, Image, constant, unique
from eelocal.evaluator.node import ConstantNode
from eelocal.evaluator.pixeltype import DOUBLE
from eelocal.evaluator.registry import Context, implements
from eelocal.evaluator.resampling import AssetNode


def from_asset(asset: ImageAsset) -> Image:
    """Return the image of a stored asset: nothing is read but what the catalog holds already."""
    bands = []
    for info in asset.bands:
        node = AssetNode(asset, info)
        bands.append(Band(info.name, node, (info.width, info.height)))
    properties = dict(asset.properties)
    properties.setdefault("system:index", asset.id.rpartition("/")[2])
    outline = None
    if asset.bands:
        first = asset.bands[0]
        outline = footprint(first.crs, tuple(first.transform), first.width, first.height)
    return Image(properties, asset.id, tuple(bands), outline)


@implements("Image.load", context=True, note="the newest version only")
def load(context: Context, name: str, version: int) -> Image:
    """The image of an id."""
    try:
        if context.catalog.kind(name) != "IMAGE":
            raise bad_request(f"Asset '{name}' is not an Image.")
        return from_asset(context.catalog.image(name))
    except EEError as error:
        if error.code == 404:
            raise missing("Image", name) from None
        raise


def missing(kind: str, name: str, instead: str | None = None) -> EEError:
    """Return the service's words for an asset that is not there, and what the catalog holds instead."""
    text = f"{kind}.load: {kind} asset '{name}' not found (does not exist or caller does not have access)"
    error = not_found(f"{text}: {instead}." if instead else f"{text}.")
    error.located = True
    return error


@implements("Image.constant")
def constant_image(value: Any) -> Image:
    """A number, an array, or a list of them."""
    return Image(bands=tuple(constant(value)))


@implements("Image.metadata")
def metadata(image: Image, name: str, label: str | None) -> Image:
    """A property as a constant."""
    value = image.properties.get(name)
    if not isinstance(value, int | float):
        raise bad_request(f"Property '{name}' is missing or is no number.")
    return image.with_bands([Band(label or name, ConstantNode(np.asarray(float(value)), DOUBLE))])


def find(image: Image, selector: Any) -> list[int]:
    """Return the bands that a name, a pattern or an index selects.

    Raises:
        EEError: where it selects none.
    """
    if isinstance(selector, bool) or not isinstance(selector, str | int | float):
        raise bad_request(f"A band selector must be a name, a pattern or an index, not {selector!r}.")
    if isinstance(selector, int | float):
        index = int(selector)
        if index != selector or not -len(image.bands) <= index < len(image.bands):
            raise bad_request(f"Band index {selector} out of bounds: the image has {len(image.bands)} band(s).")
        return [index % len(image.bands)]
    names = image.names
    if selector in names:
        return [names.index(selector)]
    try:
        found = [i for i, name in enumerate(names) if re.fullmatch(selector, name)]
    except re.error:
        found = []
    if not found:
        raise bad_request(f"Band pattern '{selector}' did not match any bands. Available bands: [{', '.join(names)}]")
    return found


@implements("Image.select")
def select(image: Image, selectors: list[Any], names: list[str] | None) -> Image:
    """By name, pattern or index, with new names if given."""
    picked = [image.bands[index] for selector in selectors for index in find(image, selector)]
    if names is not None:
        if len(names) != len(picked):
            raise bad_request(
                f"The number of names ({len(names)}) must match the number of bands selected ({len(picked)})."
            )
        return rename(image.with_bands(picked), names)
    return image.with_bands(
        replace(band, name=name) for band, name in zip(picked, unique([band.name for band in picked]), strict=True)
    )


@implements("Image.rename")
def rename(image: Image, names: list[str]) -> Image:
    """A new name for every band."""
    if len(names) != len(image.bands):
        raise bad_request(f"The number of names ({len(names)}) must match the number of bands ({len(image.bands)}).")
    for name in names:
        if not isinstance(name, str) or not name:
            raise bad_request(f"Invalid band name {name!r}.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise bad_request(f"Band name '{twice[0]}' is used more than once.")
    return image.with_bands(replace(band, name=name) for band, name in zip(image.bands, names, strict=True))


@implements("Image.addBands")
def add_bands(image: Image, other: Image, names: list[str] | None, overwrite: bool) -> Image:
    """The bands of a second image behind those of the first."""
    added = list(other.bands if names is None else select(other, names, None).bands)
    if not overwrite:
        return named_apart(image, [*image.bands, *added])
    bands = list(image.bands)
    for band in added:
        at = next((i for i, known in enumerate(bands) if known.name == band.name), None)
        if at is None:
            bands.append(band)
        else:
            bands[at] = band
    return image.with_bands(bands)


def named_apart(image: Image, bands: Sequence[Band]) -> Image:
    """Return the image with bands whose repeated names are suffixed."""
    names = unique([band.name for band in bands])
    return image.with_bands(replace(band, name=name) for band, name in zip(bands, names, strict=True))


@implements("Image.cat", context=True)
def cat(context: Context, images: list[Any]) -> Image:
    """All bands, with the first image's metadata."""
    if not images:
        return Image()
    cast = [context.cast(image, "Image<unknown bands>") for image in images]
    return named_apart(cast[0], [band for image in cast for band in image.bands])


@implements("Image.slice")
def cut(image: Image, start: int, end: int | None) -> Image:
    """Bands by position."""
    return image.with_bands(image.bands[start:end])


@implements("Image.bandNames")
def band_names(image: Image) -> list[str]:
    """The names in order."""
    return image.names


@implements("Image.projection")
def projection(image: Image) -> Projection:
    """The default projection that all bands share."""
    found = {band.node.projection for band in image.bands}
    if not found:
        raise bad_request("The image has no bands.")
    if len(found) > 1:
        raise bad_request(
            "The bands of the specified image contains different projections. Use Image.select to pick a single band."
        )
    return found.pop()

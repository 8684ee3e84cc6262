"""Images, features and collections as the evaluator holds them: bands are lazy, properties are not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import shapely

from eelocal.errors import bad_request
from eelocal.evaluator.geometry import GLOBE, LONLAT, Geometry
from eelocal.evaluator.node import ConstantNode, Node
from eelocal.evaluator.pixeltype import PixelType, of_number


@dataclass(frozen=True)
class Band:
    """A named lazy band, with its raster's size where it is stored."""

    name: str
    node: Node
    size: tuple[int, int] | None = None


@dataclass(frozen=True)
class Element:
    """What has properties: an image or a feature."""

    properties: dict[str, Any] = field(default_factory=dict)
    id: str | None = None

    @property
    def index(self) -> str:
        """The element's name within its collection."""
        return str(self.properties.get("system:index", ""))


@dataclass(frozen=True)
class Image(Element):
    """Named bands with properties; `footprint` is None where the image has no bounds."""

    bands: tuple[Band, ...] = ()
    footprint: Geometry | None = None

    @property
    def names(self) -> list[str]:
        """The bands' names."""
        return [band.name for band in self.bands]

    @property
    def nodes(self) -> list[Node]:
        """The bands' nodes."""
        return [band.node for band in self.bands]

    def with_bands(self, bands: Iterable[Band]) -> Image:
        """Return this image, metadata and footprint kept, with other bands."""
        return replace(self, bands=tuple(bands))

    def derived(self, bands: Iterable[Band]) -> Image:
        """Return an image of other bands that keeps the footprint and no property but its index."""
        kept = {k: v for k, v in self.properties.items() if k == "system:index"}
        return Image(kept, None, tuple(bands), self.footprint)

    def each(self, make: Callable[[Node], Node]) -> Image:
        """Return this image, metadata kept, with a new node for every band."""
        return self.with_bands(Band(band.name, make(band.node)) for band in self.bands)


@dataclass(frozen=True)
class Feature(Element):
    """A geometry with properties."""

    geometry: Geometry | None = None


@dataclass(frozen=True)
class Collection:
    """Images in order."""

    elements: tuple[Image, ...]
    id: str | None = None

    def with_elements(self, elements: Iterable[Image]) -> Collection:
        """Return this collection with other images."""
        return replace(self, elements=tuple(elements))


def outline(value: Element | Collection) -> Geometry:
    """Return the geometry of an image, a feature or a collection: the whole globe where it has no bounds.

    Raises:
        EEError: for a feature without one.
    """
    if isinstance(value, Image):
        return value.footprint or GLOBE
    if isinstance(value, Feature):
        if value.geometry is None:
            raise bad_request("The feature has no geometry.")
        return value.geometry
    if isinstance(value, Collection):
        parts = [outline(element).to(LONLAT).shape for element in value.elements]
        return Geometry(shapely.union_all(parts), LONLAT, True)
    raise bad_request("The element has no geometry.")


@dataclass(frozen=True)
class Array:
    """A constant array with its element type."""

    values: np.ndarray[Any, Any]
    type: PixelType


def constant(value: Any, name: str = "constant") -> list[Band]:
    """Return the bands of a constant image: a number, an array, or a list of them.

    Raises:
        EEError: for anything else.
    """
    if isinstance(value, bool | int | float):
        return [Band(name, ConstantNode(np.asarray(value), of_number(value)))]
    if isinstance(value, Array):
        return [Band(name, ConstantNode(value.values, value.type.with_dimensions(value.values.ndim)))]
    if isinstance(value, list):
        found = [constant(item, f"constant_{index}") for index, item in enumerate(value) if not isinstance(item, list)]
        if len(found) == len(value):
            return [band for bands in found for band in bands]
    raise bad_request("Image.constant: the value must be a number, an Array, or a list of them.")


def unique(names: Sequence[str]) -> list[str]:
    """Return the names, a repeated one suffixed with the first free number (``b``, ``b_1``, ``b_2``)."""
    out: list[str] = []
    taken: set[str] = set()
    for name in names:
        candidate, number = name, 0
        while candidate in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate)
        out.append(candidate)
    return out


def pair(first: Image, second: Image) -> list[tuple[str, Node, Node]]:
    """Match the bands of two images: by name where the names agree, else in order; one band goes with all.

    Raises:
        EEError: where the numbers of bands differ and neither is one.
    """
    one, two = first.bands, second.bands
    if not one and not two:
        return []
    if not one or not two:
        got = f"Got {len(one)} and {len(two)}"
        raise bad_request(f"If one image has no bands, the other must also have no bands. {got}.")
    if len(two) == 1:
        return [(band.name, band.node, two[0].node) for band in one]
    if len(one) == 1:
        return [(band.name, one[0].node, band.node) for band in two]
    if len(one) != len(two):
        got = f"Got {len(one)} and {len(two)}"
        raise bad_request(f"Images must have the same number of bands, or one of them must have one band. {got}.")
    by_name = {band.name: band.node for band in two}
    if set(by_name) == {band.name for band in one}:
        return [(band.name, band.node, by_name[band.name]) for band in one]
    return [(a.name, a.node, b.node) for a, b in zip(one, two, strict=True)]


def mates(image: Image, other: Image, what: str) -> list[Node]:
    """Return the band of `other` that goes with each band of `image`: its only one, or the one in the same place.

    Raises:
        EEError: where the numbers do not fit.
    """
    if len(other.bands) == 1:
        return [other.bands[0].node] * len(image.bands)
    if len(other.bands) != len(image.bands):
        raise bad_request(
            f"The {what} must have one band or as many as the image ({len(image.bands)}), not {len(other.bands)}."
        )
    return other.nodes

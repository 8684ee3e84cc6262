"""Collections: load, filter, sort, map, merge."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from eelocal.errors import EEError, bad_request
from eelocal.evaluator.encode import encode
from eelocal.evaluator.filters import Filter, plain, read
from eelocal.evaluator.functions_image import from_asset, missing
from eelocal.evaluator.image import Band, Collection, Image
from eelocal.evaluator.registry import Context, implements


@implements("ImageCollection.load", context=True, note="the newest version only")
def load(context: Context, name: str, version: int | None) -> Collection:
    """The images of a collection, by id."""
    try:
        images = [from_asset(asset) for asset in context.catalog.images(name)]
    except EEError as error:
        if error.code == 404:
            raise missing("ImageCollection", name, context.catalog.elsewhere(name)) from None
        raise
    return Collection(tuple(sorted(images, key=lambda image: image.index)), name)


@implements("ImageCollection.fromImages")
def from_images(images: list[Image]) -> Collection:
    """A collection of images."""
    return Collection(tuple(_indexed(image, str(i)) for i, image in enumerate(images)))


def _indexed(image: Image, index: str) -> Image:
    return replace(image, properties={**image.properties, "system:index": index})


@implements("Collection.filter")
def filter_(collection: Collection, test: Any) -> Collection:
    """The images that pass."""
    if not isinstance(test, Filter):
        raise bad_request("The value is not an ee.Filter; eelocal does not implement filters that are written as text.")
    return collection.with_elements(image for image in collection.elements if test.passes(image))


@implements("Collection.limit")
def limit(collection: Collection, count: int | None, key: str | None, ascending: bool) -> Collection:
    """Sorted by a property, those without it first, and cut."""
    images = list(collection.elements) if key is None else in_order(collection.elements, key, ascending)
    if count is not None and count < 0:
        raise bad_request("The limit must not be negative.")
    return collection.with_elements(images if count is None else images[:count])


def in_order(images: Iterable[Image], key: str, ascending: bool) -> list[Image]:
    """Return images sorted by a property, those without it first; equals keep their order."""
    return sorted(images, key=lambda image: _sort_key(read(image, key)), reverse=not ascending)


def _sort_key(value: Any) -> tuple[int, Any]:
    """Order missing values, then numbers, then strings."""
    value = plain(value)
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, int | float) else (2, str(value))


@implements("Collection.distinct")
def distinct(collection: Collection, names: Any) -> Collection:
    """One image of those that are alike in some properties, the first."""
    listed = names if isinstance(names, list) else [names]
    if not listed or not all(isinstance(name, str) and name != ".geo" for name in listed):
        raise bad_request("The properties must be one name or a list of names; eelocal does not compare geometries.")
    kept: dict[str, Image] = {}
    for image in collection.elements:
        kept.setdefault(json.dumps([encode(read(image, name)) for name in listed]), image)
    return collection.with_elements(kept.values())


@implements("Collection.map", context=True)
def map_(context: Context, collection: Collection, function: Any, drop: bool) -> Collection:
    """A function of each image; the index is kept."""
    out: list[Image] = []
    for image in collection.elements:
        try:
            result = context.apply(function, [image])
        except EEError as error:
            error.message = f"Error in map(ID={image.index}):\n{error.message}"
            error.args = (error.message,)
            raise
        if result is None and drop:
            continue
        if not isinstance(result, Image):
            raise bad_request("A mapped algorithm must return an Image; eelocal does not implement other collections.")
        out.append(_indexed(result, image.index))
    return collection.with_elements(out)


@implements("Collection.iterate", context=True)
def iterate(context: Context, collection: Collection, function: Any, first: Any) -> Any:
    """A function of each image and the last result."""
    for image in collection.elements:
        first = context.apply(function, [image, first])
    return first


@implements("ImageCollection.merge")
def merge(first: Collection, second: Collection) -> Collection:
    """Both, their indices prefixed."""
    sides = ((1, first), (2, second))
    return Collection(tuple(_indexed(i, f"{number}_{i.index}") for number, side in sides for i in side.elements))


@implements("Collection.size")
def size(collection: Collection) -> int:
    """The number of images."""
    return len(collection.elements)


@implements("Collection.first")
def first_of(collection: Collection) -> Image | None:
    """The first image, or null."""
    return collection.elements[0] if collection.elements else None


@implements("Collection.toList")
def to_list(collection: Collection, count: int, offset: int) -> list[Image]:
    """Images from an offset."""
    return list(collection.elements[offset : offset + count])


@implements("ImageCollection.toBands")
def to_bands(collection: Collection) -> Image:
    """All bands of all images, their names prefixed with the image's index."""
    bands = [Band(f"{i.index}_{b.name}", b.node) for i in collection.elements for b in i.bands]
    return Image(bands=tuple(bands))

"""Collections: load, filter, sort, map, merge."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eelocal.errors import EEError, bad_request
from eelocal.evaluator.filters import plain, read
from eelocal.evaluator.functions_filter import as_filter
from eelocal.evaluator.functions_image import from_asset, missing
from eelocal.evaluator.image import Band, Collection, Element, Image
from eelocal.evaluator.registry import Context, implements


@implements("ImageCollection.load", context=True, note="the newest version only")
def load(context: Context, name: str, version: int | None) -> Collection:
    """The images of a collection, by id."""
    try:
        if context.catalog.kind(name) != "IMAGE_COLLECTION":
            raise bad_request(f"Asset '{name}' is not an ImageCollection.")
        images = [from_asset(asset) for asset in context.catalog.images(name)]
    except EEError as error:
        if error.code == 404:
            raise missing("ImageCollection", name) from None
        raise
    return Collection(tuple(sorted(images, key=lambda image: image.index)), True, name)


def indexed(elements: list[Element]) -> tuple[Element, ...]:
    """Return elements, those without an index, or with a repeated one, numbered by their place."""
    known = [element.index for element in elements]
    if all(known) and len(set(known)) == len(known):
        return tuple(elements)
    return tuple(replace(e, properties={**e.properties, "system:index": str(i)}) for i, e in enumerate(elements))


@implements("ImageCollection.fromImages")
def from_images(images: list[Image]) -> Collection:
    """A collection of images."""
    return Collection(
        tuple(replace(e, properties={**e.properties, "system:index": str(i)}) for i, e in enumerate(images)), True
    )


@implements("Collection")
def from_features(features: list[Element]) -> Collection:
    """A collection of features."""
    return Collection(indexed(features))


@implements("Collection.filter")
def filter_(collection: Collection, test: Any) -> Collection:
    """The elements that pass."""
    wanted = as_filter(test)
    return collection.with_elements(element for element in collection.elements if wanted.passes(element))


@implements("Collection.limit")
def limit(collection: Collection, count: int | None, key: str | None, ascending: bool) -> Collection:
    """Sorted by a property, those without it first, and cut."""
    elements = list(collection.elements)
    if key is not None:
        elements.sort(key=lambda element: sort_key(read(element, key)), reverse=not ascending)
    if count is not None and count < 0:
        raise bad_request("The limit must not be negative.")
    return collection.with_elements(elements if count is None else elements[:count])


def sort_key(value: Any) -> tuple[int, Any]:
    """Order missing values, then numbers, then strings."""
    value = plain(value)
    if value is None:
        return 0, 0
    return (1, value) if isinstance(value, int | float) else (2, str(value))


@implements("Collection.map", context=True)
def map_(context: Context, collection: Collection, function: Any, drop: bool) -> Collection:
    """A function of each element; the index is kept."""
    out: list[Element] = []
    for element in collection.elements:
        try:
            result = context.apply(function, [element])
        except EEError as error:
            error.message = f"Error in map(ID={element.index}):\n{error.message}"
            error.args = (error.message,)
            raise
        if result is None and drop:
            continue
        if not isinstance(result, Element):
            raise bad_request("A mapped algorithm must return a Feature or Image.")
        out.append(replace(result, properties={**result.properties, "system:index": element.index}))
    images = all(isinstance(element, Image) for element in out) and (bool(out) or collection.images)
    return replace(collection, elements=tuple(out), images=images)


@implements("Collection.iterate", context=True)
def iterate(context: Context, collection: Collection, function: Any, first: Any) -> Any:
    """A function of each element and the last result."""
    result = first
    for element in collection.elements:
        result = context.apply(function, [element, result])
    return result


@implements("Collection.merge", "ImageCollection.merge")
def merge(first: Collection, second: Collection) -> Collection:
    """Both, their indices prefixed."""
    elements = [
        replace(e, properties={**e.properties, "system:index": f"{number}_{e.index}"})
        for number, side in ((1, first), (2, second))
        for e in side.elements
    ]
    return Collection(tuple(elements), first.images and second.images)


@implements("Collection.size")
def size(collection: Collection) -> int:
    """The number of elements."""
    return len(collection.elements)


@implements("Collection.first")
def first_of(collection: Collection) -> Element | None:
    """The first element, or null."""
    return collection.elements[0] if collection.elements else None


@implements("Collection.toList")
def to_list(collection: Collection, count: int, offset: int) -> list[Element]:
    """Elements from an offset."""
    return list(collection.elements[offset : offset + count])


@implements("Collection.distinct")
def distinct(collection: Collection, properties: Any) -> Collection:
    """The first of each set of values."""
    names = [properties] if isinstance(properties, str) else list(properties)
    seen: set[str] = set()
    out = []
    for element in collection.elements:
        key = repr([plain(read(element, name)) for name in names])
        if key not in seen:
            seen.add(key)
            out.append(element)
    return collection.with_elements(out)


@implements("Collection.flatten")
def flatten(collection: Collection) -> Collection:
    """The elements of a collection's collections."""
    out: list[Element] = []
    for element in collection.elements:
        if isinstance(element, Collection):
            out.extend(element.elements)
        else:
            out.append(element)
    return collection.with_elements(out)


@implements("ImageCollection.toBands")
def to_bands(collection: Collection) -> Image:
    """All bands of all images, their names prefixed with the image's index."""
    bands = [Band(f"{i.index}_{b.name}", b.node) for i in images_of(collection) for b in i.bands]
    return Image(bands=tuple(bands))


def images_of(collection: Collection) -> list[Image]:
    """Return the images of a collection.

    Raises:
        EEError: where an element is none.
    """
    out = []
    for element in collection.elements:
        if not isinstance(element, Image):
            raise bad_request("The collection has elements that are not images.")
        out.append(element)
    return out

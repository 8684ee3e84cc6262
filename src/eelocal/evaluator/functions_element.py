"""Properties of images, and what a collection's images have in common."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator import dates
from eelocal.evaluator.filters import plain, read
from eelocal.evaluator.geometry import Geometry
from eelocal.evaluator.image import Collection, Element, Feature, Image
from eelocal.evaluator.registry import Context, implements


@implements("Feature", note="what filters take a geometry as")
def feature(geometry: Geometry | None, properties: dict[str, Any], key: str | None) -> Feature:
    """A geometry with properties."""
    return Feature(dict(properties or {}), None, geometry)


@implements("Element.get")
def get(element: Element, name: str) -> Any:
    """A property, or null."""
    return read(element, name)


@implements("Element.getNumber", context=True)
def get_number(context: Context, element: Element, name: str) -> Any:
    """A property that is a number, or null."""
    value = read(element, name)
    return None if value is None else context.cast(value, "Number")


@implements("Element.set")
def set_(element: Element, key: str, value: Any) -> Element:
    """One property; null removes it."""
    return set_multi(element, {key: value})


@implements("Element.setMulti")
def set_multi(element: Element, properties: dict[str, Any]) -> Element:
    """Several properties."""
    given = {k: plain(v) if k.startswith("system:time") else v for k, v in properties.items()}
    return replace(element, properties={k: v for k, v in {**element.properties, **given}.items() if v is not None})


@implements("Element.copyProperties", "Image.copyProperties")
def copy(target: Element | None, source: Element | None, names: list[str] | None, exclude: list[str] | None) -> Element:
    """Properties of another element: all that are not the system's, or those that are named."""
    if target is None:
        raise bad_request("The destination is required.")
    if source is None:
        return target
    if names is not None and exclude is not None:
        raise bad_request("Only one of 'properties' and 'exclude' may be specified.")
    if names is None:
        names = [n for n in source.properties if not n.startswith("system:") and n not in (exclude or [])]
    picked = {name: source.properties[name] for name in names if name in source.properties}
    return replace(target, properties={**target.properties, **picked})


@implements("Element.propertyNames")
def names_of(element: Element) -> list[str]:
    """The names, those that every element has among them."""
    extra = ["system:bands", "system:band_names"] if isinstance(element, Image) else []
    return [*element.properties, *(["system:id"] if element.id else []), *extra]


@implements("Element.toDictionary")
def to_dictionary(element: Element, names: list[str] | None) -> dict[str, Any]:
    """The properties that are not the system's, or those that are named."""
    if names is None:
        return {k: v for k, v in element.properties.items() if not k.startswith("system:")}
    missing = [name for name in names if read(element, name) is None]
    if missing:
        raise bad_request(f"Property '{missing[0]}' not found.")
    return {name: read(element, name) for name in names}


@implements("Image.id")
def id_of(element: Element) -> str:
    """The asset id, or the index."""
    return element.id or element.index


@implements("Image.date")
def date_of(image: Image) -> dates.Date:
    """The start of the acquisition."""
    time = image.properties.get("system:time_start")
    if time is None:
        raise bad_request("The image has no property 'system:time_start'.")
    return dates.parse(time)


def _aggregate(name: str, function: Callable[[list[Any]], Any]) -> None:
    @implements(f"AggregateFeatureCollection.{name}")
    def aggregate(collection: Collection, key: str) -> Any:
        return function([plain(v) for v in (read(image, key) for image in collection.elements) if v is not None])


def _of_numbers(function: Callable[[Any], Any], strings: bool = False) -> Callable[[list[Any]], Any]:
    def apply(values: list[Any]) -> Any:
        if not strings and any(isinstance(value, str) for value in values):
            raise bad_request("The property is no number.")
        out = function(values) if values else None
        return out.item() if isinstance(out, np.generic) else out

    return apply


_aggregate("array", list)
_aggregate("count", len)
_aggregate("histogram", lambda values: {str(v): values.count(v) for v in dict.fromkeys(values)})
_aggregate("min", _of_numbers(min, strings=True))
_aggregate("max", _of_numbers(max, strings=True))
_aggregate("mean", _of_numbers(np.mean))
_aggregate("sum", lambda values: _of_numbers(sum)(values) or 0)

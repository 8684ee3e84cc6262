"""Properties of images and features, and what a collection's elements have in common."""

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
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import Context, implements


@implements("Feature")
def feature(geometry: Geometry | None, properties: dict[str, Any], key: str | None) -> Feature:
    """A geometry with properties."""
    return Feature(dict(properties or {}), None, geometry)


@implements("Feature.setGeometry")
def set_geometry(element: Element, geometry: Geometry | None) -> Feature:
    """Another geometry."""
    return Feature(element.properties, element.id, geometry)


@implements("Feature.select")
def select(element: Element, selectors: list[str], names: list[str] | None, geometry: bool) -> Element:
    """Some of the properties."""
    kept = {
        new: element.properties[old]
        for old, new in zip(selectors, names or selectors, strict=True)
        if old in element.properties
    }
    out = replace(element, properties=kept)
    return out if geometry or not isinstance(out, Feature) else replace(out, geometry=None)


@implements("Element.get")
def get(element: Element, name: str) -> Any:
    """A property, or null."""
    return read(element, name)


def _register_get(name: str, type_: str) -> None:
    @implements(f"Element.get{name}", context=True)
    def get_as(context: Context, element: Element, key: str) -> Any:
        value = read(element, key)
        return None if value is None else context.cast(value, type_)


for _name in ("Number", "String", "Array"):
    _register_get(_name, _name)


@implements("Element.set")
def set_(element: Element, key: str, value: Any) -> Element:
    """One property; null removes it."""
    return set_multi(element, {key: value})


@implements("Element.setMulti")
def set_multi(element: Element, properties: dict[str, Any]) -> Element:
    """Several properties."""
    merged = {
        **element.properties,
        **{k: plain(v) if k.startswith("system:time") else v for k, v in properties.items()},
    }
    return replace(element, properties={k: v for k, v in merged.items() if v is not None})


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


@implements("Feature.id", "Image.id")
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


@implements("Collection.reduceColumns", note="no weights")
def reduce_columns(
    collection: Collection, reducer: Reducer, selectors: list[str], weights: list[str] | None
) -> dict[str, Any]:
    """A property an input of the reducer; elements that lack one are skipped."""
    if weights is not None:
        raise bad_request("eelocal does not implement weighted columns.")
    if reducer.inputs != len(selectors):
        raise bad_request(f"The reducer needs {reducer.inputs} input(s), not {len(selectors)}.")
    rows = [[plain(read(element, name)) for name in selectors] for element in collection.elements]
    rows = [row for row in rows if all(value is not None for value in row)]
    stacks = [np.array([row[index] for row in rows]) for index in range(len(selectors))]
    if not rows:
        return {output.name: None for output in reducer.outputs}
    results = reducer.run(stacks, [np.ones(len(rows), bool)] * len(stacks))
    return {
        output.name: result if isinstance(result, dict | list) else np.asarray(result).item()
        for output, (result, _) in zip(reducer.outputs, results, strict=True)
    }


def _numbers(collection: Collection, name: str) -> list[Any]:
    return [plain(v) for v in (read(element, name) for element in collection.elements) if v is not None]


def _aggregate(name: str, function: Callable[[list[Any]], Any]) -> None:
    @implements(f"AggregateFeatureCollection.{name}")
    def aggregate(collection: Collection, key: str) -> Any:
        return function(_numbers(collection, key))


def _or_null(function: Callable[[Any], Any]) -> Callable[[list[Any]], Any]:
    def apply(values: list[Any]) -> Any:
        if not values:
            return None
        if any(isinstance(v, str) for v in values) and function not in (min, max):
            raise bad_request("The property is no number.")
        out = function(values)
        return out.item() if isinstance(out, np.generic) else out

    return apply


_AGGREGATES: dict[str, Callable[[list[Any]], Any]] = {
    "array": list,
    "count": len,
    "count_distinct": lambda values: len({repr(v) for v in values}),
    "first": lambda values: values[0] if values else None,
    "histogram": lambda values: {str(v): values.count(v) for v in dict.fromkeys(values)},
    "min": _or_null(min),
    "max": _or_null(max),
    "mean": _or_null(np.mean),
    "sum": lambda values: _or_null(sum)(values) or 0,
    "product": _or_null(np.prod),
    "total_sd": _or_null(np.std),
    "total_var": _or_null(np.var),
}
for _name, _function in _AGGREGATES.items():
    _aggregate(_name, _function)

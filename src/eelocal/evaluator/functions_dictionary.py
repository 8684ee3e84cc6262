"""Dictionaries."""

from __future__ import annotations

from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.image import Array, Band, Image, constant
from eelocal.evaluator.pixeltype import DOUBLE
from eelocal.evaluator.registry import Context, implements


@implements("Dictionary")
def dictionary(value: Any) -> dict[str, Any]:
    """A dictionary of one, or of a list of keys and values by turns."""
    if value is None:
        return {}
    if isinstance(value, dict):
        return value
    if isinstance(value, list) and len(value) % 2 == 0:
        return {str(k): v for k, v in zip(value[::2], value[1::2], strict=True)}
    raise bad_request("A dictionary is made of a dictionary or of a list of keys and values.")


@implements("Dictionary.get")
def dictionary_get(items: dict[str, Any], key: str, default: Any) -> Any:
    """A value by its key, or the default."""
    if items.get(key) is not None:
        return items[key]
    if default is None and key not in items:
        raise bad_request(f"Dictionary does not contain key: '{key}'.")
    return default


def _register_dictionary_get(name: str) -> None:
    @implements(f"Dictionary.get{name}", context=True)
    def get_as(context: Context, items: dict[str, Any], key: str) -> Any:
        return context.cast(dictionary_get(items, key, None), name)


@implements("Dictionary.set")
def dictionary_set(items: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    """One value."""
    return {**items, key: value}


@implements("Dictionary.keys")
def keys(items: dict[str, Any]) -> list[str]:
    """The keys in alphabetical order."""
    return sorted(items)


@implements("Dictionary.values")
def values(items: dict[str, Any], names: list[str] | None) -> list[Any]:
    """The values in the order of their keys."""
    return [dictionary_get(items, name, None) for name in (sorted(items) if names is None else names)]


@implements("Dictionary.size")
def dictionary_size(items: dict[str, Any]) -> int:
    """The number of keys."""
    return len(items)


@implements("Dictionary.contains")
def dictionary_contains(items: dict[str, Any], key: str) -> bool:
    """Whether there is a key."""
    return key in items


@implements("Dictionary.combine")
def combine(first: dict[str, Any], second: dict[str, Any], overwrite: bool) -> dict[str, Any]:
    """Both; of common keys the second's."""
    return {**first, **second} if overwrite else {**second, **first}


@implements("Dictionary.fromLists")
def from_lists(names: list[str], items: list[Any]) -> dict[str, Any]:
    """Of keys and values."""
    if len(names) != len(items):
        raise bad_request(f"There must be as many keys as values. Got {len(names)} and {len(items)}.")
    return dict(zip(names, items, strict=True))


@implements("Dictionary.select", note="by exact name")
def dictionary_select(items: dict[str, Any], names: list[str], ignore: bool) -> dict[str, Any]:
    """Some keys."""
    return {n: dictionary_get(items, n, None) for n in names if n in items or not ignore}


@implements("Dictionary.remove", note="by exact name")
def dictionary_remove(items: dict[str, Any], names: list[str], ignore: bool) -> dict[str, Any]:
    """Without some keys."""
    missing = [name for name in names if name not in items]
    if missing and not ignore:
        raise bad_request(f"Dictionary does not contain key: '{missing[0]}'.")
    return {k: v for k, v in items.items() if k not in names}


@implements("Dictionary.rename")
def dictionary_rename(items: dict[str, Any], old: list[str], new: list[str], overwrite: bool) -> dict[str, Any]:
    """Other keys."""
    names = dict(zip(old, new, strict=True))
    return {names.get(k, k): v for k, v in items.items()}


@implements("Dictionary.map", context=True)
def dictionary_map(context: Context, items: dict[str, Any], function: Any) -> dict[str, Any]:
    """A function of each key and value."""
    return {k: context.apply(function, [k, items[k]]) for k in sorted(items)}


@implements("Dictionary.toImage")
def to_image(items: dict[str, Any], names: list[str] | None) -> Image:
    """A constant band a key."""
    return Image(bands=tuple(Band(n, constant(items[n])[0].node) for n in (sorted(items) if names is None else names)))


@implements("Dictionary.toArray", note="of numbers, along axis 0")
def to_array(items: dict[str, Any], names: list[str] | None, axis: int) -> Array:
    """The values in the order of their keys."""
    return Array(np.array(values(items, names), np.float64), DOUBLE)


for _name in ("Number", "String", "Array", "Geometry"):
    _register_dictionary_get(_name)

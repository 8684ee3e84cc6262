"""Lists and dictionaries: what properties, band names and a composite's months need of them; conditions."""

from __future__ import annotations

import math
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator.encode import encode
from eelocal.evaluator.registry import Context, implements
from eelocal.evaluator.wire import truth


@implements("If", note="the other case is not computed")
def choose(condition: Any, yes: Any, no: Any) -> Any:
    """The first case where the condition holds: it is not null, false, zero or empty text."""
    return yes if truth(condition) else no


@implements("List.get")
def get(items: list[Any], index: int) -> Any:
    """By position, negative ones from the end."""
    if not -len(items) <= index < len(items):
        raise bad_request(f"List index must be between {-len(items)} and {len(items) - 1}, inclusive. Found {index}.")
    return items[index]


@implements("List.length", "List.size")
def size(items: list[Any]) -> int:
    """The number of elements."""
    return len(items)


@implements("List.contains")
def contains(items: list[Any], item: Any) -> bool:
    """Whether an element is in it."""
    return encode(item) in encode(items)


@implements("List.containsAll")
def contains_all(items: list[Any], others: list[Any]) -> bool:
    """Whether all elements are in it."""
    return all(contains(items, other) for other in others)


@implements("List.join")
def join(items: list[Any], separator: str) -> str:
    """The elements as one text, a separator between them; texts and numbers only."""
    if any(isinstance(item, bool) or not isinstance(item, str | int | float) for item in items):
        raise bad_request("eelocal joins texts and numbers only.")
    whole = [int(item) if isinstance(item, float) and item.is_integer() else item for item in items]
    return separator.join(map(str, whole))


@implements("List.sequence")
def sequence(start: float, end: float | None, step: float, count: int | None) -> list[Any]:
    """Numbers in steps, or a count of them evenly spaced, both ends included."""
    if count is not None:
        if end is not None:
            step = (end - start) / (count - 1) if count > 1 else 0
        return [start + i * step for i in range(count)]
    if end is None:
        raise bad_request("At least one of 'end' and 'count' must be specified.")
    if step == 0:
        raise bad_request("The step must not be 0.")
    return [start + i * step for i in range(math.floor((end - start) / step + 1e-9) + 1)]


@implements("List.map", context=True)
def map_(context: Context, items: list[Any], function: Any, drop: bool) -> list[Any]:
    """A function of each element."""
    out = [context.apply(function, [item]) for item in items]
    return [item for item in out if item is not None] if drop else out


@implements("List.iterate", context=True)
def iterate(context: Context, items: list[Any], function: Any, first: Any) -> Any:
    """A function of each element and the last result."""
    for item in items:
        first = context.apply(function, [item, first])
    return first


@implements("Dictionary.get")
def value_of(items: dict[str, Any], key: str, default: Any) -> Any:
    """A value by its key, or the default."""
    if items.get(key) is not None:
        return items[key]
    if default is None and key not in items:
        raise bad_request(f"Dictionary does not contain key: '{key}'.")
    return default


@implements("Dictionary.getNumber", context=True)
def number_of(context: Context, items: dict[str, Any], key: str) -> Any:
    """A number by its key."""
    return context.cast(value_of(items, key, None), "Number")


@implements("Dictionary.keys")
def keys(items: dict[str, Any]) -> list[str]:
    """The keys in alphabetical order."""
    return sorted(items)


@implements("Dictionary.contains")
def has(items: dict[str, Any], key: str) -> bool:
    """Whether there is a key."""
    return key in items

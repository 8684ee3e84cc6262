"""Lists, and what concerns any object."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.coerce import type_name
from eelocal.evaluator.encode import encode
from eelocal.evaluator.functions_collection import sort_key
from eelocal.evaluator.functions_filter import as_filter
from eelocal.evaluator.functions_string import text
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import Context, implements


def equal(left: Any, right: Any) -> bool:
    """Compare two values by what they say."""
    if isinstance(left, int | float | str | type(None)) and isinstance(right, int | float | str | type(None)):
        return left == right
    return bool(encode(left) == encode(right))


@implements("IsEqual")
def is_equal(left: Any, right: Any) -> bool:
    """Whether two values are the same."""
    return equal(left, right)


@implements("ObjectType")
def object_type(value: Any) -> str:
    """The name of a value's type."""
    return type_name(value).partition("<")[0] or "Null"


def _at(items: list[Any], index: int, last: int = 0) -> int:
    place = index + len(items) if index < 0 else index
    if not 0 <= place < len(items) + last:
        raise bad_request(f"List index must be between {-len(items)} and {len(items) - 1}, inclusive. Found {index}.")
    return place


@implements("List.get")
def get(items: list[Any], index: int) -> Any:
    """By position, negative ones from the end."""
    return items[_at(items, index)]


def _register_get(name: str) -> None:
    @implements(f"List.get{name}", context=True)
    def get_as(context: Context, items: list[Any], index: int) -> Any:
        return context.cast(items[_at(items, index)], name)


for _name in ("Number", "String", "Array", "Geometry"):
    _register_get(_name)


@implements("List.add")
def add(items: list[Any], item: Any) -> list[Any]:
    """At the end."""
    return [*items, item]


@implements("List.cat")
def cat(items: list[Any], other: list[Any]) -> list[Any]:
    """One behind the other."""
    return items + other


@implements("List.insert")
def insert(items: list[Any], index: int, item: Any) -> list[Any]:
    """Before a position."""
    place = _at(items, index, 1)
    return [*items[:place], item, *items[place:]]


@implements("List.set")
def set_(items: list[Any], index: int, item: Any) -> list[Any]:
    """In place of an element."""
    place = _at(items, index)
    return [*items[:place], item, *items[place + 1 :]]


@implements("List.length", "List.size")
def size(items: list[Any]) -> int:
    """The number of elements."""
    return len(items)


@implements("List.contains")
def contains(items: list[Any], item: Any) -> bool:
    """Whether an element is in it."""
    return any(equal(known, item) for known in items)


@implements("List.containsAll")
def contains_all(items: list[Any], others: list[Any]) -> bool:
    """Whether all elements are in it."""
    return all(contains(items, other) for other in others)


@implements("List.equals")
def equals(items: list[Any], others: list[Any]) -> bool:
    """Whether they say the same."""
    return equal(items, others)


@implements("List.indexOf")
def index_of(items: list[Any], item: Any) -> int:
    """The first position, or -1."""
    return next((i for i, known in enumerate(items) if equal(known, item)), -1)


@implements("List.frequency")
def frequency(items: list[Any], item: Any) -> int:
    """How often an element is in it."""
    return sum(equal(known, item) for known in items)


@implements("List.distinct")
def distinct(items: list[Any]) -> list[Any]:
    """Without repetitions."""
    out: list[Any] = []
    for item in items:
        if not contains(out, item):
            out.append(item)
    return out


@implements("List.remove")
def remove(items: list[Any], item: Any) -> list[Any]:
    """Without the first such element."""
    place = index_of(items, item)
    return items if place < 0 else items[:place] + items[place + 1 :]


@implements("List.removeAll")
def remove_all(items: list[Any], others: list[Any]) -> list[Any]:
    """Without such elements."""
    return [item for item in items if not contains(others, item)]


@implements("List.replace", "List.replaceAll")
def replace_all(items: list[Any], old: Any, new: Any) -> list[Any]:
    """Another element in place of one."""
    return [new if equal(item, old) else item for item in items]


@implements("List.flatten")
def flatten(items: list[Any]) -> list[Any]:
    """Lists within lists as one."""
    out: list[Any] = []
    for item in items:
        out.extend(flatten(item) if isinstance(item, list) else [item])
    return out


@implements("List.reverse")
def reverse(items: list[Any]) -> list[Any]:
    """Backwards."""
    return items[::-1]


@implements("List.repeat")
def repeat(item: Any, count: int) -> list[Any]:
    """One element several times."""
    return [item] * count


@implements("List.rotate")
def rotate(items: list[Any], distance: int) -> list[Any]:
    """Each element moved back by a distance."""
    place = distance % len(items) if items else 0
    return items[place:] + items[:place]


@implements("List.sequence")
def sequence(start: float, end: float | None, step: float, count: int | None) -> list[Any]:
    """Numbers in steps, or a count of them evenly spaced, both ends included."""
    if end is None and count is None:
        raise bad_request("At least one of 'end' and 'count' must be specified.")
    if count is not None:
        if end is not None:
            step = (end - start) / (count - 1) if count > 1 else 0
        return [start + i * step for i in range(count)]
    assert end is not None
    if step == 0:
        raise bad_request("The step must not be 0.")
    return [start + i * step for i in range(math.floor((end - start) / step + 1e-9) + 1)]


@implements("List.slice")
def cut(items: list[Any], start: int, end: int | None, step: int | None) -> list[Any]:
    """From a position to before another."""
    return items[start : end : step or 1]


@implements("List.splice")
def splice(items: list[Any], start: int, count: int, other: list[Any] | None) -> list[Any]:
    """Some elements replaced by others."""
    place = _at(items, start, 1)
    return items[:place] + (other or []) + items[place + count :]


@implements("List.swap")
def swap(items: list[Any], first: int, second: int) -> list[Any]:
    """Two elements exchanged."""
    out = list(items)
    a, b = _at(items, first), _at(items, second)
    out[a], out[b] = out[b], out[a]
    return out


@implements("List.sort")
def sort(items: list[Any], keys: list[Any] | None) -> list[Any]:
    """Numbers before strings; by keys if given."""
    if keys is not None and len(keys) != len(items):
        raise bad_request("There must be as many keys as elements.")
    order = sorted(range(len(items)), key=lambda i: sort_key((keys or items)[i]))
    return [items[i] for i in order]


@implements("List.zip")
def zip_(items: list[Any], other: list[Any]) -> list[Any]:
    """Pairs, as many as the shorter list."""
    return [list(pair) for pair in zip(items, other, strict=False)]


@implements("List.unzip")
def unzip(items: list[Any]) -> list[Any]:
    """The columns of a list of rows."""
    return [list(column) for column in zip(*items, strict=True)]


@implements("List.join")
def join(items: list[Any], separator: str) -> str:
    """As text."""
    return separator.join(text(item) for item in items)


@implements("List.filter")
def filter_(items: list[Any], test: Any) -> list[Any]:
    """The elements, as the property 'item', that pass."""
    wanted = as_filter(test)
    return [item for item in items if wanted.passes(item)]


@implements("List.reduce", note="reducers of one input and one output")
def reduce(items: list[Any], reducer: Reducer) -> Any:
    """Numbers to one value; null is skipped."""
    if reducer.inputs != 1:
        raise bad_request("eelocal implements reducers of one input only for lists.")
    valid = np.array([item is not None for item in items], bool)
    stack = np.array([0 if item is None else item for item in items])
    if stack.dtype.kind not in "iufb":
        raise bad_request("Only lists of numbers can be reduced.")
    if not len(stack):
        return 0 if reducer.name in ("count", "sum") else None
    results = reducer.run([stack], [valid])
    plain = [
        r if isinstance(r, dict | list) else (np.asarray(r).item() if bool(np.all(good)) else None)
        for r, good in results
    ]
    return plain[0] if len(plain) == 1 else {o.name: v for o, v in zip(reducer.outputs, plain, strict=True)}

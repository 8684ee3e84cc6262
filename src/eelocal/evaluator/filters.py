"""Filters: conditions on an element's properties, geometry and date."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator import dates
from eelocal.evaluator.geometry import Geometry, together
from eelocal.evaluator.image import Element, Feature, Image


@dataclass(frozen=True)
class Filter:
    """A condition on an element; `pairs` is the same on two, the left fields of one and the right ones of the other."""

    passes: Callable[[Element], bool]
    pairs: Callable[[Element, Element], bool] | None = None  # None: eelocal joins nothing by it


def read(element: Element, name: str) -> Any:
    """Return a property by name; ``.all``, ``.geo`` and ``.id`` are the geometry and the index. None where missing."""
    if name in (".all", ".geo"):
        return element
    if name in ("system:index", ".id"):
        return element.index or None
    return element.properties.get(name)


Side = Callable[[Element], Any]


def sides(left_field: str | None, right_value: Any, right_field: str | None, left_value: Any) -> tuple[Side, Side]:
    """Return how to read the two operands.

    Raises:
        EEError: where one is given twice or not at all.
    """

    def side(field: str | None, value: Any, which: str) -> Side:
        if field is not None and value is not None:
            raise bad_request(f"Only one of {which}Field and {which}Value may be specified.")
        if field is None and value is None:
            raise bad_request(f"Either {which}Field or {which}Value must be specified.")
        return (lambda element: read(element, field)) if field is not None else (lambda element: value)

    return side(left_field, left_value, "left"), side(right_field, right_value, "right")


def comparison(test: Callable[[Any, Any], bool], left: Side, right: Side) -> Filter:
    """Return a filter that fails where an operand is missing."""

    def pairs(one: Element, other: Element) -> bool:
        a, b = left(one), right(other)
        return a is not None and b is not None and test(a, b)

    return Filter(lambda element: pairs(element, element), pairs)


def plain(value: Any) -> Any:
    """Return dates as milliseconds, so that they compare with numbers."""
    return value.millis if isinstance(value, dates.Date) else value


def ordered(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Compare numbers with numbers and strings with strings; anything else fails."""

    def compare(a: Any, b: Any) -> bool:
        a, b = plain(a), plain(b)
        if isinstance(a, str) != isinstance(b, str):
            return False
        try:
            return bool(test(a, b))
        except TypeError:
            return False

    return compare


COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": lambda a, b: bool(plain(a) == plain(b)),
    "notEquals": lambda a, b: bool(plain(a) != plain(b)),
    "lessThan": ordered(operator.lt),
    "lessThanOrEquals": ordered(operator.le),
    "greaterThan": ordered(operator.gt),
    "greaterThanOrEquals": ordered(operator.ge),
    "inList": lambda a, b: isinstance(b, list) and plain(a) in [plain(v) for v in b],
    "listContains": lambda a, b: isinstance(a, list) and plain(b) in [plain(v) for v in a],
    "stringContains": lambda a, b: isinstance(a, str) and isinstance(b, str) and b in a,
    "stringStartsWith": lambda a, b: isinstance(a, str) and isinstance(b, str) and a.startswith(b),
    "stringEndsWith": lambda a, b: isinstance(a, str) and isinstance(b, str) and a.endswith(b),
}


def shape_of(value: Any) -> Geometry | None:
    """Return the geometry of an operand; None for an image without bounds."""
    if isinstance(value, Image):
        return value.footprint
    if isinstance(value, Feature):
        return value.geometry
    if isinstance(value, Geometry):
        return value
    raise bad_request("The operand of a spatial filter is not a geometry.")


def meeting(a: Any, b: Any) -> bool:
    """Whether two operands' geometries meet; what has no bounds meets everything."""
    one, two = shape_of(a), shape_of(b)
    if one is None or two is None:
        return True
    first, second, _ = together(one, two)
    return bool(first.intersects(second))

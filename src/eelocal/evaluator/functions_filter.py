"""The constructors of filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator import dates
from eelocal.evaluator.filters import COMPARISONS, Filter, comparison, parse, read, shape_of, sides, spatial
from eelocal.evaluator.image import Element
from eelocal.evaluator.registry import Context, implements

_SHORT = {
    "equals": "eq", "notEquals": "neq", "lessThan": "lt", "lessThanOrEquals": "lte", "greaterThan": "gt",
    "greaterThanOrEquals": "gte",
}  # fmt: skip


def _register(names: list[str], test: Callable[[Any, Any], bool]) -> None:
    @implements(*names)
    def make(left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, *rest: Any) -> Filter:
        return comparison(test, *sides(left_field, right_value, right_field, left_value))


for _name, _test in COMPARISONS.items():
    _register([f"Filter.{_name}"] + ([f"Filter.{_SHORT[_name]}"] if _name in _SHORT else []), _test)
_register(["Filter.intersects"], spatial(lambda a, b: a.intersects(b), True))
_register(["Filter.disjoint"], spatial(lambda a, b: a.disjoint(b), False))
_register(["Filter.contains"], spatial(lambda a, b: a.covers(b), False))
_register(["Filter.isContained"], spatial(lambda a, b: b.covers(a), False))


@implements("Filter.dateRangeContains")
def date_range_contains(left_field: str | None, right_value: Any, right_field: str | None, left_value: Any) -> Filter:
    """The left operand is a range, the right one a date."""

    def inside(span: Any, moment: Any) -> bool:
        if not isinstance(span, dates.DateRange):
            raise bad_request("The left operand must be a date range.")
        return span.contains(dates.parse(moment))

    return comparison(inside, *sides(left_field, right_value, right_field, left_value))


@implements("Filter.calendarRange")
def calendar_range(start: int, end: int | None, name: str) -> Filter:
    """The element's time is in a range of a calendar field, both ends included; it may wrap around."""
    dates.field(dates.Date(0), name)
    last = start if end is None else end

    def passes(element: Any) -> bool:
        time = read(element, "system:time_start")
        if time is None:
            return False
        value = dates.field(dates.parse(time), name)
        return start <= value <= last if start <= last else value >= start or value <= last

    return Filter(passes)


@implements("Filter.dayOfYear")
def day_of_year(start: int, end: int) -> Filter:
    """Days from start to the one before end."""
    return calendar_range(start, end - 1, "day_of_year")


@implements("Filter.rangeContains")
def range_contains(name: str, low: Any, high: Any) -> Filter:
    """Both ends included."""
    least, most = COMPARISONS["greaterThanOrEquals"], COMPARISONS["lessThanOrEquals"]
    return Filter(lambda e: read(e, name) is not None and least(read(e, name), low) and most(read(e, name), high))


@implements("Filter.notNull")
def not_null(names: list[str]) -> Filter:
    """All of the properties are set."""
    return Filter(lambda element: all(read(element, name) is not None for name in names))


@implements("Filter.and", context=True)
def every(context: Context, filters: list[Any]) -> Filter:
    """All pass."""
    tests = [as_filter(test) for test in filters]
    return Filter(lambda element: all(test.passes(element) for test in tests))


@implements("Filter.or", context=True)
def some(context: Context, filters: list[Any]) -> Filter:
    """At least one passes."""
    tests = [as_filter(test) for test in filters]
    return Filter(lambda element: any(test.passes(element) for test in tests))


@implements("Filter.not")
def opposite(test: Any) -> Filter:
    """It does not pass."""
    inner = as_filter(test)
    return Filter(lambda element: not inner.passes(element))


@implements("Filter.always")
def always() -> Filter:
    """Everything passes."""
    return Filter(lambda element: True)


@implements("Filter.never")
def never() -> Filter:
    """Nothing passes."""
    return Filter(lambda element: False)


@implements("Filter.hasGeometry")
def has_geometry() -> Filter:
    """The element has a geometry."""
    return Filter(lambda element: isinstance(element, Element) and shape_of(element) is not None)


@implements("Filter.expression", note="terms joined by 'and' or '&&'")
def expression(text: str) -> Filter:
    """Parse."""
    return parse(text)


def as_filter(value: Any) -> Filter:
    """Return a filter or the filter of an expression.

    Raises:
        EEError: for anything else.
    """
    if isinstance(value, Filter):
        return value
    if isinstance(value, str):
        return parse(value)
    raise bad_request("The value is not a filter.")

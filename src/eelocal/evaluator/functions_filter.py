"""The constructors of filters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator import dates
from eelocal.evaluator.filters import COMPARISONS, Filter, comparison, meeting, read, sides
from eelocal.evaluator.image import Element
from eelocal.evaluator.registry import implements


def _in_range(span: Any, moment: Any) -> bool:
    if not isinstance(span, dates.DateRange):
        raise bad_request("The left operand must be a date range.")
    return span.contains(dates.parse(moment))


def _register(name: str, test: Callable[[Any, Any], bool]) -> None:
    @implements(f"Filter.{name}")
    def make(left_field: str | None, right_value: Any, right_field: str | None, left_value: Any, *rest: Any) -> Filter:
        return comparison(test, *sides(left_field, right_value, right_field, left_value))


for _name, _test in COMPARISONS.items():
    _register(_name, _test)
_register("intersects", meeting)
_register("dateRangeContains", _in_range)


@implements("Filter.calendarRange")
def calendar_range(start: int, end: int | None, name: str) -> Filter:
    """The element's time is in a range of a calendar field, both ends included; it may wrap around."""
    dates.field(dates.Date(0), name)
    last = start if end is None else end

    def passes(element: Element) -> bool:
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


@implements("Filter.and")
def every(filters: list[Filter]) -> Filter:
    """All pass."""
    return Filter(lambda element: all(test.passes(element) for test in filters))


@implements("Filter.or")
def some(filters: list[Filter]) -> Filter:
    """At least one passes."""
    return Filter(lambda element: any(test.passes(element) for test in filters))


@implements("Filter.not")
def opposite(test: Filter) -> Filter:
    """It does not pass."""
    return Filter(lambda element: not test.passes(element))

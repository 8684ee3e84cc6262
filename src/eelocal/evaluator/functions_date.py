"""Dates and ranges of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from eelocal.errors import bad_request
from eelocal.evaluator import dates
from eelocal.evaluator.dates import Date, DateRange
from eelocal.evaluator.registry import implements


def _utc(zone: str | None) -> None:
    if zone not in (None, "UTC", "GMT", "Etc/UTC"):
        raise bad_request(f"eelocal does not implement the time zone '{zone}'; use UTC.")


@implements("Date", note="in UTC")
def date(value: Any, zone: str | None) -> Date:
    """Of milliseconds or an ISO 8601 string."""
    _utc(zone)
    return dates.parse(value)


@implements("Date.fromYMD", note="in UTC")
def from_ymd(year: int, month: int, day: int, zone: str | None) -> Date:
    """A day's start."""
    _utc(zone)
    try:
        return Date(dates.to_millis(datetime(year, month, day, tzinfo=UTC)))
    except ValueError:
        raise bad_request(f"Invalid date: {year}-{month}-{day}.") from None


@implements("Date.millis")
def millis(moment: Date) -> int:
    """Milliseconds since 1970."""
    return moment.millis


@implements("Date.advance", note="in UTC")
def advance(moment: Date, delta: float, unit: str, zone: str | None) -> Date:
    """Later by a number of units."""
    _utc(zone)
    return dates.advance(moment, delta, unit)


@implements("Date.difference")
def difference(moment: Date, start: Date, unit: str) -> float:
    """The time between in units; months and years are averages."""
    return (moment.millis - start.millis) / dates.UNITS[dates.singular(unit)]


@implements("Date.format", note="in UTC")
def format_(moment: Date, pattern: str | None, zone: str | None) -> str:
    """By a Joda pattern."""
    _utc(zone)
    return dates.text(moment, pattern)


@implements("Date.get", note="in UTC")
def get(moment: Date, unit: str, zone: str | None) -> int:
    """A calendar field."""
    _utc(zone)
    return dates.field(moment, unit)


@implements("Date.getRelative", note="in UTC")
def get_relative(moment: Date, unit: str, within: str, zone: str | None) -> int:
    """Units since the start of a larger one, from 0."""
    _utc(zone)
    start = dates.start_of(moment, within)
    if dates.singular(unit) in ("month", "year"):
        return moment.utc.month - start.utc.month + 12 * (moment.utc.year - start.utc.year)
    return int((moment.millis - start.millis) // dates.UNITS[dates.singular(unit)])


@implements("Date.getRange", note="in UTC")
def get_range(moment: Date, unit: str, zone: str | None) -> DateRange:
    """The unit of time that holds the date."""
    _utc(zone)
    start = dates.start_of(moment, unit)
    return DateRange(start, dates.advance(start, 1, unit))


@implements("DateRange", note="in UTC")
def date_range(start: Any, end: Any, zone: str | None) -> DateRange:
    """From a date to before another; without one, a millisecond, or the range that is given."""
    _utc(zone)
    if isinstance(start, DateRange) and end is None:
        return start
    first = dates.parse(start)
    last = Date(first.millis + 1) if end is None else dates.parse(end)
    if last.millis < first.millis:
        raise bad_request("The end of a date range must not be before its start.")
    return DateRange(first, last)


@implements("DateRange.start")
def start_of(span: DateRange) -> Date:
    """Its start."""
    return span.start


@implements("DateRange.end")
def end_of(span: DateRange) -> Date:
    """Its end, which it does not contain."""
    return span.end

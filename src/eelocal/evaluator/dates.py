"""Dates, ranges of them and the calendar: all in UTC, in milliseconds since 1970."""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from eelocal.errors import bad_request

UNITS = {
    "second": 1000.0,
    "minute": 60_000.0,
    "hour": 3_600_000.0,
    "day": 86_400_000.0,
    "week": 604_800_000.0,
    "month": 86_400_000.0 * 365.2425 / 12,
    "year": 86_400_000.0 * 365.2425,
}
_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S",
    "DDD": "%j", "D": "%-j", "M": "%-m", "d": "%-d", "y": "%Y", "Y": "%Y",
}  # fmt: skip


@dataclass(frozen=True)
class Date:
    """A moment."""

    millis: int

    @property
    def utc(self) -> datetime:
        """The moment on the calendar."""
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=self.millis)


@dataclass(frozen=True)
class DateRange:
    """From a moment to another, the latter not included."""

    start: Date
    end: Date

    def contains(self, moment: Date) -> bool:
        """Return whether a moment lies in it."""
        return self.start.millis <= moment.millis < self.end.millis


def to_millis(moment: datetime) -> int:
    """Return milliseconds since 1970."""
    return round((moment - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1))


def parse(value: Any) -> Date:
    """Return the date of a date, a number of milliseconds or an ISO 8601 string.

    Raises:
        EEError: where it is none.
    """
    if isinstance(value, Date):
        return value
    if isinstance(value, dict) and value.get("type") == "Date":
        return Date(int(value["value"]))
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Date(int(value))
    if isinstance(value, str):
        full = re.fullmatch(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ](.*))?", value.strip())
        if full:
            year, month, day, rest = full.groups()
            text = f"{year}-{int(month or 1):02d}-{int(day or 1):02d}" + (f"T{rest}" if rest else "")
            try:
                moment = datetime.fromisoformat(text)
                return Date(to_millis(moment if moment.tzinfo else moment.replace(tzinfo=UTC)))
            except ValueError:
                pass
    raise bad_request(f"Invalid date: '{value}'.")


def singular(unit: str) -> str:
    """Return a unit's name without a plural ending.

    Raises:
        EEError: for no unit of time.
    """
    name = unit.lower().removesuffix("s")
    if name not in UNITS:
        raise bad_request(f"Unknown time unit '{unit}'.")
    return name


def advance(date: Date, delta: float, unit: str) -> Date:
    """Move a date by calendar months and years, or by a length of time."""
    name = singular(unit)
    if name in ("month", "year"):
        months = delta * (12 if name == "year" else 1)
        if months != int(months):
            return Date(round(date.millis + delta * UNITS[name]))
        moment = date.utc
        index = moment.year * 12 + moment.month - 1 + int(months)
        year, month = divmod(index, 12)
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return Date(to_millis(moment.replace(year=year, month=month + 1, day=day)))
    return Date(round(date.millis + delta * UNITS[name]))


def field(date: Date, name: str) -> int:
    """Return a calendar field: year, month, day, hour ..., day_of_year, day_of_month, day_of_week (Monday is 1).

    Raises:
        EEError: for no such field.
    """
    moment = date.utc
    fields = {
        "year": moment.year, "month": moment.month, "day": moment.day, "hour": moment.hour, "minute": moment.minute,
        "second": moment.second, "week": moment.isocalendar().week, "day_of_month": moment.day,
        "day_of_year": moment.timetuple().tm_yday, "day_of_week": moment.isoweekday(),
    }  # fmt: skip
    key = name if name in fields else name.removesuffix("s")
    if key not in fields:
        raise bad_request(f"Unknown calendar field '{name}'.")
    return fields[key]


def start_of(date: Date, unit: str) -> Date:
    """Return the start of the unit of time that holds a date."""
    name = singular(unit)
    moment = date.utc.replace(microsecond=0)
    if name == "week":
        moment -= timedelta(days=moment.weekday())
        name = "day"
    order = ["year", "month", "day", "hour", "minute", "second"]
    first = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    for smaller in order[order.index(name) + 1 :]:
        moment = moment.replace(**{smaller: first[smaller]})  # type: ignore[arg-type]  # tzinfo is never among the keys
    return Date(to_millis(moment))


def text(date: Date, pattern: str | None) -> str:
    """Format a date by a Joda pattern; ISO 8601 where there is none."""
    if pattern is None:
        return date.utc.strftime("%Y-%m-%dT%H:%M:%S")

    def piece(match: re.Match[str]) -> str:
        token = match.group(0)
        if token.startswith("'"):
            return token.strip("'")
        if token not in _JODA:
            raise bad_request(f"eelocal does not implement the date pattern '{token}'.")
        return date.utc.strftime(_JODA[token])

    return re.sub(r"'[^']*'|([A-Za-z])\1*", piece, pattern)

"""The time that a map is of, as STAC wants it."""

from datetime import UTC, datetime, timedelta


def season(year: int, months: tuple[int, int]) -> tuple[datetime, datetime]:
    """Return the first and the last second of a year's season.

    A season that passes the new year belongs to the year in which it ends, as in the composites that the maps are made
    of: months 12 to 2 of 2020 are December 2019 to February 2020.
    """
    first, last = months
    begin = datetime(year if first <= last else year - 1, first, 1, tzinfo=UTC)
    after = datetime(year + last // 12, last % 12 + 1, 1, tzinfo=UTC)
    return begin, after - timedelta(seconds=1)

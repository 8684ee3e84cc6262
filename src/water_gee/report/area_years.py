"""Rows of `area.csv` as the page reads them: a year that was not seen has no area of water, and not one of 0 km2."""

from collections.abc import Mapping

_COMPLETE = 0.05  # of the area that may be unseen where a year is compared with others, as of a water body
Row = Mapping[str, str]


def is_seen(row: Row) -> bool:
    """Return whether anything of the area was seen in the year."""
    return float(row["water_km2"]) + float(row["land_km2"]) > 0


def unseen_share(row: Row) -> float:
    """Return the share of the area that was not seen, 0 to 1."""
    unseen = float(row["unseen_km2"])
    whole = float(row["water_km2"]) + float(row["land_km2"]) + unseen
    return unseen / whole if whole > 0 else 1.0


def is_complete(row: Row) -> bool:
    """Return whether so little was unseen that the year's area may be compared with those of other years."""
    return unseen_share(row) <= _COMPLETE

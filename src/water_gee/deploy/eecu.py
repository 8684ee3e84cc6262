"""Compute in Earth Engine: read from the service's profiles, and held against the monthly quotas.

No figure here is anybody's but the service's: where it gives none, as eelocal does, the answer is that it is not known.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import ee

from water_gee.earth import Session
from water_gee.errors import EarthError

# Hours a month of a noncommercial project, by its tier (the service's guide "Noncommercial tiers", since April 2026).
TIERS = {"Community": 150, "Contributor": 1_000, "Partner": 100_000}
UNKNOWN = "EECU: not known here (only the service tells it)"
_HEADING = re.compile(r"^\s*EECU\S*\s", re.MULTILINE)
_ROW = re.compile(r"^\s*(-|\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s+\S", re.IGNORECASE)


@dataclass
class Profiles:
    """The ids of the profiles of the requests within a block, and what they add up to."""

    ids: list[str] = field(default_factory=list)
    seconds: float | None = None


@contextmanager
def profiled(session: Session) -> Iterator[Profiles]:
    """Profile the requests that this thread sends within the block; what they used is known after it.

    A service that gives no profiles, or cannot be asked for them, leaves `seconds` None.
    """
    found = Profiles()
    with ee.data.profiling(found.ids.append):
        yield found
    if not found.ids:
        return
    try:
        call: Any = ee.ApiFunction.lookup("Profile.getProfiles").call
        found.seconds = eecu_seconds(str(session.value(call(ids=found.ids))))
    except (EarthError, ee.EEException):
        return


def eecu_seconds(profile: str) -> float | None:
    """Return the EECU-seconds of a profile: the sum of its first column; None where it is no profile.

    A profile is a table with a heading (`EECU·s PeakMem Count  Description`) and a row an operation; `-` stands for
    what is too little to count. A table with a row that is not understood is none: its sum would be too low.
    """
    heading = _HEADING.search(profile)
    if heading is None:
        return None
    lines = [line for line in profile[heading.end() :].splitlines()[1:] if line.strip()]
    rows = [_ROW.match(line) for line in lines]
    if not rows or None in rows:
        return None
    return sum(float(row[1]) for row in rows if row is not None and row[1] != "-")


def estimate(seconds_per_pixel: float | None, pixels: int) -> str:
    """Return in one line what so many pixels would take, and which monthly quotas hold it."""
    if seconds_per_pixel is None:
        return UNKNOWN
    hours = seconds_per_pixel * pixels / 3600
    held = ", ".join(f"{name} {limit:,} h: {_share(hours, limit)}" for name, limit in TIERS.items())
    return f"some {hours:,.3g} EECU-hours by the profile of the verified sample; of a month's quota, {held}"


def _share(hours: float, limit: int) -> str:
    share = hours / limit
    return f"{share:.0%}" if share <= 1 else f"{share:.1f} months"

"""What the years' water maps say together: occurrence, change, and the first and last year seen as water.

Only the years in which a pixel was seen count: one that was not seen is neither land nor water in that year.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.maps.layers import GAINED, INTERMITTENT, LAYERS, LOST, NEVER, NO_YEAR, PERMANENT, UNCOUNTED

_NO_CLASS = np.uint8(LAYERS["change"].nodata)


@dataclass(frozen=True)
class OverYears:
    """The layers over the years, each [y, x]; the type and the nodata value of each are those of its `Layer`."""

    occurrence: NDArray[np.uint8]
    change: NDArray[np.uint8]
    first_year: NDArray[np.uint16]
    last_year: NDArray[np.uint16]


def over_years(waters: Iterable[tuple[int, NDArray[np.uint8]]]) -> OverYears:
    """Return what the years say together of each pixel; one year at a time is held.

    - `occurrence`: 100 times the years as water over the years seen, rounded to the nearest (halves to the even one).
    - `change`: of a pixel's seen years in their order. `never` is water in none, `permanent` in all; `gained` is land,
      then water to the end, `lost` is water, then land to the end; what turns more than once is `intermittent`. So with
      two seen years there is no intermittent water, and with one only never and permanent, which then say no more than
      the map of that year. `seasonal` is not found here: a study has one composite a year, which does not show that a
      pixel is dry for a part of each; the class is kept for maps that know the months.
    - `first_year`, `last_year`: the first and last year as water; 0 of a pixel that was seen but never as water.

    Args:
        waters: of each year, ascending, its number and its water map [y, x]: 1 water, 0 land, 255 not seen.

    Raises:
        ValueError: there is no year, or they do not ascend.
    """
    known: _Known | None = None
    for year, water in waters:
        known = known or _Known.of(water.shape)
        known.add(year, water)
    if known is None:
        raise ValueError("no year is given")
    return known.layers()


@dataclass
class _Known:
    """What is known of each pixel after some years, [y, x]."""

    seen: NDArray[np.uint8]  # years; a study has at most 119
    wet: NDArray[np.uint8]  # of them as water
    turns: NDArray[np.uint8]  # from land to water or back, from one seen year to the next
    latest: NDArray[np.uint8]  # class of the last seen year, 255 before there is one
    first_year: NDArray[np.uint16]  # as water
    last_year: NDArray[np.uint16]
    year: int = 0

    @classmethod
    def of(cls, shape: tuple[int, ...]) -> "_Known":
        seen, wet, turns = (np.zeros(shape, np.uint8) for _ in range(3))
        first_year, last_year = (np.full(shape, NO_YEAR, np.uint16) for _ in range(2))
        return cls(seen, wet, turns, np.full(shape, UNKNOWN, np.uint8), first_year, last_year)

    def add(self, year: int, water: NDArray[np.uint8]) -> None:
        if year <= self.year:
            raise ValueError(f"the year {year} comes after {self.year}; give the years ascending")
        self.year = year
        is_seen, is_wet = water != UNKNOWN, water == WATER
        self.seen += is_seen
        self.wet += is_wet
        self.turns += is_seen & (self.latest != UNKNOWN) & (water != self.latest)
        np.copyto(self.latest, water, where=is_seen)
        np.copyto(self.first_year, np.uint16(year), where=is_wet & (self.first_year == NO_YEAR))
        np.copyto(self.last_year, np.uint16(year), where=is_wet)

    def layers(self) -> OverYears:
        unseen = self.seen == 0
        share = np.rint(100 * self.wet.astype(np.float32) / np.maximum(self.seen, 1)).astype(np.uint8)
        turned = np.where(self.latest == WATER, np.uint8(GAINED), np.uint8(LOST))
        change = np.where(self.turns == 1, turned, np.uint8(INTERMITTENT))
        for value, pixels in ((PERMANENT, self.wet == self.seen), (NEVER, self.wet == 0), (_NO_CLASS, unseen)):
            np.copyto(change, np.uint8(value), where=pixels)
        years = (np.where(unseen, np.uint16(UNCOUNTED), known) for known in (self.first_year, self.last_year))
        return OverYears(np.where(unseen, np.uint8(LAYERS["occurrence"].nodata), share), change, *years)

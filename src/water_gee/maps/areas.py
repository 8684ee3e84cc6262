"""Square kilometres from pixels, in metres of the ground whatever the crs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.study import Grid, Window, pixel_areas

CLASSES = ("water", "land", "unseen")
BOUNDS = ("water_low", "water_high")
COLUMNS = (*(f"{name}_km2" for name in CLASSES), *(f"{name}_pixels" for name in CLASSES), *(f"{b}_km2" for b in BOUNDS))
SURE, UNLIKELY = 0.975, 0.025  # probabilities of water between which a pixel may be either, 95 times of 100
_UNIT = 1e6  # a pixel's area is summed in whole square millimetres: no order of pieces changes the sum
_OUTSIDE = 5  # of the numbers of a pixel, see `AreaCount.add`


def bounds(water: NDArray[np.uint8], probability: NDArray[np.float32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which pixels [y, x] count at the low and at the high end of the 95 % interval of the water area.

    Args:
        water: [y, x], 1, 0 or 255.
        probability: [y, x], calibrated; NaN where nothing was seen.
    """
    is_water, seen = water == WATER, water != UNKNOWN
    return is_water & (probability >= SURE), seen & (is_water | (probability >= UNLIKELY))


@dataclass
class AreaCount:
    """Pixels and ground area of each class of a map, and a 95 % interval of the water area of what was seen.

    The interval is from the calibrated probabilities p: its low end is the area of the pixels with p >= .975, its high
    end that with p >= .025. That is the 95 % interval of the area where all pixels err together (comonotone: one number
    u, uniform in 0 to 1, makes each pixel water that has p > u). Pixels that err independently would make it far too
    narrow, as neighbours share their imagery, and all share the labels that the network learned from; how much they
    share nobody knows of a new area, and no dependence gives the area a larger variance than this one (Dhaene et al.,
    The concept of comonotonicity in actuarial science and finance: theory, 2002). Intervals add up: an area's is the
    sum of its parts'. The map's own water area lies within, whatever its threshold. What was not seen is in none: the
    water there comes on top.
    """

    grid: Grid
    pixels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    areas: dict[str, int] = field(default_factory=lambda: dict.fromkeys((*CLASSES, *BOUNDS), 0))  # square millimetres

    def add(
        self,
        window: Window,
        water: NDArray[np.uint8],
        probability: NDArray[np.float32],
        inside: NDArray[np.bool_],
    ) -> None:
        """Count a part of the map: `water` [y, x] is 1, 0 or 255, and only pixels `inside` the area count."""
        areas = np.rint(pixel_areas(self.grid, window) * _UNIT)
        # The low end lies within the water, that within the high end, that within what was seen: one number a pixel
        # says in how many of them it is.
        nested = (water != UNKNOWN).astype(np.uint8)
        for pixels in (*bounds(water, probability), water == WATER):
            nested += pixels
        nested[~inside] = _OUTSIDE
        pixels, totals = np.bincount(nested.ravel(), minlength=_OUTSIDE + 1), _exact_sums(nested, areas)
        unseen, land, possible, water_only, sure, _ = range(_OUTSIDE + 1)
        for name, numbers in {
            "water": (water_only, sure), "land": (land, possible), "unseen": (unseen,),
            "water_low": (sure,), "water_high": (possible, water_only, sure),
        }.items():  # fmt: skip
            self.areas[name] += sum(totals[number] for number in numbers)
            if name in CLASSES:
                self.pixels[name] += sum(int(pixels[number]) for number in numbers)

    def add_all(self, other: "AreaCount") -> None:
        """Count what was counted of other parts of the same map."""
        for mine, its in ((self.pixels, other.pixels), (self.areas, other.areas)):
            for name, number in its.items():
                mine[name] += number

    def row(self) -> dict[str, str]:
        """Return the areas in km2 (6 decimals: a square metre) and the pixel counts by the names of `COLUMNS`."""
        table = {f"{name}_km2": f"{area / _UNIT / 1e6:.6f}" for name, area in self.areas.items()}
        return table | {f"{name}_pixels": str(pixels) for name, pixels in self.pixels.items()}


def _exact_sums(numbers: NDArray[np.uint8], areas: NDArray[np.float64]) -> list[int]:
    """Return the sum of whole `areas` by the number of their pixels, 0 to `_OUTSIDE`: no sum is rounded."""
    at_once = max(1, int(2**53 // max(1.0, float(areas.max()))))  # as many as double precision adds up exactly
    totals = [0] * (_OUTSIDE + 1)
    for start in range(0, areas.size, at_once):
        part = slice(start, start + at_once)
        found = np.bincount(numbers.ravel()[part], areas.ravel()[part], _OUTSIDE + 1)
        totals = [total + int(more) for total, more in zip(totals, found, strict=True)]
    return totals

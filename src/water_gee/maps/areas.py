"""Square kilometres from pixels, in metres of the ground whatever the crs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.study import Grid, Window, pixel_areas

CLASSES = ("water", "land", "unseen")
BOUNDS = ("water_low", "water_high")
COLUMNS = (*(f"{name}_km2" for name in CLASSES), *(f"{name}_pixels" for name in CLASSES), *(f"{b}_km2" for b in BOUNDS))
SURE, UNLIKELY = 0.975, 0.025  # probabilities of water between which a pixel may be either, 95 times of 100
_UNIT = 1e6  # a pixel's area is summed in whole square millimetres: no order of pieces changes the sum


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
        areas = np.rint(pixel_areas(self.grid, window) * _UNIT).astype(np.int64)
        chosen = {name: (water == value) & inside for name, value in zip(CLASSES, (WATER, LAND, UNKNOWN), strict=True)}
        for name, pixels in chosen.items():
            self.pixels[name] += int(np.count_nonzero(pixels))
        for name, pixels in zip(BOUNDS, bounds(water, probability), strict=True):
            chosen[name] = pixels & inside
        for name, pixels in chosen.items():
            self.areas[name] += sum(map(int, (areas * pixels).sum(axis=1)))  # a row never overflows

    def row(self) -> dict[str, str]:
        """Return the areas in km2 (6 decimals: a square metre) and the pixel counts by the names of `COLUMNS`."""
        table = {f"{name}_km2": f"{area / _UNIT / 1e6:.6f}" for name, area in self.areas.items()}
        return table | {f"{name}_pixels": str(pixels) for name, pixels in self.pixels.items()}

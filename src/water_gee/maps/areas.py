"""Square kilometres from pixels, in metres of the ground whatever the crs."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.study import Grid, Window, pixel_areas

CLASSES = ("water", "land", "unseen")
_UNIT = 1e6  # a pixel's area is summed in whole square millimetres: no order of pieces changes the sum


@dataclass
class AreaCount:
    """Pixels and ground area of each class of a map."""

    grid: Grid
    pixels: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))
    areas: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))  # square millimetres

    def add(self, window: Window, water: NDArray[np.uint8], inside: NDArray[np.bool_]) -> None:
        """Count a part of the map: `water` [y, x] is 1, 0 or 255, and only pixels `inside` the area count."""
        areas = np.rint(pixel_areas(self.grid, window) * _UNIT).astype(np.int64)
        for name, value in zip(CLASSES, (WATER, LAND, UNKNOWN), strict=True):
            chosen = (water == value) & inside
            self.pixels[name] += int(np.count_nonzero(chosen))
            self.areas[name] += sum(map(int, np.where(chosen, areas, 0).sum(axis=1)))  # a row never overflows

    def row(self) -> dict[str, str]:
        """Return the class areas in km2 (6 decimals: a square metre) and the pixel counts, ready for a table."""
        table = {f"{name}_km2": f"{self.areas[name] / _UNIT / 1e6:.6f}" for name in CLASSES}
        return table | {f"{name}_pixels": str(self.pixels[name]) for name in CLASSES}

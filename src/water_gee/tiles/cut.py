"""Tiles cut to their area: what lies outside of it is masked here, and so no request carries an outline."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from water_gee.config.labels import LABEL_BANDS
from water_gee.study import Area, Grid, Tile, Window, mark

_NONE = {LABEL_BANDS[1]: 0.0}  # clear looks are counted, and there are none; all else is not known


def cut(
    values: NDArray[np.float32], bands: Sequence[str], area: Area | None, grid: Grid, window: Window
) -> NDArray[np.float32]:
    """Return the bands [band, y, x] of a window with NaN, or no clear look, at pixels that the area does not hold."""
    if area is None or area.strips:
        return values
    inside = area.inside(grid, window)
    outside = np.array([_NONE.get(band, np.nan) for band in bands], dtype=np.float32)
    kept: NDArray[np.float32] = np.where(inside, values, outside[:, None, None])
    return kept


class Marks:
    """How an area's outline meets each tile: a tile whose pixels it leaves alone stays what it was when it moves."""

    def __init__(self, area: Area, grid: Grid) -> None:
        """Take the area and the lattice."""
        self._area, self._grid = area, grid
        self._known: dict[Window, str] = {}

    def of(self, tile: Tile) -> list[str]:
        """Return what a tile's fingerprint holds of the outline; a strips area has none."""
        if self._area.strips:
            return []
        if tile.outer not in self._known:  # the years of a tile have one window
            self._known[tile.outer] = mark(self._area.inside(self._grid, tile.outer))
        return [self._known[tile.outer]]

"""The composite around points: from stored tiles where they hold it, else from Earth Engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.study import Grid, Window
from water_gee.tiles import TileData, TileRecord, load_tile, read_manifest

Float = NDArray[np.float32]
NATURAL, INFRARED = ("red", "green", "blue"), ("swir1", "nir", "red")
BANDS = tuple(dict.fromkeys((*NATURAL, *INFRARED)))
Fetch = Callable[[Window], Float]
_HELD = 8  # tiles in memory


@dataclass
class Composites:
    """Reflectance [band, y, x] of BANDS around any place of one year, NaN where nothing was seen."""

    layout: Layout
    year: int
    grid: Grid
    fetch: Fetch  # a window's bands, for what no stored tile holds
    current: Callable[[Sequence[TileRecord]], Sequence[TileRecord]]  # those of stored tiles that are today's
    _tiles: dict[tuple[int, int], TileRecord] = field(default_factory=dict)
    _size: int = 1
    _held: dict[tuple[int, int], TileData] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look for stored tiles of the year, of whichever area, that lie on the lattice and hold all bands."""
        try:
            records = read_manifest(self.layout)
        except TileError:
            return  # without tiles everything is fetched
        usable = [one for one in records if one.year == self.year and one.status == "ok" and self._fits(one)]
        sizes = {one.size for one in usable}
        if len(sizes) == 1 and set(BANDS) <= set(load_tile(self.layout, usable[0]).names):
            self._size = sizes.pop()
            self._tiles = {(one.column, one.row): one for one in self.current(usable)}

    def _fits(self, record: TileRecord) -> bool:
        left, _, _, top = self.grid.bounds(record.tile.outer)
        near = abs(record.left - left) + abs(record.top - top) < 1e-6 * self.grid.scale
        return (record.crs, record.scale) == (self.grid.crs, self.grid.scale) and near

    def __call__(self, window: Window) -> Float:
        """Return the bands of a window.

        Where a stored tile holds the window's middle, tiles give all of it, and what lies outside of them is not seen;
        else the window is fetched.

        Raises:
            TileError: a tile is broken.
            EarthError: the window could not be had.
        """
        if self._at(window.left + window.width // 2, window.top + window.height // 2) not in self._tiles:
            return self.fetch(window)
        values = np.full((len(BANDS), window.height, window.width), np.nan, dtype=np.float32)
        first, last = self._at(window.left, window.bottom - 1), self._at(window.right - 1, window.top)
        for place in ((column, row) for row in range(first[1], last[1] + 1) for column in range(first[0], last[0] + 1)):
            if place in self._tiles:
                tile = self._tile(place)
                part = tile.record.tile.window & window
                into, cut = part.within(window), part.within(tile.record.tile.outer)
                values[:, into[0], into[1]] = np.stack([tile.band(name)[cut] for name in BANDS])
        return values

    def order(self, window: Window) -> tuple[int, int]:
        """Return a key by which windows of the same tiles come one after another."""
        return self._at(window.left, window.top)[::-1]

    def _at(self, x: int, y: int) -> tuple[int, int]:
        """Return the column and row of the tile that holds a pixel of the lattice."""
        return x // self._size, -(y // self._size) - 1

    def _tile(self, place: tuple[int, int]) -> TileData:
        if place not in self._held:
            if len(self._held) >= _HELD:
                self._held.pop(next(iter(self._held)))
            self._held[place] = load_tile(self.layout, self._tiles[place])
        return self._held[place]

"""Ground whose truth is known: an area's tiles of one year on one canvas, so that noise goes on across their edges."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.denoise import visible
from water_gee.evaluation import Reference
from water_gee.ladder.places import Places
from water_gee.paths import Layout
from water_gee.study import Window
from water_gee.tiles import TileData, TileRecord, load_tile

Boolean = NDArray[np.bool_]
Float = NDArray[np.float64]
EDGE = 2.0  # pixels: so near to the truth's shore a pixel belongs to its edge


@dataclass(frozen=True)
class Ground:
    """The tiles of one area in one year and the truth of their pixels; all arrays are [y, x] of `window`.

    `truth` is 1 water, 0 land, 255 unknown. `labelled` marks the pixels that have a label: the truth is known, every
    feature seen and one look clear at least. `own` are the pixels of a tile without its margin: what is counted.
    `place` numbers the names of `places`, the units of the bootstrap.
    """

    year: int
    window: Window
    tiles: tuple[TileData, ...]
    truth: NDArray[np.uint8]
    looks: NDArray[np.float32]
    labelled: Boolean
    own: Boolean
    place: NDArray[np.int64]
    places: tuple[str, ...]

    def cut(self, tile: TileData) -> tuple[slice, slice]:
        """Return the (y, x) slices of a tile, margin included."""
        return tile.record.tile.outer.within(self.window)

    def own_cut(self, record: TileRecord) -> tuple[slice, slice]:
        """Return the (y, x) slices of a tile's own pixels."""
        return record.tile.window.within(self.window)

    def band(self, name: str) -> Float | None:
        """Return a band, NaN where nothing was seen; None where the tiles do not hold it."""
        if any(name not in (*tile.names, *tile.beside) for tile in self.tiles):
            return None
        values = np.full(self.truth.shape, np.nan)
        for tile in self.tiles:
            values[self.cut(tile)] = tile.band(name)
        for tile in self.tiles:  # a tile's own pixels before its neighbours' margins
            values[self.own_cut(tile.record)] = tile.band(name)[tile.core]
        return values

    @property
    def counted(self) -> Boolean:
        """The pixels that are counted."""
        return self.labelled & self.own

    @property
    def water(self) -> int:
        """How many of the pixels that are counted are water in truth: what rates are shares of."""
        return int(np.count_nonzero(self.counted & (self.truth == WATER)))

    @property
    def land(self) -> int:
        """How many of the pixels that are counted are land in truth."""
        return int(np.count_nonzero(self.counted & (self.truth == LAND)))

    @cached_property
    def shore(self) -> Float:
        """The distance in pixels to the nearest pixel of the other class; infinite where there is none."""
        to_water, to_land = _distance(self.truth == WATER), _distance(self.truth == LAND)
        return np.select([self.truth == WATER, self.truth == LAND], [to_land, to_water], np.inf)

    @property
    def edge(self) -> Boolean:
        """The pixels within 2 pixels of the truth's shore, on either side."""
        return np.asarray(self.shore <= EDGE)


def grounds(
    layout: Layout, records: Sequence[TileRecord], reference: Reference, block: int, most: int = 0
) -> list[Ground]:
    """Return an area's ground, year by year; tiles none of whose pixels has a known truth are left out.

    Args:
        layout: of the root that the tiles lie in.
        records: the area's tiles.
        reference: the truth.
        block: pixels a side of the places that the bootstrap draws, where no table names them.
        most: at most so many tiles of a year are taken, those with most pixels of their rarer class; 0, all.

    Raises:
        TileError: a tile or a file of the reference is broken.
    """
    found = []
    for year in sorted({record.year for record in records}):
        chosen = [record for record in records if record.year == year and record.status == "ok"]
        chosen.sort(key=lambda one: (-min(one.water_pixels, one.clear_pixels - one.water_pixels), one.id))
        chosen = sorted(chosen[: most or None], key=lambda one: one.id)
        if chosen and (ground := _ground(layout, year, chosen, reference, block)):
            found.append(ground)
    return found


def _ground(
    layout: Layout, year: int, records: Sequence[TileRecord], reference: Reference, block: int
) -> Ground | None:
    window = reduce(or_, (record.tile.outer for record in records))
    first = records[0]
    left = first.left - (first.tile.outer.left - window.left) * first.scale
    top = first.top + (first.tile.outer.top - window.top) * first.scale
    transform = Affine(first.scale, 0, left, 0, -first.scale, top)
    shape = (window.height, window.width)
    truth = reference.sample(year, first.crs, transform, shape)
    looks, labelled, own = np.zeros(shape, np.float32), np.zeros(shape, bool), np.zeros(shape, bool)
    tiles = []
    for record in records:
        inside = record.tile.window.within(window)
        if (truth[inside] == UNKNOWN).all():
            continue
        tile = load_tile(layout, record)
        outer = record.tile.outer.within(window)
        looks[outer], labelled[outer] = tile.looks, visible(tile) & (truth[outer] != UNKNOWN)
        own[inside] = True
        tiles.append(tile)
    if not (labelled & own).any():
        return None
    place, names = Places.of(reference, year, block).number(window, transform)
    return Ground(year, window, tuple(tiles), truth, looks, labelled, own, place, names)


def _distance(target: Boolean) -> Float:
    """Return the Euclidean distance to the nearest pixel of `target`, in pixels; infinite where there is none."""
    if not target.any():
        return np.full(target.shape, np.inf)
    return np.asarray(ndimage.distance_transform_edt(~target), dtype=np.float64)

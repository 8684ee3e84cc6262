"""What evaluation passes by and is worth a picture: overviews of the test area, and telling places at full size."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.evaluation import METHODS, TileView
from water_gee.report import raster
from water_gee.report.palette import ERRORS
from water_gee.report.thinned import Thinned
from water_gee.study import Window
from water_gee.tiles import TileRecord

_OVERVIEW = 1100  # pixels a side of an overview at most
_PLACE = 160  # pixels a side of a place
_PLACES = 4
NATURAL, INFRARED = ("red", "green", "blue"), ("swir1", "nir", "red")


@dataclass(frozen=True)
class Place:
    """A square of a test tile at full size; arrays are [y, x], `bands` [3, y, x]."""

    tile_id: str
    year: int
    window: Window
    bands: NDArray[np.float32]
    clear: NDArray[np.bool_]
    water: Mapping[str, NDArray[np.bool_]]
    references: Mapping[str, NDArray[np.uint8]]
    clean: NDArray[np.uint8] | None


@dataclass
class Overview:
    """One year of the test area, thinned to at most some 1,100 pixels a side."""

    thinned: Thinned
    bands: dict[tuple[str, ...], NDArray[np.float32]] = field(default_factory=dict)  # [3, y, x] by band names
    errors: dict[tuple[str, str], NDArray[np.uint8]] = field(default_factory=dict)  # by reference and method

    @property
    def frame(self) -> tuple[slice, slice]:
        """The smallest (y, x) slices that hold all that was seen."""
        shape = self.thinned.shape
        seen = np.zeros(shape, dtype=np.bool_)
        for bands in self.bands.values():
            seen |= ~np.isnan(bands[0])
        for codes in self.errors.values():
            seen |= codes != len(ERRORS) - 1
        if not seen.any():
            return slice(None), slice(None)
        rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
        return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)

    def put(self, view: TileView) -> None:
        """Draw a tile."""
        into, cut = self.thinned.place(view.record.tile.window)
        for names in (NATURAL, INFRARED):
            if view.has(*names):
                canvas = self.bands.setdefault(names, np.full((3, *self.thinned.shape), np.nan, dtype=np.float32))
                canvas[:, into[0], into[1]] = np.stack([view.band(name)[cut] for name in names])
        for name, reference in view.references.items():
            for method in METHODS:
                canvas_codes = self.errors.setdefault(
                    (name, method), np.full(self.thinned.shape, len(ERRORS) - 1, dtype=np.uint8)
                )
                canvas_codes[into] = raster.errors(view.water[method][cut], reference[cut], view.clear[cut])


@dataclass
class Gallery:
    """Collects pictures while evaluation shows it the test tiles."""

    window: Window
    reference: str | None  # the reference by which places are chosen
    years: dict[int, Overview] = field(default_factory=dict)
    _best: dict[tuple[int, int], tuple[float, Place]] = field(default_factory=dict)  # by the tile's column and row

    @classmethod
    def of(cls, records: Sequence[TileRecord], reference: str | None) -> "Gallery":
        """Return an empty gallery for these tiles."""
        windows = [record.tile.window for record in records if record.status == "ok"] or [Window(0, 0, 0, 0)]
        return cls(reduce(or_, windows), reference)

    @property
    def places(self) -> list[Place]:
        """The most telling places of different tiles, best first; one where nothing is known tells nothing."""
        return [place for score, place in self._ranked()[:_PLACES] if score > 0]

    def add(self, view: TileView) -> None:
        """Look at a tile."""
        step = -(-max(self.window.width, self.window.height) // _OVERVIEW)
        self.years.setdefault(view.record.year, Overview(Thinned(self.window, step))).put(view)
        scored = [(self._score(view, cut), cut) for cut in _squares(view.record.size)]
        score, cut = max(scored, key=lambda entry: entry[0])
        key = (view.record.column, view.record.row)
        if key not in self._best or score > self._best[key][0]:
            self._best[key] = (score, _cut(view, cut))
        if len(self._best) > 4 * _PLACES:
            kept = {id(place) for _, place in self._ranked()[: 2 * _PLACES]}
            self._best = {key: entry for key, entry in self._best.items() if id(entry[1]) in kept}

    def _ranked(self) -> list[tuple[float, Place]]:
        return sorted(self._best.values(), key=lambda entry: (-entry[0], entry[1].tile_id))

    def _score(self, view: TileView, cut: tuple[slice, slice]) -> float:
        """Say how telling a square is: shores, many clear pixels with known truth, and methods that disagree."""
        clear = view.clear[cut]
        truth = view.water["model"][cut]
        if self.reference is not None:
            clear = clear & (view.references[self.reference][cut] != UNKNOWN)
            truth = view.references[self.reference][cut] == WATER
        known = max(int(clear.sum()), 1)
        water = float((truth & clear).sum()) / known
        dispute = float(((view.water["qa_water"][cut] != view.water["model"][cut]) & clear).sum()) / known
        return float(known / clear.size * ((water * (1 - water)) ** 0.5 + min(4 * dispute, 0.5)))


def _squares(size: int) -> list[tuple[slice, slice]]:
    """Return the squares of a tile of `size` pixels; the last of a row or column may overlap the one before."""
    side = min(_PLACE, size)
    starts = [*range(0, size - side, side), size - side]
    return [(slice(y, y + side), slice(x, x + side)) for y in starts for x in starts]


def _cut(view: TileView, cut: tuple[slice, slice]) -> Place:
    y, x = cut
    own = view.record.tile.window
    names = next((names for names in (INFRARED, NATURAL) if view.has(*names)), (view.tile.names[0],) * 3)
    return Place(
        tile_id=view.record.id,
        year=view.record.year,
        window=Window(own.left + x.start, own.top + y.start, x.stop - x.start, y.stop - y.start),
        bands=np.stack([view.band(name)[cut] for name in names]),
        clear=view.clear[cut].copy(),
        water={method: water[cut].copy() for method, water in view.water.items()},
        references={name: reference[cut] for name, reference in view.references.items()},
        clean=None if view.clean is None else view.clean[cut].copy(),
    )

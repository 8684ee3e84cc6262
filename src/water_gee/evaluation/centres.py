"""The centres of a window's pixels in the crs of a file, and which of them lie in a polygon of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Self

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]
TURN = 360.0  # degrees around the earth
NEAR = 1e-9  # pixels by which a place may seem to lie before the edge that it lies on
_TURNS = (-2, -1, 0, 1, 2)  # a file's longitudes may run on past 180, or count from 0
_CELL = 32  # pixels a side of the squares that are asked for as a whole first


@dataclass(frozen=True)
class Centres:
    """Pixel centres [y, x] in a crs, where there are any: not finite where the crs does not reach."""

    x: Floats
    y: Floats
    cells: tuple[tuple[slice, slice], ...]
    bounds: Floats  # of each cell: least and most x and y of its centres

    @classmethod
    def of(cls, x: Floats, y: Floats) -> Self:
        """Return centres with the squares of pixels that they are asked for by."""
        known = np.isfinite(x) & np.isfinite(y)
        x, y = np.where(known, x, np.nan), np.where(known, y, np.nan)
        rows, columns = (range(0, side, _CELL) for side in x.shape)
        cells = [(slice(row, row + _CELL), slice(column, column + _CELL)) for row in rows for column in columns]
        cells = [cell for cell in cells if known[cell].any()]
        bounds = [(np.nanmin(x[cell]), np.nanmin(y[cell]), np.nanmax(x[cell]), np.nanmax(y[cell])) for cell in cells]
        return cls(x, y, tuple(cells), np.array(bounds, dtype=np.float64).reshape(-1, 4))

    def turned(self, degrees: float) -> "Centres":
        """Return the same places with other longitudes."""
        return Centres(self.x + degrees, self.y, self.cells, self.bounds + np.array([degrees, 0, degrees, 0]))

    @property
    def box(self) -> BaseGeometry | None:
        """The box around all of them."""
        if not self.cells:
            return None
        return shapely.box(*self.bounds[:, :2].min(axis=0), *self.bounds[:, 2:].max(axis=0))

    def inside(self, polygon: BaseGeometry) -> Iterator[tuple[tuple[slice, slice], Mask]]:
        """Yield parts [y, x] of the window and which of their centres lie in a polygon, its border included.

        It is the rule of `water_gee.study.inside`, at any places instead of those of a lattice.
        """
        west, south, east, north = polygon.bounds
        left, bottom, right, top = self.bounds.T
        near = (left <= east) & (right >= west) & (bottom <= north) & (top >= south)
        shapely.prepare(polygon)
        for number in np.flatnonzero(near):
            cell = self.cells[number]
            x, y = self.x[cell], self.y[cell]
            box = shapely.box(*self.bounds[number])
            if box.area and not shapely.intersects(polygon, box):  # a single row of pixels has a box of no area
                continue
            if box.area and shapely.covers(polygon, box):
                yield cell, np.isfinite(x)
                continue
            close = (x >= west) & (x <= east) & (y >= south) & (y <= north)
            mask = np.zeros(close.shape, dtype=np.bool_)
            mask[close] = shapely.intersects_xy(polygon, x[close], y[close])
            yield cell, mask


def centres(crs: str, transform: Affine, shape: tuple[int, int], target: pyproj.CRS) -> list[Centres]:
    """Return the centres of a window's pixels in another crs; in degrees, by each way to count longitudes."""
    x = transform.c + (np.arange(shape[1]) + 0.5) * transform.a
    y = transform.f + (np.arange(shape[0]) + 0.5) * transform.e
    over, up = change(crs, target.to_wkt()).transform(*np.meshgrid(x, y))
    if not target.is_geographic:
        return [Centres.of(over, up)]
    known = over[np.isfinite(over)]
    if known.size:  # all of the window on one side of a cut through the earth
        over = known[0] - TURN / 2 + (over - known[0] + TURN / 2) % TURN
    found = Centres.of(over, up)
    return [found.turned(turn * TURN) for turn in _TURNS]


@lru_cache(maxsize=32)
def change(source: str, target: str) -> Any:
    """Return the way from a crs to another, x before y; of equal ones it changes nothing, to the last bit."""
    one, other = pyproj.CRS.from_user_input(source), pyproj.CRS.from_user_input(target)
    if one.equals(other, ignore_axis_order=True):
        return _Same()
    return pyproj.Transformer.from_crs(one, other, always_xy=True)


class _Same:
    def transform(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        return np.asarray(x, dtype=np.float64), np.asarray(y, dtype=np.float64)

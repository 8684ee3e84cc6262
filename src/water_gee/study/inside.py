"""Which pixels lie in an outline, and lighter outlines that serve as well."""

import hashlib
import threading

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon
from shapely.geometry.base import BaseGeometry

from water_gee.study.grid import Grid, Window

Mask = NDArray[np.bool_]
_CELL = 32  # pixels a side of the squares that are asked for as a whole first
_FEW = 100  # vertices of an outline that may go into every request
_CELLS = (32, 24, 16, 12, 8, 6, 4, 3, 2, 1)  # squares a side of the outlines to choose from
_FINE = (0.25, 0.1, 0.05, 0.02, 0.01, 0.001)  # pixels
_DRAWN = 0.05  # pixels by which a simplified outline may be off
_MOST = 5000  # vertices of one
_one_at_a_time = threading.Lock()  # GEOS builds its index of a shape while it is first asked, and not for two at once


def inside(geometry: BaseGeometry, grid: Grid, window: Window) -> Mask:
    """Return which pixels [y, x] of a window have their centre in a geometry of the grid's crs, its border included.

    It is the rule of the service's `clip`. Squares of pixels that the outline does not pass through are asked for as
    a whole, so that the time goes with the outline in the window, and neither with its length elsewhere nor the area.
    """
    with _one_at_a_time:
        shapely.prepare(geometry)
        if shapely.covers(geometry, shapely.box(*grid.bounds(window))):
            return np.ones((window.height, window.width), dtype=np.bool_)
        return _by_cells(geometry, grid, window)


def _by_cells(geometry: BaseGeometry, grid: Grid, window: Window) -> Mask:
    mask = np.zeros((window.height, window.width), dtype=np.bool_)
    rows, columns = np.arange(0, window.height, _CELL), np.arange(0, window.width, _CELL)
    # From whole lattice numbers, so that a pixel has one centre however the area is cut.
    x = grid.origin[0] + (window.left + np.arange(window.width) + 0.5) * grid.scale
    y = grid.origin[1] - (window.top + np.arange(window.height) + 0.5) * grid.scale
    half = grid.scale / 2
    last_column = np.minimum(columns + _CELL, window.width) - 1
    last_row = np.minimum(rows + _CELL, window.height) - 1
    boxes = shapely.box(
        x[columns][None, :] - half, y[last_row][:, None] - half, x[last_column][None, :] + half, y[rows][:, None] + half
    )
    met = shapely.intersects(geometry, boxes)
    whole = met & shapely.covers(geometry, boxes)
    for row, column in zip(*np.nonzero(met), strict=True):
        cut = slice(rows[row], last_row[row] + 1), slice(columns[column], last_column[column] + 1)
        if whole[row, column]:
            mask[cut] = True
        else:
            mask[cut] = shapely.intersects_xy(geometry, x[cut[1]][None, :], y[cut[0]][:, None])
    return mask


def mark(mask: Mask) -> str:
    """Return a mark of which pixels a window's outline leaves in: `whole` where all are."""
    return "whole" if mask.all() else hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()


def light(geometry: BaseGeometry) -> BaseGeometry:
    """Return an outline of at most 100 vertices that holds the geometry: the same one, or squares that it meets."""
    if shapely.get_num_coordinates(geometry) <= _FEW:
        return geometry
    left, bottom, right, top = geometry.bounds
    with _one_at_a_time:
        shapely.prepare(geometry)
        for side in _CELLS:
            x, y = np.linspace(left, right, side + 1), np.linspace(bottom, top, side + 1)
            cells = shapely.box(x[None, :-1], y[:-1, None], x[None, 1:], y[1:, None])
            around = shapely.simplify(shapely.union_all(cells[shapely.intersects(geometry, cells)]), 0)
            if shapely.get_num_coordinates(around) <= _FEW:
                break
    return around


def simplified(geometry: BaseGeometry, scale: float) -> tuple[BaseGeometry, float]:
    """Return an outline of at most 5,000 vertices and how far it may be off, in the crs's units.

    That is a twentieth of a pixel where so many suffice, else twice as much until they do.
    """
    if shapely.get_num_coordinates(geometry) <= _FEW:
        return geometry, 0.0
    tolerance = _DRAWN * scale
    while True:
        found = _polygons(shapely.simplify(geometry, tolerance, preserve_topology=False))
        if shapely.get_num_coordinates(found) <= _MOST:
            return (found, tolerance) if found.area else (light(geometry), tolerance)
        tolerance *= 2


def within_window(geometry: BaseGeometry, grid: Grid, window: Window) -> BaseGeometry | None:
    """Return a light outline that holds the same pixels of a window as the geometry; None: it holds them all.

    It is worth nothing outside of the window.
    """
    wanted = inside(geometry, grid, window)
    if wanted.all():
        return None
    part = _polygons(shapely.clip_by_rect(geometry, *grid.bounds(window.buffer(1))))
    for pixels in _FINE:
        lighter = _polygons(shapely.simplify(part, pixels * grid.scale, preserve_topology=False))
        if lighter.area and np.array_equal(inside(lighter, grid, window), wanted):
            return lighter
    return part if part.area else shapely.box(*grid.bounds(Window(window.left - 2, window.top, 1, 1)))


def _polygons(geometry: BaseGeometry) -> BaseGeometry:
    """Return the polygons of a shape that cutting or simplifying may have left in pieces of any kind."""
    valid = geometry if geometry.is_valid else shapely.make_valid(geometry)
    parts = [part for part in shapely.get_parts(shapely.get_parts(valid)) if part.geom_type == "Polygon"]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)

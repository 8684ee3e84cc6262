"""The area of a pixel on the ground: one definition for maps, water bodies, samples and tables."""

import numpy as np
import pyproj
from numpy.typing import NDArray

from water_gee.study.grid import Grid, Window

Float = NDArray[np.float64]
_BETWEEN = 2_000.0  # metres between the places at which a projection is asked for its scale
_MOST = 64  # pixels between them at most


def pixel_areas(grid: Grid, window: Window) -> Float:
    """Return the area [y, x] of each pixel of `window` on the ellipsoid of the grid's crs, in square metres.

    In a geographic crs it is the exact area of the cell between two parallels and two meridians (authalic zone
    formula, Snyder, Map Projections: A Working Manual, 1987, eq. 3-12). In a projected crs it is the surface element
    |dr/dx x dr/dy| scale^2, r being the place on the ellipsoid: in UTM 0.08 % more than scale x scale on the central
    meridian and up to 0.2 % less at the edge of a zone. The element is taken at places of the lattice some 2 km apart
    and interpolated between them, so that a pixel has one area, whatever window it is asked in.
    """
    crs = pyproj.CRS(grid.crs)
    if crs.is_geographic:
        return np.broadcast_to(_cells(grid, window, crs)[:, None], (window.height, window.width))
    metres = grid.scale * crs.axis_info[0].unit_conversion_factor
    step = int(np.clip(_BETWEEN // metres, 1, _MOST))
    rows, down = _between(window.top, window.height, step)
    columns, along = _between(window.left, window.width, step)
    known = _elements(grid, crs, rows, columns, nominal=metres**2)
    y, x = np.searchsorted(rows, down[0]), np.searchsorted(columns, along[0])
    upper, lower = known[y] * (1 - down[1][:, None]), known[y + 1] * down[1][:, None]
    level = upper + lower  # [y, columns]
    return np.asarray(level[:, x] * (1 - along[1]) + level[:, x + 1] * along[1], dtype=np.float64)


def _between(start: int, length: int, step: int) -> tuple[NDArray[np.int64], tuple[NDArray[np.int64], Float]]:
    """Return the known lattice lines around pixels in a row, and of each pixel its line before and how far past it."""
    middles = start + np.arange(length) + 0.5
    before = (np.floor(middles / step) * step).astype(np.int64)
    lines = np.arange(before[0], before[-1] + 2 * step, step)
    return lines, (before, (middles - before) / step)


def _elements(
    grid: Grid, crs: pyproj.CRS, rows: NDArray[np.int64], columns: NDArray[np.int64], nominal: float
) -> Float:
    """Return the area [row, column] of a pixel centred at crossings of lattice lines; `nominal` outside of the crs."""
    x = grid.origin[0] + columns * grid.scale
    y = grid.origin[1] - rows * grid.scale
    across, up = np.meshgrid(x, y)
    half = grid.scale / 2
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs or "EPSG:4326", always_xy=True)

    def side(dx: float, dy: float) -> Float:
        ends = [_on_ellipsoid(crs, *to_degrees.transform(across + s * dx, up + s * dy)) for s in (1, -1)]
        return np.asarray(ends[0] - ends[1], dtype=np.float64)

    with np.errstate(invalid="ignore"):
        areas = np.linalg.norm(np.cross(side(half, 0.0), side(0.0, half)), axis=-1)
    return np.where(np.isfinite(areas), areas, nominal)


def _on_ellipsoid(crs: pyproj.CRS, longitude: Float, latitude: Float) -> Float:
    """Return the place [..., xyz] of points on the crs's ellipsoid, in metres from its centre."""
    major, minor = _axes(crs)
    east, north = np.radians(longitude), np.radians(latitude)
    squared = 1 - (minor / major) ** 2
    normal = major / np.sqrt(1 - squared * np.sin(north) ** 2)
    level = normal * np.cos(north)
    return np.stack([level * np.cos(east), level * np.sin(east), normal * (1 - squared) * np.sin(north)], axis=-1)


def _cells(grid: Grid, window: Window, crs: pyproj.CRS) -> Float:
    """Return the area [y] of a cell of each row of a geographic grid."""
    edges = grid.origin[1] - (window.top + np.arange(window.height + 1)) * grid.scale
    unit = crs.axis_info[0].unit_conversion_factor  # radians
    zone = _zone(np.clip(edges * unit, -np.pi / 2, np.pi / 2), *_axes(crs))
    return np.asarray((zone[:-1] - zone[1:]) * grid.scale * unit, dtype=np.float64)


def _axes(crs: pyproj.CRS) -> tuple[float, float]:
    """Return the half axes of the crs's ellipsoid, in metres."""
    ellipsoid = crs.ellipsoid or pyproj.CRS("EPSG:4326").ellipsoid
    assert ellipsoid is not None, "a geographic crs has an ellipsoid"
    return ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre or ellipsoid.semi_major_metre


def _zone(latitude: Float, major: float, minor: float) -> Float:
    """Return the area, a radian of longitude wide, between the equator and `latitude` (radians), in square metres."""
    squared = 1 - (minor / major) ** 2
    sine = np.sin(latitude)
    if squared < 1e-12:
        return np.asarray(major**2 * sine, dtype=np.float64)
    eccentricity = np.sqrt(squared)
    logarithm = np.arctanh(eccentricity * sine) / eccentricity
    return np.asarray(minor**2 / 2 * (sine / (1 - squared * sine**2) + logarithm), dtype=np.float64)

"""Square kilometres from pixels, in metres of the ground whatever the crs."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pyproj
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.study import Grid, Window

_TOLERATED = 0.01  # a projection that keeps areas to this share counts its pixels at scale x scale


def pixel_areas(grid: Grid, window: Window) -> NDArray[np.float64]:
    """Return the ground area [y] of one pixel of each row of `window`, in square metres.

    In a geographic crs it is the exact area of the cell between two parallels on the crs's ellipsoid
    (authalic zone formula, Snyder, Map Projections: A Working Manual, 1987, eq. 3-12). In a projected crs it
    is scale x scale; where the projection distorts areas by more than 1 % (web maps: more than twice at 50
    degrees north), it is the geodesic area of the pixel in the middle of the row.
    """
    crs = pyproj.CRS(grid.crs)
    edges = grid.origin[1] - (window.top + np.arange(window.height + 1)) * grid.scale
    if crs.is_geographic:
        unit = crs.axis_info[0].unit_conversion_factor  # radians
        zone = _zone(np.clip(edges * unit, -np.pi / 2, np.pi / 2), *_axes(crs))
        areas: NDArray[np.float64] = (zone[:-1] - zone[1:]) * grid.scale * unit
        return areas
    nominal = (grid.scale * crs.axis_info[0].unit_conversion_factor) ** 2
    probes = sorted({0, window.height // 2, window.height - 1})
    if np.all(np.abs(_ground(grid, crs, window, probes) / nominal - 1) <= _TOLERATED):
        return np.full(window.height, nominal)
    return _ground(grid, crs, window, range(window.height))


def _ground(grid: Grid, crs: pyproj.CRS, window: Window, rows: Sequence[int]) -> NDArray[np.float64]:
    """Return the ground area of the middle pixel of rows of a projected grid, on the crs's ellipsoid."""
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs or "EPSG:4326", always_xy=True)
    ellipsoid = pyproj.Geod(a=_axes(crs)[0], b=_axes(crs)[1])
    areas = []
    for row in rows:
        left, bottom, right, top = grid.bounds(Window(window.left + window.width // 2, window.top + row, 1, 1))
        longitude, latitude = to_degrees.transform([left, right, right, left], [bottom, bottom, top, top])
        areas.append(abs(ellipsoid.polygon_area_perimeter(longitude, latitude)[0]))
    return np.array(areas, dtype=np.float64)


def _axes(crs: pyproj.CRS) -> tuple[float, float]:
    """Return the half axes of the crs's ellipsoid, in metres."""
    ellipsoid = crs.ellipsoid or pyproj.CRS("EPSG:4326").ellipsoid
    assert ellipsoid is not None, "a geographic crs has an ellipsoid"
    return ellipsoid.semi_major_metre, ellipsoid.semi_minor_metre or ellipsoid.semi_major_metre


def _zone(latitude: NDArray[np.float64], major: float, minor: float) -> NDArray[np.float64]:
    """Return the area, a radian of longitude wide, between the equator and `latitude` (radians), in square metres."""
    squared = 1 - (minor / major) ** 2
    sine = np.sin(latitude)
    if squared < 1e-12:
        return np.asarray(major**2 * sine, dtype=np.float64)
    eccentricity = np.sqrt(squared)
    logarithm = np.arctanh(eccentricity * sine) / eccentricity
    return np.asarray(minor**2 / 2 * (sine / (1 - squared * sine**2) + logarithm), dtype=np.float64)


CLASSES = ("water", "land", "unseen")


@dataclass
class AreaCount:
    """Pixels of each class by row of a map; whole numbers, so that no order of tiles changes the sum."""

    window: Window
    rows: NDArray[np.int64] = field(init=False)  # [class, y]

    def __post_init__(self) -> None:
        self.rows = np.zeros((len(CLASSES), self.window.height), dtype=np.int64)

    def add(self, window: Window, water: NDArray[np.uint8], inside: NDArray[np.bool_]) -> None:
        """Count a part of the map: `water` [y, x] is 1, 0 or 255, and only pixels `inside` the area count."""
        rows, _ = window.within(self.window)
        for number, value in enumerate((WATER, LAND, UNKNOWN)):
            self.rows[number, rows] += np.count_nonzero((water == value) & inside, axis=1)

    def row(self, grid: Grid) -> dict[str, str]:
        """Return the class areas in km2 (6 decimals: a square metre) and the pixel counts, ready for a table."""
        areas = pixel_areas(grid, self.window) / 1e6
        table = {f"{name}_km2": f"{float(self.rows[i] @ areas):.6f}" for i, name in enumerate(CLASSES)}
        return table | {f"{name}_pixels": str(int(self.rows[i].sum())) for i, name in enumerate(CLASSES)}

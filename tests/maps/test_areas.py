"""Areas in square kilometres are those of the ground."""

import numpy as np
import pyproj
import pytest

from water_gee.maps import AreaCount, pixel_areas
from water_gee.study import Grid, Window


def geodesic(grid: Grid, window: Window) -> float:
    """Return the area of a window on the ellipsoid, its sides followed closely, in square metres."""
    left, bottom, right, top = grid.bounds(window)
    steps = np.linspace(0, 1, 400)
    across, up = left + steps * (right - left), bottom + steps * (top - bottom)
    ring_x = np.concatenate([across, np.full(400, right), across[::-1], np.full(400, left)])
    ring_y = np.concatenate([np.full(400, bottom), up, np.full(400, top), up[::-1]])
    longitude, latitude = pyproj.Transformer.from_crs(grid.crs, "EPSG:4326", always_xy=True).transform(ring_x, ring_y)
    return abs(pyproj.Geod(ellps="WGS84").polygon_area_perimeter(longitude, latitude)[0])


@pytest.mark.parametrize("top", [-60, 1, 700])
def test_degrees_by_latitude(top) -> None:
    grid = Grid("EPSG:4326", 0.1)
    window = Window(1050, -top, 1, 3)
    for row, area in enumerate(pixel_areas(grid, window)):
        assert area == pytest.approx(geodesic(grid, Window(1050, -top + row, 1, 1)), rel=1e-6)


def test_metres_of_a_projection_that_keeps_areas() -> None:
    assert pixel_areas(Grid("EPSG:32648", 30), Window(13_333, -193_333, 5, 2)).tolist() == [900, 900]


def test_metres_of_web_maps_are_not_metres_of_the_ground() -> None:
    grid, window = Grid("EPSG:3857", 30), Window(380_000, -220_000, 4, 2)
    areas = pixel_areas(grid, window)
    assert areas.sum() * 4 == pytest.approx(geodesic(grid, window), rel=1e-5)
    assert areas[0] < 400


def test_counts_add_up_in_any_order() -> None:
    grid, window = Grid("EPSG:4326", 0.01), Window(10_000, -5_000, 40, 30)
    random = np.random.default_rng(0)
    water = random.choice(np.array([0, 1, 255], np.uint8), (30, 40))
    inside = random.random((30, 40)) < 0.8
    whole, parts = AreaCount(window), AreaCount(window)
    whole.add(window, water, inside)
    for part in (Window(10_017, -5_000, 23, 30), Window(10_000, -5_000, 17, 11), Window(10_000, -4_989, 17, 19)):
        y, x = part.within(window)
        parts.add(part, water[y, x], inside[y, x])
    assert whole.row(grid) == parts.row(grid)
    expected = ((water == 1) & inside).sum(axis=1) @ pixel_areas(grid, window) / 1e6
    assert float(whole.row(grid)["water_km2"]) == pytest.approx(expected, abs=1e-6)
    assert int(whole.row(grid)["unseen_pixels"]) == ((water == 255) & inside).sum()

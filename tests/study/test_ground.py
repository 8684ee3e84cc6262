"""A pixel's area is that of its ground, on the ellipsoid, in any crs and whatever window it is asked in."""

import numpy as np
import pyproj
import pytest

from water_gee.study import Grid, Window, pixel_areas

WEB = Grid("EPSG:3857", 1000.0)


def geodesic(grid: Grid, window: Window) -> float:
    """Return the area of a window on the ellipsoid, its sides followed closely, in square metres."""
    left, bottom, right, top = grid.bounds(window)
    steps = np.linspace(0, 1, 400)
    across, up = left + steps * (right - left), bottom + steps * (top - bottom)
    ring_x = np.concatenate([across, np.full(400, right), across[::-1], np.full(400, left)])
    ring_y = np.concatenate([np.full(400, bottom), up, np.full(400, top), up[::-1]])
    crs = pyproj.CRS(grid.crs)
    longitude, latitude = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True).transform(ring_x, ring_y)
    return abs(crs.get_geod().polygon_area_perimeter(longitude, latitude)[0])


@pytest.mark.parametrize("top", [-60, 1, 700])
def test_degrees_by_latitude(top) -> None:
    grid = Grid("EPSG:4326", 0.1)
    for row, areas in enumerate(pixel_areas(grid, Window(1050, -top, 2, 3))):
        assert areas == pytest.approx([geodesic(grid, Window(1050, -top + row, 1, 1))] * 2, rel=1e-6)


@pytest.mark.parametrize(
    ("crs", "scale", "left", "top"),
    [
        ("EPSG:32648", 30.0, 16_666, -193_333),  # UTM, on the central meridian
        ("EPSG:32648", 30.0, 4_000, -193_333),  # 380 km west of it
        ("EPSG:32748", 30.0, 8_000, -250_000),  # UTM, south
        ("EPSG:3857", 30.0, 380_000, -220_000),  # web maps, 51 degrees north
        ("EPSG:3995", 100.0, -300, 200),  # polar stereographic, the pole's neighbourhood
        ("EPSG:3995", 100.0, -8, -8),  # the pole itself
        ("EPSG:3035", 100.0, 40_000, -30_000),  # Lambert's equal area
        ("EPSG:2263", 100.0, 9_900, -2_000),  # US survey feet
        ("EPSG:28408", 30.0, 283_333, -200_000),  # Pulkovo 1942, an ellipsoid of its own
    ],
)
def test_a_projection_is_taken_back_to_the_ground(crs, scale, left, top) -> None:
    grid, window = Grid(crs, scale), Window(left, top, 150, 90)
    areas = pixel_areas(grid, window)
    assert areas.shape == (90, 150)
    assert areas.sum() == pytest.approx(geodesic(grid, window), rel=1e-6)
    for y, x in ((0, 0), (89, 149), (45, 70)):
        assert areas[y, x] == pytest.approx(geodesic(grid, Window(left + x, top + y, 1, 1)), rel=1e-6)


def test_utm_is_not_scale_by_scale() -> None:
    middle = pixel_areas(Grid("EPSG:32648", 30), Window(16_666, -193_333, 1, 1))[0, 0]
    assert middle == pytest.approx(900 / 0.9996**2, rel=1e-6)


def test_a_pixel_has_one_area_whatever_window_it_is_asked_in() -> None:
    grid, whole = Grid("EPSG:32648", 30), Window(-37, -193_411, 200, 170)
    areas = pixel_areas(grid, whole)
    for part in (Window(-37, -193_411, 1, 1), Window(12, -193_300, 64, 59), Window(100, -193_411, 63, 170)):
        assert np.array_equal(pixel_areas(grid, part), areas[part.within(whole)])


def test_rows_of_web_maps_north_of_the_equator() -> None:
    rows = np.arange(-1000, 1000)
    a, squared = 6_378_137.0, 0.00669437999014
    to_degrees = pyproj.Transformer.from_crs(3857, 4326, always_xy=True)
    latitude = np.radians(to_degrees.transform(np.zeros(len(rows)), -(rows + 0.5) * WEB.scale)[1])
    along = a / np.sqrt(1 - squared * np.sin(latitude) ** 2)
    across = a * (1 - squared) / (1 - squared * np.sin(latitude) ** 2) ** 1.5
    expected = WEB.scale**2 * np.cos(latitude) ** 2 * along * across / a**2
    assert pixel_areas(WEB, Window(0, -1000, 4, 2000)) == pytest.approx(np.tile(expected[:, None], 4), rel=1e-6)


def test_an_ellipsoid_that_is_a_sphere_has_the_area_of_a_sphere() -> None:
    grid = Grid("+proj=longlat +R=6371000 +no_defs", 1.0)
    areas = pixel_areas(grid, Window(10, -60, 2, 30))
    edges = np.radians(60 - np.arange(31))
    expected = 6_371_000**2 * np.radians(1) * (np.sin(edges[:-1]) - np.sin(edges[1:]))
    assert areas == pytest.approx(np.tile(expected[:, None], 2), rel=1e-9)


def test_the_edge_of_a_projection_of_the_whole_globe() -> None:
    grid = Grid("+proj=sinu +R=6371007.181 +units=m", 463.3127)  # the grid of MODIS keeps areas everywhere
    edge = int(6_371_007.181 * np.pi / 463.3127)
    assert pixel_areas(grid, Window(edge - 30, -20, 30, 10)) == pytest.approx(463.3127**2, rel=1e-6)

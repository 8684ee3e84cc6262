"""Whether a projection distorts areas is asked where a map ends, not only where it begins."""

import numpy as np
import pyproj
import pytest

from water_gee.maps import pixel_areas
from water_gee.study import Grid, Window

WEB = Grid("EPSG:3857", 1000.0)


def latitude(rows: np.ndarray) -> np.ndarray:
    """Latitude (radians) of the middles of rows of the web map."""
    y = -(rows + 0.5) * WEB.scale
    return np.radians(pyproj.Transformer.from_crs(3857, 4326, always_xy=True).transform(np.zeros(len(rows)), y)[1])


def on_the_ground(rows: np.ndarray) -> np.ndarray:
    """The area (square metres) of the web map's pixels in these rows, from the scale of the projection there."""
    a, squared = 6_378_137.0, 0.00669437999014
    sine = np.sin(latitude(rows)) ** 2
    along, across = a / np.sqrt(1 - squared * sine), a * (1 - squared) / (1 - squared * sine) ** 1.5
    return WEB.scale**2 * np.cos(latitude(rows)) ** 2 * along * across / a**2


@pytest.mark.parametrize("window", [Window(0, 0, 4, 1000), Window(0, -1000, 4, 1000), Window(0, -1000, 4, 2000)],
                         ids=["bottom", "top", "both ends"])  # fmt: skip
def test_the_rows_that_are_distorted_make_every_row_be_measured(window) -> None:
    areas = pixel_areas(WEB, window)
    rows = np.arange(window.top, window.bottom)
    assert areas == pytest.approx(on_the_ground(rows), rel=1e-4)
    assert areas.max() / areas.min() > 1.015  # at the equator 0.67 % are lost already, 9 degrees north 2.4 % more


def test_an_ellipsoid_that_is_a_sphere_has_the_area_of_a_sphere() -> None:
    grid = Grid("+proj=longlat +R=6371000 +no_defs", 1.0)
    areas = pixel_areas(grid, Window(10, -60, 2, 30))
    edges = np.radians(60 - np.arange(31))
    assert areas == pytest.approx(6_371_000**2 * np.radians(1) * (np.sin(edges[:-1]) - np.sin(edges[1:])), rel=1e-9)


def test_feet_are_not_metres() -> None:
    areas = pixel_areas(Grid("EPSG:2263", 100.0), Window(9_900, -2_000, 3, 2))  # Long Island, in US survey feet
    assert areas == pytest.approx([(100 * 1200 / 3937) ** 2] * 2)

"""Points on the very edge of pixels: each is of one pixel, and of one tile, as the pixels themselves are."""

import numpy as np
import pyproj
import pytest

from water_gee.evaluation.features import Points
from water_gee.study import Grid, Window

SIZE = 64


@pytest.mark.parametrize(
    ("crs", "scale", "first"), [("EPSG:4326", 0.00025, (6375, 3210)), ("EPSG:32648", 10 / 3, (2032, 27188))]
)
def test_a_point_on_the_corner_of_four_tiles_is_in_one_of_them(crs, scale, first) -> None:
    """Whatever the last digits of its coordinates and of the tiles' corners are."""
    grid = Grid(crs, scale)
    corners = [(column, row) for column in range(first[0], first[0] + 7) for row in range(first[1], first[1] + 7)]
    x, y = np.array([[round(number * SIZE * scale, 9) for number in one] for one in corners]).T
    points = Points("points", pyproj.CRS(crs), x, y, np.ones(len(x), np.uint8))
    held = np.zeros((8, 8), dtype=int)
    for column, row in np.ndindex(held.shape):
        window = Window((first[0] + column - 1) * SIZE, -(first[1] + row) * SIZE, SIZE, SIZE)
        values, _ = points.label(crs, grid.transform(window), (SIZE, SIZE))
        held[column, row] = (values == 1).sum()
        assert held[column, row] == (values[0, 0] == 1), "the upper left pixel is the one that begins there"
    assert held.sum() == len(corners)

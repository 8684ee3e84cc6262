"""Areas in square kilometres are those of the ground."""

import numpy as np
import pytest

from water_gee.maps import AreaCount
from water_gee.study import Grid, Window, pixel_areas


@pytest.mark.parametrize("grid", [Grid("EPSG:4326", 0.01), Grid("EPSG:32648", 30), Grid("EPSG:4326", 2.0)])
def test_counts_add_up_in_any_order(grid) -> None:
    window = Window(30, -35, 40, 30)
    random = np.random.default_rng(0)
    water = random.choice(np.array([0, 1, 255], np.uint8), (30, 40))
    inside = random.random((30, 40)) < 0.8
    whole, parts = AreaCount(grid), AreaCount(grid)
    whole.add(window, water, inside)
    for part in (Window(47, -35, 23, 30), Window(30, -35, 17, 11), Window(30, -24, 17, 19)):
        y, x = part.within(window)
        parts.add(part, water[y, x], inside[y, x])
    assert whole.row() == parts.row()
    expected = pixel_areas(grid, window)[(water == 1) & inside].sum() / 1e6
    assert float(whole.row()["water_km2"]) == pytest.approx(expected, abs=1e-6)
    assert int(whole.row()["unseen_pixels"]) == ((water == 255) & inside).sum()

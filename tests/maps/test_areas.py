"""Areas in square kilometres are those of the ground."""

import numpy as np
import pytest

from water_gee.maps import AreaCount
from water_gee.study import Grid, Window, pixel_areas

GRIDS = [Grid("EPSG:4326", 0.01), Grid("EPSG:32648", 30), Grid("EPSG:4326", 2.0)]


@pytest.mark.parametrize("grid", GRIDS)
def test_counts_add_up_in_any_order(grid) -> None:
    window = Window(30, -35, 40, 30)
    random = np.random.default_rng(0)
    probability = random.random((30, 40), np.float32)
    probability[random.random((30, 40)) < 0.2] = np.nan
    water = np.where(np.isnan(probability), 255, probability >= 0.4).astype(np.uint8)
    inside = random.random((30, 40)) < 0.8
    whole, parts = AreaCount(grid), AreaCount(grid)
    whole.add(window, water, probability, inside)
    for part in (Window(47, -35, 23, 30), Window(30, -35, 17, 11), Window(30, -24, 17, 19)):
        y, x = part.within(window)
        parts.add(part, water[y, x], probability[y, x], inside[y, x])
    assert whole.row() == parts.row()
    expected = pixel_areas(grid, window)[(water == 1) & inside].sum() / 1e6
    assert float(whole.row()["water_km2"]) == pytest.approx(expected, abs=1e-6)
    assert int(whole.row()["unseen_pixels"]) == ((water == 255) & inside).sum()


@pytest.mark.parametrize(
    ("threshold", "low", "high"),
    [(0.5, 2, 5), (0.99, 1, 5), (0.01, 2, 6)],  # a threshold beyond the interval's ends widens it to the map's own area
)
def test_the_interval_is_of_the_sure_and_the_possible_pixels(threshold, low, high) -> None:
    grid, window = Grid("EPSG:32648", 30), Window(13_000, -193_000, 9, 1)
    probability = np.array([[0.995, 0.975, 0.9, 0.5, 0.025, 0.02, 0.001, np.nan, 0.995]], np.float32)
    water = np.where(np.isnan(probability), 255, probability >= threshold).astype(np.uint8)
    count = AreaCount(grid)
    count.add(window, water, probability, np.arange(9)[None] < 8)  # the last pixel lies outside the area
    row = {name: float(value) for name, value in count.row().items()}
    pixel = pixel_areas(grid, window)[0, 0] / 1e6
    assert row["water_low_km2"] == pytest.approx(low * pixel, abs=1e-6)
    assert row["water_high_km2"] == pytest.approx(high * pixel, abs=1e-6)
    assert row["water_low_km2"] <= row["water_km2"] <= row["water_high_km2"]


def test_pixels_that_err_together_lie_in_the_interval_95_times_of_100() -> None:
    """With one number for all pixels, the very case of the rule; its ends are reached, so it is no wider than asked."""
    random = np.random.default_rng(1)
    window, grid = Window(0, 0, 300, 200), Grid("EPSG:4326", 0.01)
    probability = random.beta(0.3, 0.6, (200, 300)).astype(np.float32)
    count = AreaCount(grid)
    count.add(window, (probability >= 0.5).astype(np.uint8), probability, np.ones((200, 300), bool))
    row, areas = count.row(), pixel_areas(grid, window) / 1e6
    drawn = [areas.sum(where=probability > u) for u in np.linspace(0.0005, 0.9995, 1000)]
    within = [float(row["water_low_km2"]) <= area <= float(row["water_high_km2"]) for area in drawn]
    assert np.mean(within) == pytest.approx(0.95, abs=0.002)

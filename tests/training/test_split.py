"""Validation stands apart from training in space."""

import numpy as np
import pytest

from water_gee.errors import TileError
from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord
from water_gee.training.split import split_tiles, too_near

GRID = Grid("EPSG:32648", 30.0)


def record(column, row, year=2020):
    return TileRecord.of(Tile("train", year, column, row, 64, 3), GRID, "ok")


def test_every_tile_is_on_one_side_and_a_place_keeps_its_years_together():
    records = [record(column, row, year) for column in range(4) for row in range(4) for year in (2019, 2020)]
    split = split_tiles(records, list(range(32)), 0.2)
    assert sorted(split.training + split.validation) == list(range(32))
    places = [
        {(records[tile].column, records[tile].row) for tile in side} for side in (split.training, split.validation)
    ]
    assert not places[0] & places[1]
    assert len(places[1]) == 3  # a fifth of 16


def test_validation_represents_the_water_of_all_tiles():
    records = [record(column, 0) for column in range(20)]
    water = [100 * column for column in range(20)]
    split = split_tiles(records, water, 0.25)
    chosen = [water[tile] for tile in split.validation]
    assert np.mean(chosen) == pytest.approx(np.mean(water), rel=0.1)
    assert max(chosen) - min(chosen) > 1000


def test_the_split_does_not_depend_on_the_order_of_the_tiles():
    records = [record(column, row) for column in range(3) for row in range(3)]
    water = [(7 * number) % 5 for number in range(9)]
    order = np.random.default_rng(1).permutation(9)
    one = split_tiles(records, water, 0.3)
    other = split_tiles([records[number] for number in order], [water[number] for number in order], 0.3)
    assert {records[tile].id for tile in one.validation} == {records[order[tile]].id for tile in other.validation}


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_each_side_has_at_least_one_tile(share):
    split = split_tiles([record(0, 0), record(1, 0)], [5, 9], share)
    assert len(split.training) == len(split.validation) == 1


def test_one_place_alone_is_refused_with_the_remedy():
    with pytest.raises(TileError, match=r"2 places or more.*water-gee tiles"):
        split_tiles([record(0, 0, 2019), record(0, 0, 2020)], [5, 9], 0.2)


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_no_window_of_a_training_pixel_shares_a_pixel_with_a_validation_window(radius):
    ours, neighbours = record(1, 1), [record(2, 1), record(0, 0), record(5, 5)]
    near = too_near(ours, neighbours, radius)
    window = ours.tile.window
    for y in range(0, 64, 3):
        for x in (0, 3, 2 * radius, 2 * radius + 1, 63 - 2 * radius, 62 - 2 * radius, 60, 63):
            row, column = window.top + y, window.left + x
            shares = any(
                other.tile.window.left - radius <= column + radius
                and column - radius <= other.tile.window.right - 1 + radius
                and other.tile.window.top - radius <= row + radius
                and row - radius <= other.tile.window.bottom - 1 + radius
                for other in neighbours
            )
            assert near[y, x] == shares

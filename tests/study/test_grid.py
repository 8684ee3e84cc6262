"""The lattice, its windows and tiles, against rasterio's own arithmetic and by properties."""

import functools
import itertools
import operator

import pytest
import rasterio.windows
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import box

from water_gee.errors import ConfigError
from water_gee.study import Area, Grid, Window, check_apart, outline, tiles_of

pixels = st.integers(-200_000, 200_000)
sides = st.integers(1, 3_000)
grids = st.builds(
    Grid,
    st.just("EPSG:32648"),
    st.sampled_from([30.0, 10.0, 0.00025]),
    st.tuples(st.sampled_from([0.0, 15.0]), st.sampled_from([0.0, 15.0])),
)


@given(grids, pixels, pixels, sides, sides)
def test_a_windows_bounds_are_rasterios_and_lead_back_to_it(grid, left, top, width, height) -> None:
    window = Window(left, top, width, height)
    expected = rasterio.windows.bounds(rasterio.windows.Window(0, 0, width, height), grid.transform(window))
    assert grid.bounds(window) == pytest.approx(expected)
    assert grid.window(grid.bounds(window)) == window


@given(grids, pixels, pixels, sides, sides, st.integers(16, 512), st.integers(0, 9))
def test_tiles_cover_an_area_once(grid, left, top, width, height, size, margin) -> None:
    size = max(size, width // 8, height // 8)  # a few dozen tiles, not thousands
    area = Window(left, top, width, height)
    tiles = list(tiles_of("train", outline(grid, area), grid, year=2020, size=size, margin=margin))
    assert len({tile.id for tile in tiles}) == len(tiles)
    shared = 0
    for tile in tiles:
        assert tile.window.left % size == 0 and tile.window.top % size == 0
        assert tile.outer == tile.window.buffer(margin)
        across = min(tile.window.right, area.right) - max(tile.window.left, area.left)
        shared += across * (min(tile.window.bottom, area.bottom) - max(tile.window.top, area.top))
        assert across > 0
    assert shared == width * height


def test_a_tile_that_an_area_only_touches_is_none_of_its() -> None:
    grid = Grid("EPSG:32648", 30.0)
    corner = box(-0.001, -0.001, 1920.001, 1920.001)  # as another datum may round it
    assert [tile.id for tile in tiles_of("a", corner, grid, year=2020, size=64, margin=3)] == ["2020_c0000_r0000"]
    assert not list(tiles_of("a", corner.difference(corner), grid, year=2020, size=64, margin=3))


def test_an_id_does_not_change_when_the_area_grows() -> None:
    grid = Grid("EPSG:32648", 30.0)
    small = box(407_040, 5_783_040, 414_720, 5_790_720)
    few = {tile.id for tile in tiles_of("train", small, grid, year=2020, size=256, margin=3)}
    many = {tile.id for tile in tiles_of("train", small.buffer(20_000), grid, year=2020, size=256, margin=3)}
    assert few == {"2020_c0053_r0753"}
    assert few < many


def test_a_window_finds_itself_in_a_larger_one() -> None:
    rows, columns = Window(10, 20, 4, 5).within(Window(7, 17, 20, 20))
    assert (rows, columns) == (slice(3, 8), slice(3, 7))


def test_train_and_test_must_lie_apart_margins_included() -> None:
    grid = Grid("EPSG:32648", 30.0)
    train = Area("train", box(0, 0, 3000, 3000))
    for left, fits in [(2000, False), (3000, False), (3150, False), (3180, True)]:
        areas = {"train": train, "test": Area("test", box(left, 0, left + 3000, 3000))}
        if fits:
            check_apart(areas, grid, margin=3)
        else:
            with pytest.raises(ConfigError, match="move them apart"):
                check_apart(areas, grid, margin=3)


windows = st.builds(Window, pixels, pixels, sides, sides)


def of_rasterio(window):
    return rasterio.windows.Window(window.left, window.top, window.width, window.height)


@given(windows, windows)
def test_two_windows_joined_hold_both_and_nothing_that_neither_side_needs(one, other) -> None:
    both = one | other
    expected = rasterio.windows.union(of_rasterio(one), of_rasterio(other))
    assert (both.left, both.top, both.width, both.height) == (
        expected.col_off, expected.row_off, expected.width, expected.height
    )  # fmt: skip
    assert one in both and other in both and (both in one) == (both == one)


@given(windows, st.integers(-50, 50), st.integers(-50, 50))
def test_what_two_windows_have_in_common_is_rasterios(one, right, down) -> None:
    other = Window(one.left + right, one.top + down, one.width, one.height)
    if one.intersects(other):
        common = one & other
        expected = rasterio.windows.intersection(of_rasterio(one), of_rasterio(other))
        assert (common.left, common.top, common.width, common.height) == (
            expected.col_off, expected.row_off, expected.width, expected.height
        )  # fmt: skip
        assert common in one and common in other


@given(st.builds(Window, pixels, pixels, st.integers(1, 3000), st.integers(2, 3000)))
def test_quarters_are_the_whole_and_share_no_pixel(window) -> None:
    parts = window.quarters()
    assert functools.reduce(operator.or_, parts) == window and len(parts) == (4 if window.width > 1 else 2)
    assert sum(part.width * part.height for part in parts) == window.width * window.height
    assert not any(one.intersects(other) for one, other in itertools.combinations(parts, 2))

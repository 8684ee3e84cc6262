"""Which pixels an outline holds, against asking each pixel, and the lighter outlines that stand for it."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import Polygon, box

from water_gee.study import Area, Grid, Window, inside, mark, simplified

GRID = Grid("EPSG:32648", 30.0, (15.0, 15.0))


def coast(vertices: int, roughness: float = 0.02) -> Polygon:
    """A rough outline of some 300 by 300 pixels, with an island in a hole."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    rough = np.random.default_rng(vertices).standard_normal(vertices)
    radius = 4_000 * (1 + 0.3 * np.sin(3 * angle) + roughness * rough)
    ring = np.column_stack([500_000 + radius * np.cos(angle), 5_800_000 + radius * np.sin(angle)])
    lake = box(499_000, 5_799_000, 500_600, 5_800_500).difference(box(499_700, 5_799_700, 500_000, 5_800_000))
    return shapely.make_valid(Polygon(ring)).difference(lake)


def one_by_one(shape, window: Window) -> np.ndarray:
    x = GRID.origin[0] + (window.left + np.arange(window.width) + 0.5) * GRID.scale
    y = GRID.origin[1] - (window.top + np.arange(window.height) + 0.5) * GRID.scale
    return shapely.intersects_xy(shape, *np.meshgrid(x, y))


COAST = coast(4000)
AROUND = GRID.window(COAST.bounds)


@settings(max_examples=25)
@given(st.integers(-40, 340), st.integers(-40, 340), st.integers(1, 130), st.integers(1, 130))
def test_squares_of_pixels_make_the_mask_that_single_pixels_make(left, top, width, height) -> None:
    window = Window(AROUND.left + left, AROUND.top + top, width, height)
    np.testing.assert_array_equal(inside(COAST, GRID, window), one_by_one(COAST, window))


def test_a_pixel_whose_centre_is_on_the_border_is_inside() -> None:
    through_centres = box(30, 30, 30 + 60 * 30, 30 + 50 * 30)
    window = GRID.window(through_centres.bounds).buffer(2)
    assert inside(through_centres, GRID, window).sum() == 61 * 51


def test_a_large_outline_is_sent_as_a_light_one_that_cuts_nothing_off() -> None:
    area = Area("map", COAST)
    assert shapely.get_num_coordinates(area.light) <= 100
    assert area.light.covers(COAST) and area.light.area < 2 * COAST.area
    few = Area("map", box(0, 0, 3000, 3000))
    assert few.light == few.geometry
    islands = shapely.union_all([translate(COAST, x * 9_000.5, y * 7_000.1) for x in range(8) for y in range(5)])
    scattered = Area("map", islands).light
    assert scattered.covers(islands) and shapely.get_num_coordinates(scattered) <= 100


def test_within_a_window_a_light_outline_holds_the_same_pixels() -> None:
    area, lighter = Area("map", COAST), 0
    for left in range(AROUND.left - 30, AROUND.right, 90):
        for top in range(AROUND.top - 30, AROUND.bottom, 90):
            window = Window(left, top, 96, 96)
            part = area.within(GRID, window)
            if part is None:
                assert one_by_one(COAST, window).all()
                continue
            np.testing.assert_array_equal(one_by_one(part.geometry, window), one_by_one(COAST, window))
            lighter += shapely.get_num_coordinates(part.geometry) < 500
    assert lighter > 4
    assert Area("map", COAST, ((131, 23),)).within(GRID, AROUND) is None


def test_a_drawn_outline_is_as_fine_as_it_may_be() -> None:
    same, off = simplified(box(0, 0, 3000, 3000), 30.0)
    assert same == box(0, 0, 3000, 3000) and off == 0
    fine, off = simplified(coast(4000, 0.0), 30.0)
    assert off == pytest.approx(1.5) and fine.hausdorff_distance(coast(4000, 0.0)) <= 1.5 and fine.is_valid
    coarse, off = simplified(coast(60_000), 30.0)
    assert off > 1.5 and coarse.is_valid and shapely.get_num_coordinates(coarse) <= 5000


def test_a_mark_tells_two_masks_apart() -> None:
    whole = np.ones((8, 8), bool)
    dented = whole.copy()
    dented[3, 4] = False
    assert mark(whole) == "whole" and len({mark(whole), mark(dented), mark(~whole)}) == 3

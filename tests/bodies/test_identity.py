"""A body keeps its id: over shores that move, years that are added, merges, splits, and other results."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bodies.arrays import SCRATCH, whole, year
from water_gee.bodies.geohash import geohash
from water_gee.bodies.identity import Known, draw_ids, inherit
from water_gee.bodies.shapes import Shape
from water_gee.bodies.strips import Raster
from water_gee.bodies.years import Bodies, over_years

SHAPE = Shape(join=1, smallest=9_000, river_width=240, elongation=8, sides=(30.0, 30.0))
CORNER = (9_984, -193_280)


def name(cell) -> str:
    return "-".join(map(str, cell))


def bodies(*years: np.ndarray, earlier: Known | None = None, corner=CORNER) -> Bodies:
    areas = Raster.of(np.full(years[0].shape, 900, np.float32))
    result = over_years([year(one) for one in years], areas, SHAPE, corner, name, SCRATCH, earlier)
    return replace(result, parts=whole(result.parts))


def known(result: Bodies) -> Known:
    return Known(Raster.of(result.parts.labels), list(result.ids), list(result.formerly))


def at(result: Bodies, row: int, column: int) -> str:
    """Return the id of the body at a pixel."""
    return result.ids[result.parts.labels[row, column] - 1]


def ponds(seed: int = 0, size: int = 192) -> np.ndarray:
    """Return a landscape of lakes of many sizes."""
    random = np.random.default_rng(seed)
    y, x = np.indices((size, size))
    water = np.zeros((size, size), bool)
    for _ in range(30):
        row, column, radius = random.integers(0, size), random.integers(0, size), random.uniform(2, 14)
        water |= np.hypot(y - row, (x - column) * random.uniform(0.5, 1)) <= radius
    return water


def test_the_geohash_is_the_one_that_is_published() -> None:
    assert geohash(-5.6, 42.6, 5) == "ezs42" and geohash(10.40744, 57.64911, 11) == "u4pruydqqvj"
    assert geohash(190.0, 10.0) == geohash(-170.0, 10.0)


def test_ids_are_unique_and_do_not_depend_on_the_window() -> None:
    water = ponds()
    result = bodies(water)
    assert len(set(result.ids)) == result.parts.count > 10
    padded = np.pad(water, ((7, 0), (13, 5)))
    other = bodies(padded, corner=(CORNER[0] - 13, CORNER[1] - 7))
    assert set(other.ids) == set(result.ids)


def test_bodies_in_one_square_of_the_lattice_have_ids_of_their_own() -> None:
    water = np.zeros((16, 16), bool)
    for row in (0, 5, 10):
        for column in (0, 5, 10):
            water[row : row + 3, column : column + 3] = True
    labels = np.zeros((16, 16), np.int32)
    labels[water] = (np.indices((16, 16))[0] // 5 * 3 + np.indices((16, 16))[1] // 5 + 1)[water]
    taken: set[str] = {"16-0-0"}
    ids = draw_ids(Raster.of(labels), Raster.of(np.ones((16, 16), np.float32)), (0, 0), range(1, 10), taken, name)
    assert len(set(ids.values())) == 9 and "16-0-0" not in ids.values()


def shaken(water: np.ndarray, seed: int) -> np.ndarray:
    """Return the water with its shores moved by a pixel here and there."""
    edge = ndimage.binary_dilation(water) & ~ndimage.binary_erosion(water)
    return water ^ (edge & (np.random.default_rng(seed).random(water.shape) < 0.15))


def large(result: Bodies) -> list[int]:
    """Return the numbers of the bodies of more than 60 pixels."""
    return [number for number, size in enumerate(np.bincount(result.parts.labels.ravel())) if number and size > 60]


def test_a_shore_that_moves_by_pixels_keeps_most_ids_by_itself() -> None:
    same = every = 0
    for seed in range(8):
        one, other = bodies(ponds(seed)), bodies(shaken(ponds(seed), seed))
        for number in large(one):
            there = other.parts.labels[one.parts.labels == number]
            same += one.ids[number - 1] == other.ids[np.bincount(there[there > 0]).argmax() - 1]
            every += 1
    assert every > 80 and same / every > 0.85


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_a_shore_that_moves_by_pixels_changes_no_id_that_the_result_before_had(seed) -> None:
    one = bodies(ponds(seed))
    kept = bodies(shaken(ponds(seed), seed), earlier=known(one))
    for number in large(one):  # a body that has merged with a larger one is named by it
        there = np.unique(kept.parts.labels[one.parts.labels == number])
        assert any(one.ids[number - 1] in (kept.ids[each - 1], *kept.formerly[each - 1]) for each in there if each)


def test_a_year_that_is_added_changes_no_id() -> None:
    water = ponds(3)
    wet, dry = ndimage.binary_dilation(water, iterations=2), ndimage.binary_erosion(water)
    first = bodies(water)
    for later in (wet, dry, np.zeros_like(water), ponds(4)):
        assert set(bodies(water, later).ids) >= {at(first, *place) for place in lasting(first, bodies(water, later))}
    kept = bodies(wet, water, earlier=known(first))
    assert {at(kept, *place) for place in lasting(first, kept)} <= set(first.ids)


def lasting(before: Bodies, after: Bodies) -> list[tuple[int, int]]:
    """Return a pixel of each earlier body whose pixels are most of those that a body took over."""
    places = []
    for number in range(1, after.parts.count + 1):
        inside = before.parts.labels[after.parts.labels == number]
        if (inside > 0).any():
            largest = np.bincount(inside[inside > 0]).argmax()
            both = (after.parts.labels == number) & (before.parts.labels == largest)
            places.append(tuple(np.argwhere(both)[0]))
    return places


def test_where_bodies_merge_the_largest_keeps_its_id_and_names_the_other() -> None:
    low = np.zeros((60, 100), bool)
    low[10:40, 10:40], low[10:40, 50:90] = True, True
    full = low.copy()
    full[10:40, 40:50] = True
    before, after = bodies(low), bodies(low, full)
    assert after.parts.count == 1 and after.ids == (at(before, 20, 70),)
    assert after.formerly == ((at(before, 20, 20),),)
    again = bodies(low, full, earlier=known(after))
    assert again.ids == after.ids and again.formerly == after.formerly
    published = Known(Raster.of(before.parts.labels), ["west", "east"])  # then no other ids are told
    assert bodies(low, full, earlier=published).ids == ("east",)
    assert bodies(low, full, earlier=published).formerly == (("west",),)


def test_where_a_body_splits_its_largest_part_keeps_the_id_and_the_other_names_it() -> None:
    whole = np.zeros((60, 100), bool)
    whole[10:40, 10:90] = True
    parted = whole.copy()
    parted[:, 40:50] = False
    before = bodies(whole)
    after = bodies(parted, earlier=known(before))
    assert at(after, 20, 70) == before.ids[0] != at(after, 20, 20)
    assert after.formerly[after.parts.labels[20, 20] - 1] == before.ids
    assert after.formerly[after.parts.labels[20, 70] - 1] == ()


def test_a_body_that_only_touches_an_earlier_one_is_another() -> None:
    before, now = np.zeros((20, 40), np.int32), np.zeros((20, 40), np.int32)
    before[2:18, 2:20] = 1
    now[2:18, 19:38] = 1
    assert inherit(Known(Raster.of(before), ["a"]), Raster.of(now), 1) == ({}, {})
    now[2:18, 10:19] = 1  # half of the earlier one
    assert inherit(Known(Raster.of(before), ["a"]), Raster.of(now), 1) == ({1: "a"}, {1: ()})


def test_an_id_that_an_earlier_result_gave_away_is_not_drawn_again() -> None:
    here, there = np.zeros((60, 100), bool), np.zeros((60, 100), bool)
    here[10:30, 10:30], there[10:30, 60:90] = True, True
    drawn = bodies(here).ids[0]
    elsewhere = Known(Raster.of(bodies(there).parts.labels), [drawn])
    result = bodies(here | there, earlier=elsewhere)
    assert at(result, 20, 70) == drawn != at(result, 20, 20)


@pytest.mark.parametrize("years", [1, 3])
def test_two_runs_are_the_same(years) -> None:
    waters = [ponds(seed) for seed in range(years)]
    one, other = bodies(*waters), bodies(*waters)
    assert one.ids == other.ids and np.array_equal(one.parts.labels, other.parts.labels)
    again = bodies(*waters, earlier=known(one))
    assert again.ids == one.ids and again.formerly == one.formerly

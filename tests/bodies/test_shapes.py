"""Rivers are told from lakes by their shape, and a lake from the rivers that enter it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bodies.arrays import SCRATCH, whole
from water_gee.bodies.shapes import Parts, Shape, find
from water_gee.bodies.strips import Raster

SHAPE = Shape(join=1, smallest=9_000, river_width=240, elongation=8, sides=(30.0, 30.0))


def found(water: np.ndarray, unknown: np.ndarray | None = None, **choices) -> Parts:
    land = ~water if unknown is None else ~water & ~unknown
    shape = Shape(**{**vars(SHAPE), **choices})
    areas = np.full(water.shape, np.prod(shape.sides), np.float32)
    return whole(find(Raster.of(water), Raster.of(land), Raster.of(areas), shape, SCRATCH))


def empty(height: int = 120, width: int = 160) -> np.ndarray:
    return np.zeros((height, width), bool)


def disc(water: np.ndarray, row: int, column: int, radius: float) -> np.ndarray:
    y, x = np.indices(water.shape)
    return water | (np.hypot(y - row, x - column) <= radius)


@pytest.mark.parametrize("across", [1, 2, 3, 4, 6])
def test_a_strip_has_its_width_and_elongation(across) -> None:
    water = empty()
    water[50 : 50 + across, 10:150] = True
    parts = found(water)
    assert parts.kinds.tolist() == ["river"]
    assert parts.width[0] == pytest.approx(30 * across, rel=0.06)
    assert parts.elongation[0] == pytest.approx(140 / across, rel=0.12)


def test_a_river_that_winds_is_one_river_at_any_angle() -> None:
    water = empty()
    x = np.arange(5, 155)
    for row in range(3):
        water[np.rint(60 + 30 * np.sin(x / 15)).astype(int) + row, x] = True
    assert found(water).kinds.tolist() == ["river"]
    thin = empty()
    thin[np.arange(100), np.arange(100)] = True  # pixels that meet at corners alone
    assert found(thin).kinds.tolist() == ["river"]


def test_discs_squares_and_wide_long_lakes_are_lakes() -> None:
    water = empty()
    water[5:25, 5:25] = True
    water[60:72, 10:150] = True  # 360 m wide, 4.2 km long
    parts = found(disc(water, 30, 90, 15))
    assert parts.kinds.tolist() == ["lake"] * 3
    assert sorted(parts.elongation.round(1)) == pytest.approx([1.8, 2.0, 11.7], rel=0.1)


def test_a_lake_is_parted_from_the_river_that_runs_through_it() -> None:
    water = empty()
    water[58:61] = True
    water = disc(water, 60, 80, 22)
    parts = found(water)
    assert sorted(parts.kinds) == ["lake", "river", "river"]
    lake = parts.labels == 1 + int(np.flatnonzero(parts.kinds == "lake")[0])
    assert np.count_nonzero(lake) == pytest.approx(np.pi * 22**2, rel=0.05)
    assert np.array_equal(parts.labels > 0, water)


def test_bays_and_short_necks_stay_with_their_lake() -> None:
    water = disc(disc(empty(), 60, 50, 20), 60, 100, 20)
    water[58:63, 60:90] = True  # the two lakes nearly touch: the neck is no river
    water[75:85, 48:52] = True
    assert found(water).kinds.tolist() == ["lake"]


def test_parts_with_a_small_gap_are_one_body_and_others_are_not() -> None:
    water = empty()
    water[50:52, 10:70], water[50:52, 71:130] = True, True
    for join, number in ((0, 2), (1, 1), (2, 1)):
        assert found(water, join=join).count == number
    water[50:52, 71:74] = False
    for join, number in ((3, 2), (4, 1)):
        assert found(water, join=join).count == number


def test_small_water_is_left_out_and_said() -> None:
    water = empty()
    water[10:13, 10:13] = True
    water[50:60, 50:60] = True
    parts = found(water)
    assert parts.count == 1 and parts.dropped.sum() == 9 and not parts.labels[parts.dropped].any()
    assert found(water, smallest=8_000).count == 2
    assert found(water, smallest=1e9).count == 0 and found(empty()).count == 0


def test_what_was_never_seen_is_no_shore() -> None:
    """A cloud over half a lake does not make the rest of it narrow, nor does the edge of the map."""
    water = disc(empty(), 60, 80, 22)
    hidden = empty()
    hidden[:, 84:] = True
    parts = found(water & ~hidden, hidden)
    assert parts.kinds.tolist() == ["lake"] and parts.width[0] > found(water & ~hidden).width[0]


def test_pixels_that_are_not_square_are_measured_in_metres() -> None:
    water = empty(160, 160)
    water[20:140, 50:54] = True
    parts = found(water, sides=(30.0, 15.0))
    assert parts.width[0] == pytest.approx(60, rel=0.05) and parts.elongation[0] == pytest.approx(60, rel=0.1)


def test_distances_over_strips_and_far_from_land_are_right() -> None:
    """A lake larger than the exact distances reach, on a map of more than one strip."""
    water = np.ones((1100, 700), bool)
    water[[0, -1]], water[:, [0, -1]] = False, False
    parts = found(water, river_width=240)
    assert parts.kinds.tolist() == ["lake"]
    side, other = 698, 1098  # mean distance to the edge of a rectangle: a/4 - a^2/(12 b), a its shorter side
    assert parts.width[0] == pytest.approx(30 * (side - side**2 / (3 * other)), rel=0.05)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.5, 4), st.integers(0, 3))
def test_every_pixel_of_water_is_of_one_body_that_is_large_enough_or_left_out(seed, roughness, join) -> None:
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(90, 110)), roughness)
    water = field > np.quantile(field, 0.8)
    parts = found(water, join=join)
    assert np.array_equal((parts.labels > 0) ^ parts.dropped, water)
    sizes = np.bincount(parts.labels.ravel(), minlength=parts.count + 1)[1:]
    assert len(sizes) == parts.count == len(parts.width) == len(parts.elongation) and (sizes >= 10).all()

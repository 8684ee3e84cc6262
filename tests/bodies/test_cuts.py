"""Maps are read in strips: wherever they are cut, the bodies are the same, to the byte."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from bodies.arrays import SCRATCH, cut, whole, year
from bodies.mapped import UTM, hashes, write_maps
from water_gee.bodies.distances import to_nearest
from water_gee.bodies.identity import Known
from water_gee.bodies.labels import number
from water_gee.bodies.polygons import outlines
from water_gee.bodies.shapes import Shape
from water_gee.bodies.strips import Raster
from water_gee.bodies.years import over_years
from water_gee.study import Window

PICTURES = {  # which no strip can number by itself
    "joined by a third strip alone": ["#.#.#", "#.#.#", "#.#.#", "###.#", "....#", "#####"],
    "a ring": ["......", ".####.", ".#..#.", ".#.##.", ".#..#.", ".####."],
    "a spiral": ["#######", "#.....#", "#.###.#", "#.#...#", "#.#####", "#......"],
    "corners": ["#.#.#.#", ".#.#.#.", "#.....#", ".#...#.", "..#.#..", "...#..."],
    "nested": ["#####", "#...#", "#.#.#", "#...#", "#####", ".....", "#.#.#"],
    "touching at a corner of the map": ["#..#", ".##.", ".##.", "#..#"],
}


def pixels(picture: list[str]) -> np.ndarray:
    return np.array([[one == "#" for one in line] for line in picture])


def check_numbers(water: np.ndarray, join: int) -> None:
    """Compare with the numbers of the map at once."""
    reached = ndimage.maximum_filter(water, size=join + 1)
    expected, count = ndimage.label(reached, np.ones((3, 3)))
    expected[~water] = 0
    values = np.random.default_rng(1).integers(0, 9, water.shape).astype(np.float32)
    found = number(Raster.of(water), SCRATCH, join, [Raster.of(values)])
    assert found.count == count and np.array_equal(found.raster.whole(), expected)
    assert np.array_equal(found.sizes[1:], np.bincount(expected.ravel(), minlength=count + 1)[1:])
    assert np.array_equal(found.sums[0][1:], np.bincount(expected.ravel(), values.ravel(), count + 1)[1:])
    boxes = [(rows.start, rows.stop, columns.start, columns.stop) for rows, columns in ndimage.find_objects(expected)]
    assert found.boxes[1:].tolist() == [list(box) for box in boxes]


@pytest.mark.parametrize("picture", PICTURES)
def test_parts_that_meet_over_the_edges_of_strips_are_one(monkeypatch, picture) -> None:
    for rows in (1, 2, 3, 4):
        cut(monkeypatch, rows)
        for turned in range(4):
            for join in (0, 1, 2):
                check_numbers(np.rot90(pixels(PICTURES[picture]), turned), join)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10_000), st.integers(1, 40), st.integers(1, 30), st.floats(0.05, 0.9), st.integers(0, 4),
    st.integers(1, 12),
)  # fmt: skip
def test_numbers_are_those_of_the_map_at_once(seed, height, width, share, join, rows) -> None:
    with pytest.MonkeyPatch.context() as patched:
        cut(patched, rows)
        check_numbers(np.random.default_rng(seed).random((height, width)) < share, join)


def rough(seed: int, height: int, width: int, smooth: float = 2.5, share: float = 0.75) -> np.ndarray:
    """Return random water of many forms, with a river through all of it."""
    field = ndimage.gaussian_filter(np.random.default_rng(seed).normal(size=(height, width)), smooth)
    water = field > np.quantile(field, share)
    row = np.arange(height)
    for shift in range(3):
        water[row, np.rint(width / 2 + width / 3 * np.sin(row / 23)).astype(int) + shift] = True
    return water


def test_distances_are_those_of_the_map_at_once(monkeypatch) -> None:
    land = ~rough(1, 90, 150)
    sides = (30.0, 25.0)
    exact = ndimage.distance_transform_edt(~land, sampling=sides).astype(np.float32)
    lake = np.ones((150, 160), bool)
    lake[[0, -1]], lake[:, [0, -1]] = False, False
    far = to_nearest(Raster.of(~lake), Raster.of(lake), sides).whole()
    for rows, columns in ((31, 50), (64, 16)):
        cut(monkeypatch, rows, columns)
        strips = to_nearest(Raster.of(land), Raster.of(~land), sides)
        found = np.concatenate([strips.read(*one) for one in strips.strips()])
        assert np.array_equal(found[~land], exact[~land])
        strips = to_nearest(Raster.of(~lake), Raster.of(lake), sides)
        assert np.array_equal(np.concatenate([strips.read(*one) for one in strips.strips()])[lake], far[lake])


def test_bodies_their_shapes_and_ids_are_the_same_wherever_maps_are_cut(monkeypatch) -> None:
    years = [rough(3, 150, 110, share=0.92), rough(4, 150, 110, share=0.95), rough(3, 150, 110, share=0.92)]
    seen = [rough(seed, 150, 110, smooth=12, share=0.3) for seed in (5, 6, 7)]
    areas = Raster.of(np.linspace(890, 910, 150 * 110, dtype=np.float32).reshape(150, 110))
    shape = Shape(join=2, smallest=20_000, river_width=240, elongation=8, sides=(30.0, 30.0))
    before = ndimage.label(np.roll(years[0], 2, axis=0))[0].astype(np.int32)
    earlier = Known(Raster.of(before), [f"old-{one}" for one in range(before.max())])
    found = []
    for rows in (1000, 50, 17):
        cut(monkeypatch, rows)
        maps = [year(*one) for one in zip(years, seen, strict=True)]
        bodies = over_years(maps, areas, shape, (9_984, -7), str, SCRATCH, earlier)
        parts = whole(bodies.parts)
        assert parts.count > 5 and len(set(parts.kinds)) == 2 and any(bodies.formerly)
        drawn = outlines(bodies.parts.labels, parts.count, UTM.transform(Window(0, 0, 110, 150)))
        found.append((parts, bodies.ids, bodies.formerly, [one.wkb for one in drawn]))
    for parts, *others in found[1:]:
        assert others == list(found[0][1:])
        for name in ("labels", "kinds", "depth", "width", "elongation", "dropped"):
            assert np.array_equal(getattr(parts, name), getattr(found[0][0], name)), name


def test_the_stages_files_are_the_same_wherever_maps_are_cut(tmp_path, stage, monkeypatch) -> None:
    maps = {}
    for place, one in enumerate((2019, 2020)):
        wet = ndimage.gaussian_filter(rough(8 + place, 150, 140).astype(np.float32), 0.8)
        wet[60:90, 20:50] = np.nan if place else wet[60:90, 20:50]
        maps[one] = wet
    found = []
    for rows in (256, 37):
        cut(monkeypatch, rows)
        root = tmp_path / str(rows)
        write_maps(root, {2019: maps[2019]})
        stage(root)
        write_maps(root, maps)
        found.append(hashes(stage(root)))  # with a result before
    assert found[0] == found[1] and len(found[0]) == 6

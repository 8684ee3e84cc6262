"""Confident learning: which labels it finds wrong, and that nothing is judged by what has seen its block."""

import pickle
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from denoise.synthetic import cleaned, lakes, make_tile, wrong
from water_gee.denoise import ABSTAIN, Confident, Reason, crossfit, usable
from water_gee.denoise.blocks import blocks, deal
from water_gee.denoise.crossfit import cross_fit
from water_gee.denoise.methods.confident import label_issues
from water_gee.errors import TileError
from water_gee.study import Grid, Tile
from water_gee.tiles import TileData, TileRecord

QUICK = Confident(block=0.4, folds=3, samples=1500)


def noisy(rate: float = 0.05, side: int = 90, seed: int = 1, column: int = 1) -> tuple[np.ndarray, TileData]:
    truth = lakes(side, seed)
    return truth, make_tile(truth, wrong(truth, rate, [seed, 9]), seed=seed, column=column)


def surveyed(method: Confident, tiles: list[TileData], seed: int = 0) -> list[Any]:
    return [(tile.record, method.survey(tile, seed)) for tile in tiles]


@pytest.mark.parametrize("seed", range(3))
def test_labels_wrong_at_random_are_flipped(seed: int) -> None:
    truth, tile = noisy(seed=seed)
    clean, used = cleaned(QUICK, tile), usable(tile, 3)
    bad = used & (tile.label != truth)
    assert (clean.label == truth)[bad].mean() > 0.75 and (clean.label != truth)[used & ~bad].mean() < 0.01
    assert (clean.reason[used & (clean.label != tile.label)] == Reason.LEARNED).all()
    flips = ((clean.label != tile.label) & used)[tile.core]
    assert sum(clean.notes.values()) == flips.sum()
    assert clean.notes["water_issues"] == (flips & (tile.label[tile.core] == 1)).sum()


def test_or_they_abstain() -> None:
    _, tile = noisy()
    flip, abstain = cleaned(QUICK, tile), cleaned(replace(QUICK, issues="abstain"), tile)
    found = flip.reason == Reason.LEARNED
    assert found.any() and ((abstain.reason == Reason.UNSURE) == found).all()
    assert (abstain.label[found] == ABSTAIN).all() and (abstain.label[~found] == flip.label[~found]).all()
    assert (np.isnan(abstain.confidence) == (abstain.label == ABSTAIN)).all() and abstain.notes == flip.notes


def test_no_classifier_judges_a_block_that_it_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The slope holds the block's number, and each stand-in for a classifier remembers which it has seen."""
    here = noisy()[1]
    tiles = [here, noisy(seed=2, column=2)[1]]
    tiles.append(replace(here, record=replace(here.record, year=2021, id="2021_c0001_r0007")))  # the same place
    names = np.unique(np.concatenate([blocks(tile, 0.4)[usable(tile, 3)] for tile in tiles]))
    for tile in tiles:
        tile.beside["slope"][:] = np.searchsorted(names, blocks(tile, 0.4))
    judged: list[set[float]] = []

    def predict(seen: set[float], values: np.ndarray) -> np.ndarray:
        judged.append({*values[:, 0].tolist()})
        assert seen and not seen & judged[-1]
        return np.full(len(values), 0.5, dtype=np.float32)

    monkeypatch.setattr(crossfit, "_fit", lambda values, water, seed: {*values[:, 0].tolist()})
    monkeypatch.setattr(crossfit, "_predict", predict)
    method = replace(QUICK, bands=("slope",), sources=())
    learned = method.learn(surveyed(method, tiles), 0)
    for tile in tiles:
        method(tile, 0, learned)
    assert len(set.union(*judged)) == len(names)


def test_a_block_without_a_sample_is_judged_all_the_same() -> None:
    fitted = cross_fit(
        np.zeros((4, 1), np.float32), np.array([0, 1, 0, 0], bool), np.arange(4), {0: 0, 1: 1, 2: 2, 3: 1}, 0
    )
    assert fitted.folds(np.array([3, 99, 2, 99])).tolist() == [1, 0, 2, 0]


@given(seed=st.integers(0, 2**20), count=st.integers(1, 300))
def test_the_issues_are_those_of_cleanlab(seed: int, count: int) -> None:
    from cleanlab.count import get_confident_thresholds
    from cleanlab.filter import find_label_issues

    random = np.random.default_rng(seed)
    water = random.random(count) < 0.4
    water[:1], water[1:2] = True, False  # cleanlab wants both classes
    if count < 2:
        return
    chance = np.clip(np.where(water, 0.7, 0.2) + random.normal(scale=0.35, size=count), 0, 1).astype(np.float32)
    classes = np.stack([1 - chance.astype(float), chance.astype(float)], axis=1)
    land, wet = get_confident_thresholds(water.astype(int), classes)
    expected = find_label_issues(water.astype(int), classes, filter_by="confident_learning", n_jobs=1)
    assert (label_issues(water, chance, (land, wet)) == expected).all()


def test_no_pixel_has_no_issue() -> None:
    assert len(label_issues(np.zeros(0, bool), np.zeros(0, np.float32), (0.9, 0.9))) == 0


def test_equal_seeds_give_equal_bytes_and_others_another_sample() -> None:
    _, tile = noisy()
    one, two, other = (cleaned(replace(QUICK, samples=300), tile, seed) for seed in (1, 1, 2))
    assert one.label.tobytes() == two.label.tobytes() and one.confidence.tobytes() == two.confidence.tobytes()
    assert one.confidence.tobytes() != other.confidence.tobytes()
    surveys = [pickle.dumps(QUICK.survey(tile, seed)) for seed in (1, 1, 2)]
    assert surveys[0] == surveys[1] != surveys[2]


def test_the_raw_label_is_no_feature() -> None:
    _, tile = noisy()
    one = cleaned(QUICK, tile)
    np.testing.assert_array_equal(one.label, cleaned(replace(QUICK, sources=("qa", *QUICK.sources)), tile).label)


def test_samples_are_bounded_by_tile_and_area(monkeypatch: pytest.MonkeyPatch) -> None:
    tiles = [noisy(seed=seed, column=seed)[1] for seed in (1, 2, 3)]
    method = replace(QUICK, samples=500, most_samples=600)
    surveys = surveyed(method, tiles)
    assert [len(survey["water"]) for _, survey in surveys] == [500] * 3
    seen: list[int] = []
    monkeypatch.setattr(crossfit, "_fit", lambda values, water, seed: seen.append(len(values)) or 0.5)
    method.learn(surveys, 0)
    assert len(seen) == 3 and sum(seen) == 2 * 600  # each sample teaches all folds but its own
    values = surveys[0][1]["values"]
    assert values.shape == (500, len(method.bands) + len(method.sources)) and not np.isnan(values).any()


def test_samples_are_distinct_pixels_of_the_tiles_own() -> None:
    tile = make_tile(lakes(40, 1), margin=6)
    tile.beside["slope"][:] = np.arange(1600, dtype=np.float32).reshape(40, 40)
    survey = QUICK.survey(tile, 0)
    assert survey is not None
    own = np.arange(1600).reshape(40, 40)[tile.core].ravel()
    slopes = survey["values"][:, 1].astype(int).tolist()
    assert sorted(slopes) == own.tolist() and slopes != own.tolist()
    assert (survey["water"] == tile.label.ravel()[slopes]).all()
    assert (survey["block"] == blocks(tile, 0.4).ravel()[slopes]).all()


@pytest.mark.parametrize("water", [False, True])
def test_a_tile_of_one_class_keeps_it(water: bool) -> None:
    tile = make_tile(np.full((60, 60), water))
    clean = cleaned(QUICK, tile)
    used = usable(tile, 3)
    assert (clean.label[used] == water).all() and (clean.confidence[used] == 1).all()


def test_a_tile_of_one_class_in_an_area_of_both() -> None:
    tile = noisy()[1]
    land = make_tile(np.zeros((60, 60), bool), column=2)
    assert (cleaned(QUICK, land, area=[tile, land]).label[usable(land, 3)] == 0).mean() > 0.99


def test_a_tile_under_cloud_teaches_nothing_and_has_no_label() -> None:
    tile = make_tile(lakes(60, 1), masked=np.ones((60, 60), bool))
    assert QUICK.survey(tile, 0) is None and QUICK.learn([], 0) is None
    for area in ([tile], [tile, noisy()[1]]):
        clean = cleaned(QUICK, tile, area=area)
        assert (clean.label == ABSTAIN).all() and (clean.reason == Reason.UNSEEN).all()


def test_only_the_margin_seen_is_no_label() -> None:
    masked = np.ones((60, 60), bool)
    masked[:, :8] = False
    tile = make_tile(lakes(60, 1), masked=masked, margin=6)
    clean = cleaned(QUICK, tile)
    assert usable(tile, 3).any() and (clean.label == ABSTAIN).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sources": ("jrc",)}, r"no evidence of 'jrc' .*; add it to labels\.sources and run: water-gee tiles"),
        ({"bands": ("swir2",)}, r"no band 'swir2'; add it to features\.names and run: water-gee tiles"),
    ],
)
def test_what_a_tile_lacks_is_one_line_with_the_fix(change: dict[str, Any], words: str) -> None:
    _, tile = noisy()
    with pytest.raises(TileError, match=words):
        replace(QUICK, **change).survey(tile, 0)


def test_too_few_blocks_is_one_line_with_the_fix() -> None:
    with pytest.raises(TileError, match=r"area train has samples in \d blocks of denoise\.block=5 km, .* smaller"):
        cleaned(replace(QUICK, block=5.0, folds=5), noisy()[1])


def test_blocks_are_squares_of_one_lattice_across_tiles_and_years() -> None:
    one, east = make_tile(lakes(70, 1), column=1), make_tile(lakes(70, 1), column=2)
    left, right = blocks(one, 0.6), blocks(east, 0.6)
    np.testing.assert_array_equal(left[:, -6:], right[:, :6])  # the margins, which the two share
    sizes = np.unique(left, return_counts=True)[1]
    assert sizes.max() == 20 * 20 and len(sizes) == len(np.unique(left[:, 0])) * len(np.unique(left[0]))


def test_blocks_in_degrees_are_as_large() -> None:
    grid = Grid("EPSG:4326", 0.0003)  # 33 m
    tile = make_tile(lakes(70, 1))
    place = Tile("train", 2020, 40, -7, 64, 3)
    tile = replace(tile, record=TileRecord.of(place, grid, "ok"), transform=grid.transform(place.outer))
    assert np.unique(blocks(tile, 1.0), return_counts=True)[1].max() in range(29 * 29, 31 * 31)


@given(seed=st.integers(0, 2**20), count=st.integers(12, 60))
def test_folds_have_about_as_much_of_everything(seed: int, count: int) -> None:
    random = np.random.default_rng(seed)
    where = np.repeat(np.arange(count) * 7 - 100, 50)
    water = random.random(len(where)) < 0.2
    fold_of = deal(where, water, 3, seed)
    assert {*fold_of} == {*where.tolist()} and fold_of == deal(where, water, 3, seed)
    held = np.bincount([fold_of[int(block)] for block in where], minlength=3)
    assert held.max() - held.min() <= 50 * 3

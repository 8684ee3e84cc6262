"""How reliable sources are, found without truth: the tiles are made with numbers that are known."""

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise.synthetic import cleaned, lakes, make_tile, wrong
from water_gee.denoise import ABSTAIN, LabelModel, Reason, usable
from water_gee.denoise.dawid_skene import Reliability, encode, fit, fit_area, patterns, weights
from water_gee.errors import TileError

RATES = {"mndwi": 0.05, "awei": 0.1, "wi2015": 0.08, "ndwi": 0.3, "dswe": 0.12}


def sources_of(truth: np.ndarray, rates: dict[str, float], seed: int) -> dict[str, np.ndarray]:
    return {name: wrong(truth, rate, [seed, place]) for place, (name, rate) in enumerate(rates.items())}


def tile_of(side: int, seed: int, rates: dict[str, float] = RATES, qa: float = 0.1, column: int = 1):
    truth = lakes(side, seed)
    return truth, make_tile(truth, wrong(truth, qa, [seed, 99]), evidence=sources_of(truth, rates, seed), column=column)


def drawn(random: np.random.Generator, count: int, water: float, right: np.ndarray) -> np.ndarray:
    """Return shares [source, pixel] of independent sources whose reliability [class, source] is known."""
    truth = random.random(count) < water
    hits = random.random((right.shape[1], count)) < np.where(truth, right[1][:, None], right[0][:, None])
    return np.where(hits, truth, ~truth).astype(np.float32)


def counted(shares: np.ndarray) -> np.ndarray:
    return np.bincount(encode(shares, 0.5), minlength=3 ** len(shares))


def test_one_bad_source_among_good_ones_is_known_within_three_points() -> None:
    _, tile = tile_of(160, 1)
    notes = cleaned(LabelModel(), tile).notes
    for source, rate in {"qa": 0.1, **RATES}.items():
        assert abs(notes[f"specificity_{source}"] - 1000 * (1 - rate)) < 30, source
        assert abs(notes[f"sensitivity_{source}"] - 1000 * (1 - rate)) < 30, source


def test_what_many_sources_know_mends_the_labels() -> None:
    truth, tile = tile_of(120, 2, qa=0.25)
    clean, used = cleaned(LabelModel(), tile), usable(tile, 3)
    given = used & (clean.label != ABSTAIN)
    assert (tile.label != truth)[used].mean() > 0.2
    assert (clean.label != truth)[given].mean() < 0.02 and given.sum() > 0.9 * used.sum()
    assert (clean.reason[given & (clean.label != tile.label)] == Reason.EVIDENCE).all()


def test_the_labels_are_as_sure_as_they_are_right() -> None:
    truth, tile = tile_of(200, 3, {"mndwi": 0.2, "awei": 0.25, "wi2015": 0.15}, qa=0.2)
    clean = cleaned(LabelModel(sources=("qa", "mndwi", "awei", "wi2015"), confidence_at_least=0.5), tile)
    used = clean.label != ABSTAIN
    assert abs(clean.confidence[used].mean() - (clean.label == truth)[used].mean()) < 0.02


@pytest.mark.parametrize("least", [0.5, 0.8, 0.95])
def test_labels_that_are_less_probable_abstain(least: float) -> None:
    _, tile = tile_of(80, 4, {"mndwi": 0.2, "awei": 0.25}, qa=0.2)
    clean = cleaned(LabelModel(sources=("qa", "mndwi", "awei"), confidence_at_least=least), tile)
    used, given = usable(tile, 3), clean.label != ABSTAIN
    assert (clean.confidence[given] >= np.float32(least)).all()
    assert (clean.reason[used & ~given] == Reason.UNSURE).all() and (used & ~given).any() == (least > 0.5)


def test_a_source_that_is_wrong_in_one_tile_is_judged_there() -> None:
    area = [tile_of(90, seed, column=seed) for seed in range(1, 5)]
    truth, broken = tile_of(90, 5, {**RATES, "mndwi": 0.45}, column=5)
    tiles = [*(tile for _, tile in area), broken]
    method = LabelModel(prior_pixels=100)
    there, elsewhere = (cleaned(method, tile, area=tiles).notes for tile in (broken, area[0][1]))
    assert abs(there["specificity_mndwi"] - 550) < 30 and abs(elsewhere["specificity_mndwi"] - 950) < 30
    assert abs(there["specificity_wi2015"] - 920) < 30
    clean = cleaned(method, broken, area=tiles)
    given = clean.label != ABSTAIN
    assert (clean.label == truth)[given].mean() > 0.97


def test_the_area_speaks_where_a_tile_has_too_little_of_a_class() -> None:
    _, whole = tile_of(120, 6)
    land = make_tile(np.zeros((40, 40), bool), evidence=sources_of(np.zeros((40, 40), bool), RATES, 7), column=2)
    notes = cleaned(LabelModel(), land, area=[whole, land]).notes
    assert abs(notes["sensitivity_ndwi"] - 700) < 50 and notes["water"] < 150


@pytest.mark.parametrize("water", [False, True])
def test_a_tile_of_one_class_keeps_it(water: bool) -> None:
    truth = np.full((50, 50), water)
    tile = make_tile(truth)
    clean = cleaned(LabelModel(), tile)
    assert (clean.label[usable(tile, 3)] == water).mean() > 0.99
    assert np.isnan(clean.confidence).sum() == (clean.label == ABSTAIN).sum()


def test_a_tile_under_cloud_teaches_nothing_and_has_no_label() -> None:
    tile = make_tile(lakes(40, 1), masked=np.ones((40, 40), bool))
    assert LabelModel().survey(tile, 0) is None
    clean = cleaned(LabelModel(), tile)
    assert (clean.label == ABSTAIN).all() and (clean.reason == Reason.UNSEEN).all()


def test_a_missing_source_is_one_line_with_the_fix() -> None:
    tile = make_tile(lakes(20, 1), evidence={"ndwi": np.zeros((20, 20))})
    for step in (LabelModel().survey, LabelModel()):
        with pytest.raises(TileError, match=r"no evidence of 'mndwi' .*; add it to labels\.sources and run: water-gee"):
            step(tile, 0)


def test_a_survey_is_as_large_whatever_the_tile_and_sees_its_own_pixels_once() -> None:
    for side in (40, 80):
        survey = LabelModel().survey(make_tile(lakes(side, 1), margin=4), 0)
        assert survey is not None and survey["patterns"].shape == (3**6,)
        assert survey["patterns"].sum() == (side - 8) ** 2


def test_equal_tiles_give_equal_bytes_whatever_the_seed() -> None:
    _, tile = tile_of(60, 8)
    one, two = cleaned(LabelModel(), tile, 1), cleaned(LabelModel(), tile, 2)
    assert one.label.tobytes() == two.label.tobytes() and one.confidence.tobytes() == two.confidence.tobytes()
    survey = LabelModel().survey(tile, 1)
    learned = [pickle.dumps(LabelModel().learn([(tile.record, survey)], seed)) for seed in (1, 2)]
    assert learned[0] == learned[1]


def test_a_silent_source_does_not_count() -> None:
    truth, tile = tile_of(100, 9)
    tile.evidence["mndwi"][:, 50:] = np.nan
    notes = cleaned(LabelModel(), tile).notes
    assert abs(notes["specificity_mndwi"] - 950) < 30 and abs(notes["sensitivity_mndwi"] - 950) < 40
    others = LabelModel().sources[1:]
    for source in ("qa", *others):
        (tile.share if source == "qa" else tile.evidence[source])[20:30] = np.nan
    clean = cleaned(LabelModel(sources=others), tile)
    assert (clean.label[20:30] == ABSTAIN).all() and (clean.label == truth)[40:90, 10:90].mean() > 0.9


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**20), water=st.floats(0.15, 0.6))
def test_independent_sources_are_found_as_they_were_drawn(seed: int, water: float) -> None:
    random = np.random.default_rng(seed)
    right = random.uniform(0.75, 0.98, (2, 5))
    known = fit_area(counted(drawn(random, 200_000, water, right)))
    np.testing.assert_allclose(known.right, right, atol=0.03)
    assert abs(known.water - water) < 0.02 and (known.weight > 0.9).all()


def test_copies_of_a_source_count_as_one() -> None:
    random = np.random.default_rng(0)
    shares = drawn(random, 100_000, 0.4, np.full((2, 5), 0.9))
    shares = np.concatenate([shares, shares[:1], shares[:1]])
    counts = counted(shares)
    known = fit(counts, Reliability(0.4, np.full((2, 7), 0.9), np.ones(7)), 1e12)  # the truth, held
    by_truth = weights(counts, Reliability(0.4, known.right, np.array([1 / 3, 1, 1, 1, 1, 1 / 3, 1 / 3])))
    np.testing.assert_allclose(by_truth[[0, 5, 6]], 1 / 3, atol=0.03)
    assert (by_truth[1:5] > 0.9).all()
    found = fit_area(counts)
    assert (found.weight[[0, 5, 6]] < 0.5).all() and (found.weight[1:5] > 0.7).all()
    np.testing.assert_allclose(found.right, 0.9, atol=0.06)


def test_the_probability_is_bayes_rule() -> None:
    known = Reliability(0.2, np.array([[0.9, 0.7], [0.8, 0.6]]), np.array([1.0, 0.5]))
    chance = dict(zip(map(tuple, patterns(2).tolist()), known.chance(), strict=True))
    assert chance[2, 2] == pytest.approx(0.2)
    assert chance[1, 2] == pytest.approx(0.2 * 0.8 / (0.2 * 0.8 + 0.8 * 0.1))
    water, land = 0.2 * 0.8 * np.sqrt(0.4), 0.8 * 0.1 * np.sqrt(0.7)
    assert chance[1, 0] == pytest.approx(water / (water + land))


def test_patterns_are_numbered_in_their_order() -> None:
    said = np.array([[0.0, 0.5, np.nan], [1.0, 0.49, 0.2]], dtype=np.float32)
    assert patterns(2)[encode(said, 0.5)].tolist() == [[0, 1], [1, 0], [2, 0]]


def test_without_a_pixel_what_was_known_is_what_is_known() -> None:
    before = Reliability(0.3, np.array([[0.9, 0.8], [0.7, 0.6]]), np.ones(2))
    after = fit(np.zeros(9, dtype=np.int64), before, 50)
    assert after.water == pytest.approx(0.3)
    np.testing.assert_allclose(after.right, before.right)

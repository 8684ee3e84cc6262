"""Which pixels may be used, what the labels say, and how sure they are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from denoise.synthetic import cleaned, lakes, make_tile
from water_gee.denoise import ABSTAIN, METHODS, Reason, agreement, build, read_clean, usable, visible, write_clean
from water_gee.errors import ConfigError, TileError
from water_gee.paths import Layout

QUICK = {
    "block": 0.3,
    "folds": 3,
    "samples": 120,
    "epochs": (2, 1, 1),
    "batch": 64,
    "learning_rate": 1e-3,
    "minimum_water": 10,
}

FLIPS = (Reason.FLIPPED, Reason.SHORE, Reason.EVIDENCE, Reason.LEARNED, Reason.OBJECT, Reason.TERRAIN)


def quick(method: str, radius: int = 3):
    return build(method, {"radius": radius, **QUICK})


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**20), radius=st.integers(0, 4), holes=st.integers(0, 12))
def test_usable_is_a_whole_window_of_visible_pixels(seed, radius, holes) -> None:
    random = np.random.default_rng(seed)
    masked = np.zeros((24, 24), dtype=bool)
    masked[random.integers(0, 24, holes), random.integers(0, 24, holes)] = True
    tile = make_tile(lakes(24, seed), masked=masked, margin=4)
    used, seen = usable(tile, radius), visible(tile)
    assert (seen == ~masked).all()
    for y in range(24):
        for x in range(24):
            inside = radius <= min(y, x) and max(y, x) < 24 - radius
            window = seen[max(0, y - radius) : y + radius + 1, max(0, x - radius) : x + radius + 1]
            assert used[y, x] == (inside and window.all())


def test_a_pixel_is_unseen_by_any_band_by_its_label_or_for_want_of_looks() -> None:
    tile = make_tile(lakes(20, 1))
    tile.features[4, 5, 5] = np.nan
    tile.share[9, 9] = np.nan
    tile.looks[12, 12] = 0
    assert {tuple(pixel) for pixel in np.argwhere(~visible(tile))} == {(5, 5), (9, 9), (12, 12)}


@pytest.mark.parametrize("method", METHODS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 2**20), holes=st.integers(0, 6), radius=st.integers(3, 5))
def test_no_method_uses_a_pixel_near_fill_or_cloud(method, seed, holes, radius) -> None:
    random = np.random.default_rng(seed)
    masked = np.zeros((46, 46), dtype=bool)
    for y, x in random.integers(0, 46, (holes, 2)):
        masked[y : y + 4, x : x + 2] = True
    truth = lakes(46, seed)
    tile = make_tile(truth, truth ^ (random.random(truth.shape) < 0.05), masked=masked)
    clean, used = cleaned(quick(method, radius), tile, 5), usable(tile, radius)
    assert (clean.label[~used] == ABSTAIN).all() and np.isnan(clean.confidence[~used]).all()
    assert (clean.reason[masked] == Reason.UNSEEN).all()
    assert (clean.reason[~used & ~masked] == Reason.NEIGHBOUR).all()
    # Labels change sides only where they are used, and the reason says so.
    given = used & (clean.label != ABSTAIN)
    assert np.isin(clean.label[given], (0, 1)).all()
    assert ((clean.label != tile.label)[given] == np.isin(clean.reason, FLIPS)[given]).all()
    assert (clean.reason[given & (clean.label == tile.label)] == Reason.KEPT).all()
    assert (clean.reason[used & ~given] == Reason.UNSURE).all() and np.isnan(clean.confidence[~given]).all()
    least = 0.0 if method == "confident" else 0.5  # it keeps labels that it doubts
    assert ((clean.confidence[given] >= least) & (clean.confidence[given] <= 1)).all()


@pytest.mark.parametrize("method", METHODS)
def test_what_lies_under_cloud_has_no_influence(method) -> None:
    masked = np.zeros((46, 46), dtype=bool)
    masked[20:26, 10:30] = True
    truth = lakes(46, 3)
    tile, other = make_tile(truth, masked=masked), make_tile(truth, masked=masked)
    near = ~usable(tile, 3)
    other.share[near & ~masked] = 1 - other.share[near & ~masked]  # labels of pixels that are not used
    one, two = cleaned(quick(method), tile, 5), cleaned(quick(method), other, 5)
    assert (one.label == two.label).all()
    np.testing.assert_array_equal(one.confidence, two.confidence)


def test_none_keeps_every_label_that_it_uses() -> None:
    share = np.random.default_rng(0).random((30, 30))
    tile = make_tile(lakes(30, 0), share)
    clean = build("none", {"radius": 3})(tile, 0)
    inner = (slice(3, -3), slice(3, -3))
    assert (clean.label[inner] == (share.astype("float32") >= 0.5)[inner]).all()
    assert set(np.unique(clean.reason)) == {Reason.KEPT, Reason.NEIGHBOUR}


def test_agreement_is_the_rule_of_succession() -> None:
    share = np.array([1, 0, 1, 0.5, 0.25], dtype=np.float32)
    looks = np.array([1, 1, 6, 4, 4], dtype=np.float32)
    np.testing.assert_allclose(agreement(share, looks), [2 / 3, 2 / 3, 7 / 8, 1 / 2, 4 / 6], rtol=1e-6)


def test_clean_labels_read_back_as_they_were_written(tmp_path) -> None:
    tile = make_tile(lakes(40, 2), elevation=800)
    clean = quick("v1")(tile, 1)
    write_clean(Layout(tmp_path), tile, clean, "mark")
    back = read_clean(Layout(tmp_path), tile.record)
    assert (back.label == clean.label).all() and (back.reason == clean.reason).all() and back.notes == clean.notes
    np.testing.assert_array_equal(back.confidence, clean.confidence)


def test_clean_labels_of_another_size_are_refused(tmp_path) -> None:
    tile = make_tile(lakes(40, 2))
    write_clean(Layout(tmp_path), tile, build("none", {})(tile, 0), "mark")
    with pytest.raises(TileError, match="run again: water-gee denoise"):
        read_clean(Layout(tmp_path), make_tile(lakes(46, 2)).record)


def test_a_reason_that_nobody_knows_is_refused(tmp_path) -> None:
    tile = make_tile(lakes(40, 2))
    clean = build("none", {})(tile, 0)
    for reason, known in ((max(Reason), True), (max(Reason) + 1, False)):
        clean.reason[20, 20] = reason
        write_clean(Layout(tmp_path), tile, clean, "mark")
        if known:
            assert read_clean(Layout(tmp_path), tile.record).reason[20, 20] == reason
            continue
        with pytest.raises(TileError, match="or a reason that cannot be; run again: water-gee denoise"):
            read_clean(Layout(tmp_path), tile.record)


def test_an_unknown_method_is_named() -> None:
    with pytest.raises(
        ConfigError,
        match=r"denoise\.method: 'v2' is unknown; choose from confident, label_model, none, v1, vote, water_gee",
    ):
        build("v2", {})

"""The method of v1.0: what it must get right, and the bug that must not return."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from denoise.synthetic import lakes, make_tile
from water_gee.denoise import ABSTAIN, V1, usable
from water_gee.denoise.methods.v1 import draw, like_water
from water_gee.denoise.network import TileCNN, Training, one_thread, patches, probability, train
from water_gee.errors import TileError

QUICK = V1(samples=250, epochs=(10, 4, 4), batch=64, learning_rate=1e-3, minimum_water=50)


@pytest.mark.parametrize("seed", range(4))
def test_it_removes_scattered_commission(seed) -> None:
    """A tenth of the land labelled water at random: at least three quarters of the wrong labels must go."""
    truth = lakes(86, seed)
    wrong = ~truth & (np.random.default_rng(seed + 100).random(truth.shape) < 0.1)
    tile = make_tile(truth, truth | wrong, seed=seed)
    clean = QUICK(tile, seed)
    used = clean.label != ABSTAIN
    before, after = (tile.label != truth)[used].mean(), (clean.label != truth)[used].mean()
    assert before > 0.07 and after < before / 4


def test_the_same_tile_and_seed_give_the_same_labels_whatever_ran_before() -> None:
    truth = lakes(60, 5)
    tile = make_tile(truth, truth ^ (np.random.default_rng(1).random(truth.shape) < 0.05))
    one = QUICK(tile, 11)
    torch.rand(5), QUICK(make_tile(lakes(60, 6)), 12)
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    two = QUICK(tile, 11)
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(one.confidence, two.confidence)
    assert (one.label == two.label).all() and one.notes == two.notes
    assert not np.array_equal(one.confidence, QUICK(tile, 12).confidence, equal_nan=True)


def test_it_leaves_torch_as_it_found_it() -> None:
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    threads = torch.get_num_threads()
    QUICK(make_tile(lakes(50, 1)), 1)
    assert torch.equal(torch.rand(3), expected) and torch.get_num_threads() == threads


@pytest.mark.parametrize("truth", [np.ones((40, 40), bool), np.zeros((40, 40), bool)], ids=["all water", "all land"])
def test_a_tile_of_one_class_keeps_its_labels(truth) -> None:
    tile = make_tile(truth)
    clean, used = QUICK(tile, 0), usable(tile, 3)
    assert (clean.label[used] == truth[used]).all() and clean.notes == {}


def test_a_tile_with_little_water_keeps_its_labels() -> None:
    truth = np.zeros((40, 40), bool)
    truth[10:15, 10:20] = True  # 50 pixels, and more than 50 are wanted
    tile = make_tile(truth)
    clean = QUICK(tile, 0)
    assert (clean.label == np.where(usable(tile, 3), truth, ABSTAIN)).all() and clean.notes == {}


def test_a_tile_wholly_under_cloud_has_no_label() -> None:
    tile = make_tile(lakes(40, 1), masked=np.ones((40, 40), bool))
    assert (QUICK(tile, 0).label == ABSTAIN).all()


def test_constant_bands_do_no_harm() -> None:
    truth = lakes(50, 2)
    tile = make_tile(truth, noise=0.0)
    tile.features[-1] = 0.125
    clean, used = QUICK(tile, 0), usable(tile, 3)
    assert (clean.label[used] == truth[used]).mean() > 0.95


def test_pixels_above_the_limit_are_not_learned_from() -> None:
    """High water that contradicts low water changes nothing where it is left out."""
    truth = lakes(60, 4)
    tile = make_tile(truth)
    tile.features[-1, :, 30:] = 1500 / 4000
    other = replace(tile, share=tile.share.copy())
    other.share[:, 30:] = 1 - other.share[:, 30:]
    np.testing.assert_array_equal(QUICK(tile, 1).label, QUICK(other, 1).label)
    assert (replace(QUICK, maximum_elevation=9000)(other, 1).label != QUICK(other, 1).label).any()


def test_a_missing_band_is_named() -> None:
    tile = make_tile(lakes(40, 1))
    without = replace(tile, names=("blue", "green", "red", "NIR", *tile.names[4:]))
    with pytest.raises(TileError, match="'nir'"):
        QUICK(without, 0)


def test_the_likeness_to_water_is_judged_at_the_pixel_itself() -> None:
    """v1.0 compared the bands three pixels off."""
    random = np.random.default_rng(0)
    bands = random.normal(size=(7, 60, 60)).astype(np.float32).clip(-2, 2)
    chance = np.full((60, 60), 0.99, dtype=np.float32)
    bands[:, 20, 30] = 50
    chance[40, 50] = 0.5
    bands[0, 10, 10] = 50  # one band of seven away: six are within, and more than five are asked for
    bands[:2, 12, 10] = 50
    kept = like_water(bands, chance, 0.95, 3, 5)
    assert {tuple(pixel) for pixel in np.argwhere(~kept)} == {(20, 30), (40, 50), (12, 10)}


def test_the_confidence_must_be_exceeded() -> None:
    chance = np.full((9, 9), 0.95, dtype=np.float32)
    assert not like_water(np.ones((7, 9, 9), np.float32), chance, float(np.float32(0.95)), 3, 5).any()


def test_prediction_in_blocks_equals_prediction_of_each_patch() -> None:
    """The same numbers, and at the right pixel: an offset of one would show."""
    random = np.random.default_rng(0)
    bands = random.normal(size=(7, 90, 83)).astype(np.float32)
    used = np.zeros((90, 83), dtype=bool)
    used[3:-3, 3:-3] = random.random((84, 77)) < 0.3
    with one_thread(0):
        network = TileCNN(torch.zeros(7), torch.ones(7))
        chance = probability(network, bands, used)
        pixels = draw(random, used, 200)
        with torch.inference_mode():
            expected = torch.softmax(network(patches(bands, pixels, 3)), dim=1)[:, 1, 0, 0]
    np.testing.assert_allclose(chance[pixels[:, 0], pixels[:, 1]], expected, atol=1e-6)
    assert np.isnan(chance[~used]).all() and not np.isnan(chance[used]).any()


def test_the_network_learns_a_pattern_of_neighbours() -> None:
    """Water is where the pixel to the left is bright: the centre alone does not tell."""
    bands = np.random.default_rng(0).normal(size=(7, 80, 80)).astype(np.float32)
    water = np.zeros((80, 80), dtype=bool)
    water[:, 1:] = bands[0, :, :-1] > 0
    inner = np.zeros((80, 80), dtype=bool)
    inner[3:-3, 3:-3] = True
    random = np.random.default_rng(1)
    with one_thread(1):
        chosen, other = draw(random, water & inner, 1500), draw(random, ~water & inner, 1500)
        network = train(bands, inner, chosen, other, Training(8, 64, 3e-3))
        chance = probability(network, bands, inner)
    assert ((chance > 0.5) == water)[inner].mean() > 0.9


def test_a_draw_is_distinct_and_no_larger_than_asked() -> None:
    where = np.random.default_rng(0).random((20, 30)) < 0.5
    for count in (10, 10_000):
        pixels = draw(np.random.default_rng(1), where, count)
        assert len({tuple(pixel) for pixel in pixels}) == len(pixels) == min(count, where.sum())
        assert where[pixels[:, 0], pixels[:, 1]].all()

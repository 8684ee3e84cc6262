"""Training windows are turned and lit anew each epoch, and stay true to their labels."""

import csv

import numpy as np
import pytest
import torch

from labelled import quick_settings, write_labelled_tiles
from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord
from water_gee.training import train
from water_gee.training.augmentation import SYMMETRIES, Augmentation, turned
from water_gee.training.feeds import CropFeed, PixelFeed, Sampling, Share
from water_gee.training.store import TileStore

SIZE, MARGIN, RADIUS, TILES = 20, 3, 2, 3
NAMES = ("green", "swir1", "mndwi", "elevation")  # in the elevation stands which pixel it is


@pytest.fixture(scope="module")
def store():
    random = np.random.default_rng(0)
    side = SIZE + 2 * MARGIN
    green, swir1 = random.uniform(0.01, 0.4, (2, TILES, side, side))
    place = np.arange(green.size).reshape(green.shape)
    features = np.stack([green, swir1, (green - swir1) / (green + swir1), place], axis=-1).astype(np.float32)
    labels = random.choice([0, 1, 255], (TILES, SIZE, SIZE), p=[0.5, 0.3, 0.2]).astype(np.uint8)
    labels[0, :8, :8] = 255  # one crop without a label
    confidence = random.random(labels.shape, dtype=np.float32)
    grid = Grid("EPSG:32648", 30.0)
    records = tuple(TileRecord.of(Tile("train", 2020, tile, 0, SIZE, MARGIN), grid, "ok") for tile in range(TILES))
    return TileStore(records, NAMES, features, labels, confidence)


def feed_of(kind, store, augmentation, radius=RADIUS, batch=7):
    sampling = Sampling.of(store, (2, 0, 1), radius, seed=5, use_confidence=True, augmentation=augmentation)
    return PixelFeed(sampling, 40 * batch) if kind == "pixels" else CropFeed(sampling, 8, batch)


def windows(feed, epoch=0, share=None):
    """Return (features [n, y, x, band], water, weight) of all windows of an epoch."""
    parts = feed.epoch(epoch, share) if share else feed.epoch(epoch)
    batches = [(batch.features.permute(0, 2, 3, 1), batch.water, batch.weight) for batch in parts]
    return [torch.cat(part).numpy() for part in zip(*batches, strict=True)]


@pytest.mark.parametrize("kind", ["pixels", "crops"])
@pytest.mark.parametrize("radius", [0, RADIUS, MARGIN])
def test_a_label_stays_on_its_pixel(kind, store, radius):
    features, water, weight = windows(feed_of(kind, store, Augmentation(flips=True), radius))
    inner = features[:, radius : features.shape[1] - radius, radius : features.shape[2] - radius, 3]
    seen = weight > 0
    tile, y, x = np.unravel_index(inner[seen].astype(int), store.features.shape[:3])
    labels = store.labels[tile, y - MARGIN, x - MARGIN]
    np.testing.assert_array_equal(labels, water[seen])
    np.testing.assert_array_equal(store.confidence[tile, y - MARGIN, x - MARGIN], weight[seen])
    assert len(set(inner[seen])) == seen.sum() == (store.labels != 255).sum()


@pytest.mark.parametrize("kind", ["pixels", "crops"])
def test_each_window_is_the_plain_one_from_one_of_eight_sides(kind, store):
    plain, seen = windows(feed_of(kind, store, Augmentation()))[0], set()
    for one, other in zip(plain, windows(feed_of(kind, store, Augmentation(flips=True)))[0], strict=True):
        if np.isnan(one).any():  # a smaller crop at a tile's end: its padding stays in its corner
            np.testing.assert_array_equal(np.sort(one[..., 3], axis=None), np.sort(other[..., 3], axis=None))
            continue
        same = [side for side in range(SYMMETRIES) if np.array_equal(turned(one, side), other)]
        assert len(same) == 1
        seen |= set(same)
    assert len(seen) == SYMMETRIES if kind == "pixels" else len(seen) > 3


def test_the_eight_sides_differ_and_come_equally_often():
    square = np.arange(9).reshape(3, 3)
    assert len({turned(square, side).tobytes() for side in range(SYMMETRIES)}) == SYMMETRIES
    drawn = Augmentation(flips=True).views(0, 0, np.arange(80_000), NAMES).symmetry
    assert np.bincount(drawn, minlength=8) == pytest.approx(np.full(8, 10_000), rel=0.05)


@pytest.mark.parametrize("kind", ["pixels", "crops"])
def test_the_light_changes_all_reflectance_alike_and_nothing_else(kind, store):
    plain = windows(feed_of(kind, store, Augmentation()))[0]
    lit = windows(feed_of(kind, store, Augmentation(jitter=0.2)))[0]
    green, swir1, mndwi = (np.moveaxis(lit, -1, 0)[band] for band in range(3))
    np.testing.assert_allclose((green - swir1) / (green + swir1), mndwi, atol=1e-5)
    np.testing.assert_array_equal(plain[..., 2:], lit[..., 2:])
    gain = (lit / plain)[..., :2].reshape(len(lit), -1)
    np.testing.assert_allclose(np.nanmin(gain, axis=1), np.nanmax(gain, axis=1), rtol=1e-5)
    assert len(np.unique(np.nanmin(gain, axis=1).round(5))) > 0.9 * len(lit)


def test_the_logarithm_of_the_gain_is_normal():
    gain = Augmentation(jitter=0.1).views(3, 1, np.arange(100_000), ("blue", "ndvi", "nir")).gain
    log = np.log(gain[:, 0].astype(float))
    assert np.all(gain[:, 1] == 1) and np.array_equal(gain[:, 0], gain[:, 2])
    assert log.mean() == pytest.approx(0, abs=0.001)
    assert log.std() == pytest.approx(0.1, rel=0.01)
    assert np.mean(np.abs(log) < 0.1) == pytest.approx(0.6827, abs=0.005)


def test_what_is_drawn_depends_on_seed_epoch_and_place_alone():
    both = Augmentation(flips=True, jitter=0.1)
    places = np.arange(1000)
    whole, part = both.views(1, 2, places, NAMES), both.views(1, 2, places[1::3], NAMES)
    np.testing.assert_array_equal(whole.symmetry[1::3], part.symmetry)
    np.testing.assert_array_equal(whole.gain[1::3], part.gain)
    for seed, epoch in ((1, 3), (2, 2), (2, 1)):
        other = both.views(seed, epoch, places, NAMES)
        assert np.mean(other.symmetry == whole.symmetry) < 0.2
        assert np.mean(other.gain[:, 0] == whole.gain[:, 0]) < 0.01


@pytest.mark.parametrize("kind", ["pixels", "crops"])
def test_several_processes_see_what_one_would(kind, store):
    feed = feed_of(kind, store, Augmentation(flips=True, jitter=0.1), batch=6)
    whole, one, other = windows(feed), windows(feed, 0, Share(0, 2)), windows(feed, 0, Share(1, 2))
    everything = [np.concatenate(parts) for parts in zip(one, other, strict=True)]
    for alone, shared in zip(whole, everything, strict=True):
        rows = [sorted(part.tobytes() for part in values) for values in (alone, shared)]
        assert rows[0] == rows[1]


def test_validation_is_left_as_it_is(tmp_path):
    write_labelled_tiles(tmp_path)
    curves = []
    for jitter in (0, 1):
        folder = tmp_path / f"jitter-{jitter}"
        folder.mkdir()
        train(quick_settings(tmp_path, "model.lr=1e-12", "trainer.epochs=1", f"data.jitter={jitter}"), folder)
        curves += csv.DictReader((folder / "curves.csv").open(encoding="utf-8"))
    assert curves[0]["valid_loss"] == curves[1]["valid_loss"]
    assert curves[0]["train_loss"] != curves[1]["train_loss"]

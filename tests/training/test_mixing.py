"""An epoch takes every place once, well mixed, in memory that the number of tiles does not change."""

import tracemalloc

import numpy as np
import pytest

from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord
from water_gee.training import mixing
from water_gee.training.feeds import CropFeed, PixelFeed, Sampling
from water_gee.training.mixing import batches_of_places
from water_gee.training.store import TileStore

COUNTS = [5, 0, 17, 40, 1, 9, 30]


def places_of(tile):
    return 1000 * tile + np.arange(COUNTS[tile])


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setattr(mixing, "PLACES_AT_ONCE", 32)
    monkeypatch.setattr(mixing, "TILES_AT_ONCE", 3)


@pytest.mark.parametrize("key", [None, (0, 0)])
@pytest.mark.parametrize("batch", [1, 8, 33, 1000])
def test_every_place_comes_once_and_only_the_last_batch_is_smaller(few_at_once, key, batch):
    batches = list(batches_of_places(COUNTS, places_of, batch, key))
    every = np.concatenate([places_of(tile) for tile in range(len(COUNTS))])
    together = np.concatenate(batches)
    np.testing.assert_array_equal(np.sort(together), every)
    assert {len(one) for one in batches[:-1]} <= {batch}
    assert len(batches) == -(-len(every) // batch)
    assert np.array_equal(together, every) == (key is None)


def test_equal_keys_give_equal_orders(few_at_once):
    orders = [np.concatenate(list(batches_of_places(COUNTS, places_of, 8, key))) for key in ((1, 2), (1, 2), (1, 3))]
    assert np.array_equal(orders[0], orders[1])
    assert not np.array_equal(orders[0], orders[2])


def test_a_batch_mixes_the_tiles_that_are_at_hand():
    counts = [100] * 20
    first = next(batches_of_places(counts, lambda tile: 1000 * tile + np.arange(100), 64, (0, 0)))
    assert len(set(first // 1000)) > 15


def labelled_store(folder, tiles, size=64, margin=3):
    side = size + 2 * margin
    features = np.memmap(folder / f"features-{tiles}", np.float32, "w+", shape=(tiles, side, side, 2))
    labels = np.memmap(folder / f"labels-{tiles}", np.uint8, "w+", shape=(tiles, size, size))
    labels[:, :20] = 1
    confidence = np.memmap(folder / f"confidence-{tiles}", np.float32, "w+", shape=(tiles, size, size))
    grid = Grid("EPSG:32648", 30.0)
    records = tuple(TileRecord.of(Tile("train", 2020, tile, 0, size, margin), grid, "ok") for tile in range(tiles))
    return TileStore(records, ("green", "swir1"), features, labels, confidence)


@pytest.mark.parametrize("kind", ["pixels", "crops"])
def test_four_times_as_many_tiles_need_no_more_memory(kind, tmp_path, monkeypatch):
    """The tiles' balances and counts, some 200 bytes a tile, are made before the epoch and not counted here."""
    monkeypatch.setattr(mixing, "PLACES_AT_ONCE", 4 * 64**2)
    monkeypatch.setattr(mixing, "TILES_AT_ONCE", 4)
    peaks = []
    for tiles in (8, 32):
        sampling = Sampling.of(labelled_store(tmp_path, tiles), range(tiles), 3)
        feed = PixelFeed(sampling, 500) if kind == "pixels" else CropFeed(sampling, 16, 9)
        tracemalloc.start()
        assert sum(1 for _ in feed.epoch(0)) == len(feed)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.03 * peaks[0]

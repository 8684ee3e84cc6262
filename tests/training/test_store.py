"""Tiles and labels as they reach training."""

import numpy as np
import pytest

from labelled import FEATURES, MARGIN, PLACES, SIZE, truth_of, write_labelled_tiles
from vouched import vouch_for_labels
from water_gee.denoise import training_records
from water_gee.errors import TileError
from water_gee.tiles import clean_path, load_tile
from water_gee.training.store import ABSTAIN, build_store, standardisation


@pytest.fixture
def layout(tmp_path):
    return write_labelled_tiles(tmp_path)


def test_features_and_labels_are_those_on_disk(layout, tmp_path):
    records = training_records(layout)
    assert len(records) == len(PLACES) - 1  # one is empty
    store = build_store(layout, records, FEATURES, 3, tmp_path)
    tile = load_tile(layout, store.records[2])
    np.testing.assert_array_equal(store.features[2], np.moveaxis(tile.features, 0, -1))
    own = slice(MARGIN, MARGIN + SIZE)
    water = truth_of(store.records[2].column, store.records[2].row)[own, own]
    known = store.labels[2] != ABSTAIN
    assert (store.labels[2][known] == water[known]).all()


def test_an_unseen_or_abstained_pixel_has_no_label(layout, tmp_path):
    store = build_store(layout, training_records(layout), FEATURES, 3, tmp_path)
    own = slice(MARGIN, MARGIN + SIZE)
    unseen = np.isnan(store.features[:, own, own, 0])
    assert unseen.any() and (store.labels[unseen] == ABSTAIN).all()
    assert (store.labels[:, :, : 9 - MARGIN] == ABSTAIN).all()


def test_features_come_in_the_order_asked_for(layout, tmp_path):
    records = training_records(layout)
    store = build_store(layout, records, ["nir", "blue"], 0, tmp_path)
    whole = build_store(layout, records, FEATURES, 0, tmp_path)
    np.testing.assert_array_equal(store.features, whole.features[..., [3, 0]])


def test_standardisation_is_that_of_the_seen_pixels_of_the_given_tiles(layout, tmp_path):
    store = build_store(layout, training_records(layout), FEATURES, 3, tmp_path)
    mean, deviation = standardisation(store, [0, 2])
    own = slice(MARGIN, MARGIN + SIZE)
    values = store.features[[0, 2], own, own].reshape(-1, len(FEATURES))
    np.testing.assert_allclose(mean, np.nanmean(values, axis=0), rtol=1e-4)
    np.testing.assert_allclose(deviation[:7], np.nanstd(values, axis=0)[:7], rtol=1e-4)
    assert deviation[7] == 1.0  # a band that never varies


def test_the_maps_leave_no_file_behind(layout, tmp_path):
    store = build_store(layout, training_records(layout), FEATURES, 3, tmp_path)
    assert store.labels.any() and not list(tmp_path.glob(".tiles-*"))


def test_what_is_missing_is_said_with_the_command_to_run(layout, tmp_path):
    with pytest.raises(TileError, match="run first: water-gee tiles"):
        training_records(type(layout)(tmp_path / "elsewhere"))
    records = training_records(layout)
    with pytest.raises(TileError, match=r"tiles\.margin=5"):
        build_store(layout, records, FEATURES, 5, tmp_path)
    with pytest.raises(TileError, match="no band 'swir2'"):
        build_store(layout, records, ["swir2"], 3, tmp_path)
    clean_path(layout, "train", records[0].id).unlink()
    with pytest.raises(TileError, match=r"does not exist; run again: water-gee denoise"):
        build_store(layout, records, FEATURES, 3, tmp_path)
    vouch_for_labels(layout)
    with pytest.raises(TileError, match=rf"train/{records[0].id} has no clean labels; run again: water-gee denoise"):
        training_records(layout)
    (layout.clean / "report.json").unlink()
    with pytest.raises(TileError, match="run first: water-gee denoise"):
        training_records(layout)

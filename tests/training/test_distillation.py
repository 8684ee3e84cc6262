"""What a pixel teaches when there is a teacher beside its label, and which pixels hear the teacher."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from labelled import FEATURES, quick_settings, write_labelled_tiles
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, TileError
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body
from water_gee.training.distillation import check_apart, ground_of, taught
from water_gee.training.feeds import CropFeed, PixelFeed, Sampling
from water_gee.training.fit import keep_apart, probability
from water_gee.training.lessons import classes, mixed
from water_gee.training.module import batch_loss
from water_gee.training.plan import recipe_of
from water_gee.training.split import Split
from water_gee.training.store import build_store, standardisation

SPLIT = Split((0, 1, 2, 3), (4,))
SHARE = 0.25


@pytest.fixture
def store(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    return build_store(layout, training_records(layout), FEATURES, 3, tmp_path)


def network(store, kind="pixelcnn", seed=0):
    torch.manual_seed(seed)
    widths = {"pixelcnn": (4, 5, 6, 7), "mlp": (8, 8)}[kind]
    body = build_body(kind, len(FEATURES), widths)
    return PixelNetwork(Standardise(*standardisation(store, range(5))), body, FEATURES).eval()


def teacher(store, **metadata):
    return TrainedModel(network(store, seed=1), "pixelcnn", (4, 5, 6, 7), temperature=1.7, metadata=metadata)


def test_the_loss_is_that_of_the_label_and_that_of_the_teacher_by_their_shares():
    labels = np.array([1, 0, 255, 255, 1], np.uint8)
    target = np.array([1, 0, 0, 0, 1], np.float32)
    weight = np.array([1, 0.5, 1, 1, 1], np.float32)
    answers = np.array([0.7, 0.4, 0.8, np.nan, np.nan], np.float32)
    found = mixed(labels, target, weight, answers, SHARE)
    logits = torch.tensor([0.3, -1.2, 2.0, 1.0, -0.5])
    losses = functional.binary_cross_entropy_with_logits(
        logits, torch.from_numpy(found.target), weight=torch.from_numpy(found.weight), reduction="none"
    )
    water, land = functional.softplus(-logits), functional.softplus(logits)  # the loss of an answer for each class
    by_teacher = [SHARE * (q * water[i] + (1 - q) * land[i]) for i, q in enumerate([0.7, 0.4, 0.8])]
    wanted = [0.75 * water[0] + by_teacher[0], 0.75 * 0.5 * land[1] + by_teacher[1], by_teacher[2], 0, 0.75 * water[4]]
    assert losses.tolist() == pytest.approx([float(one) for one in wanted], abs=1e-6)
    assert found.classes.tolist() == [1, 0, 1, 255, 1]
    assert classes(labels, None) is labels


def test_a_teacher_alone_leaves_the_labels_nothing():
    one = mixed(np.array([1], np.uint8), np.ones(1, np.float32), np.ones(1, np.float32), np.full(1, 0.2, "float32"), 1)
    assert (one.target[0], one.weight[0], one.classes[0]) == (pytest.approx(0.2), 1, 1)


def test_the_teacher_is_heard_on_seen_ground_of_training_and_nowhere_else(store, tmp_path):
    model = teacher(store)
    given = taught(store, SPLIT, model, tmp_path)
    for tile in SPLIT.training:
        assert np.array_equal(given.teacher[tile], probability(model, store, tile), equal_nan=True)
        own = store.features[tile, 3:-3, 3:-3, 0]
        assert np.array_equal(np.isnan(given.teacher[tile]), np.isnan(own)) and np.isnan(own).any()
    assert np.isnan(given.teacher[4]).all() and store.teacher is None
    keep_apart(given, SPLIT, 3)
    near = np.isnan(given.teacher[2]) & ~np.isnan(store.features[2, 3:-3, 3:-3, 0])  # beside the validation tile
    assert near.any() and (given.labels[2][near] == 255).all()


def epoch(net, feed):
    """Return summed loss, weight and scale of an epoch, and the gradient."""
    net.zero_grad()
    total, weight, scale = 0.0, 0.0, 0.0
    for batch in feed.epoch(0):
        loss = batch_loss(net, batch) * batch.scale
        loss.backward()
        total, weight, scale = total + float(loss.detach()), weight + float(batch.weight.sum()), scale + batch.scale
    return total, weight, scale, torch.cat([parameter.grad.ravel() for parameter in net.parameters()])


def test_both_feeds_give_the_same_loss_and_abstained_pixels_learn_from_the_teacher(store, tmp_path):
    given = taught(store, SPLIT, teacher(store), tmp_path)
    net = network(store, "mlp")
    sampling = Sampling.of(given, (2,), 0, taught=SHARE)
    labelled, heard = store.labelled(2), int(np.count_nonzero(~np.isnan(given.teacher[2])))
    assert heard > labelled
    windows, crops = epoch(net, PixelFeed(sampling, 700)), epoch(net, CropFeed(sampling, 24, 3))
    for found in (windows, crops):
        assert found[1] == pytest.approx(labelled + SHARE * (heard - labelled), rel=1e-5)
        assert found[2] == pytest.approx(heard)
    assert windows[0] == pytest.approx(crops[0], rel=1e-5)
    torch.testing.assert_close(windows[3], crops[3], rtol=1e-3, atol=1e-2)


def test_without_a_share_the_teacher_changes_nothing(store, tmp_path):
    given = taught(store, SPLIT, teacher(store), tmp_path)
    plain, deaf = (Sampling.of(one, SPLIT.training, 3) for one in (store, given))
    for one, other in zip(CropFeed(plain, 16, 8).epoch(0), CropFeed(deaf, 16, 8).epoch(0), strict=True):
        assert torch.equal(one.water, other.water) and torch.equal(one.weight, other.weight)


def test_a_teacher_of_ground_that_validates_is_refused_and_one_that_does_not_tell_is_said(store, tmp_path, capsys):
    training, validation = ([store.records[tile] for tile in side] for side in (SPLIT.training, SPLIT.validation))
    check_apart(teacher(store, ground=ground_of(training)), validation)
    assert capsys.readouterr().err == ""
    child = teacher(store, ground=ground_of(training[:1], teacher(store, ground=ground_of(validation)), None))
    with pytest.raises(ConfigError, match=r"trained on ground of train/2020_\w+, which validates here"):
        taught(store, SPLIT, child, tmp_path)
    other = {"EPSG:32633": [[0.0, 0.0, 1.0, 1.0]]}
    for ground in ({}, other):
        check_apart(teacher(store, ground=ground), validation)
        assert "does not tell where it was trained" in capsys.readouterr().err


def test_a_teacher_that_sees_further_than_the_tiles_is_refused(store, tmp_path):
    narrow = replace(store, records=tuple(replace(one, margin=2) for one in store.records))
    with pytest.raises(TileError, match="reads 3 pixels around each and the tiles have a margin of 2"):
        taught(narrow, SPLIT, teacher(store), tmp_path)


def test_the_weight_counts_with_a_teacher_alone(tmp_path):
    assert recipe_of(quick_settings(tmp_path, "distil.weight=0.3")).taught == 0
    assert recipe_of(quick_settings(tmp_path, "distil.from=base", "distil.weight=0.3")).taught == 0.3

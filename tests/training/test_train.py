"""A whole training on tiny tiles."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
import pytorch_lightning as lightning
import torch

from labelled import FEATURES, folder_for, quick_settings, weights, write_labelled_tiles
from vouched import vouch_for_labels
from water_gee.accuracy import Confusion
from water_gee.denoise import read_clean, training_records
from water_gee.errors import TileError
from water_gee.models import load_checkpoint, predict
from water_gee.paths import Layout
from water_gee.tiles import clean_path, load_tile, read_raster, write_raster
from water_gee.training import train
from water_gee.training.feeds import Sampling
from water_gee.training.figures import draw_all
from water_gee.training.fit import choose_feed
from water_gee.training.plan import recipe_of
from water_gee.training.store import build_store

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    write_labelled_tiles(folder)
    return folder


@pytest.fixture(scope="module")
def trained(root, quick_runs):
    """A run that nothing disturbed, with its figures."""
    folder = folder_for(root, "whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("water_gee.training.run.draw_all", draw_all)
        return folder, train(quick_settings(root), folder)


def test_a_run_leaves_what_the_contract_names_and_nothing_else(trained):
    folder, _ = trained
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = ("confusion_matrix", "precision_recall", "calibration", "training_curves", "quicklook")
    assert files == {
        "model.ckpt", "config.yaml", "metrics.json", "curves.csv", "validation_tiles.json",
        *(f"figures/{name}.png" for name in figures),
        "checkpoints/best.ckpt", "checkpoints/last.ckpt",  # until the job is on record as finished
    }  # fmt: skip


def test_it_learns(trained):
    _, outcome = trained
    assert outcome.metrics["iou"] > 0.95 and outcome.metrics["kappa"] > 0.95
    assert 0 < outcome.facts["threshold"] < 1


def test_the_metrics_are_those_of_the_saved_checkpoint_on_the_validation_tiles(trained, root):
    folder, outcome = trained
    model, layout = load_checkpoint(folder / "model.ckpt"), Layout(root)
    by_tile = json.loads((folder / "validation_tiles.json").read_text(encoding="utf-8"))
    total = Confusion()
    for record in training_records(layout):
        if record.id not in by_tile:
            continue
        tile = load_tile(layout, record)
        inset = record.margin - model.network.radius
        side = slice(inset, tile.features.shape[1] - inset)
        label = read_clean(layout, record).label[tile.core]
        valid = (label != 255) & tile.seen[tile.core]
        total += Confusion.of(predict(model, tile.features[:, side, side]) >= model.threshold, label == 1, valid)
    assert total.pixels > 0
    for name, value in total.metrics().items():
        assert outcome.metrics[name] == pytest.approx(value)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(trained, root):
    again, other = folder_for(root, "again"), folder_for(root, "other")
    train(quick_settings(root), again)
    train(quick_settings(root, "seed=1"), other)
    assert torch.equal(weights(trained[0]), weights(again))
    assert (again / "metrics.json").read_bytes() == (trained[0] / "metrics.json").read_bytes()
    assert not torch.equal(weights(again), weights(other))


class Killed(Exception):
    """In place of a signal: nothing in the program handles it."""


SLOWER = ("model.lr=0.001", "trainer.epochs=4")  # better each epoch, so that each writes both checkpoints


@pytest.fixture(scope="module")
def slower(root):
    """A run of `SLOWER` that nothing disturbed."""
    folder = folder_for(root, "slower")
    train(quick_settings(root, *SLOWER), folder)
    return folder


def resumed_as_if_undisturbed(root, folder, overrides, undisturbed):
    """Resume the run of `folder`; return the epochs that it then trained."""
    epochs = []
    train(quick_settings(root, *overrides), folder, resume=True, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert torch.equal(weights(folder), weights(undisturbed))
    for name in ("metrics.json", "curves.csv"):
        assert (folder / name).read_bytes() == (undisturbed / name).read_bytes()
    return epochs


@pytest.mark.parametrize("epoch", range(4))
def test_a_run_killed_in_any_epoch_resumes_to_the_result_of_an_undisturbed_one(root, slower, epoch):
    def kill(now, metrics):
        if now == epoch:  # the epoch before it is the last that was saved
            raise Killed

    folder = folder_for(root, f"killed in epoch {epoch}")
    with pytest.raises(Killed):
        train(quick_settings(root, *SLOWER), folder, on_epoch=kill)
    assert (folder / "checkpoints" / "last.ckpt").is_file() == (epoch > 0)
    assert resumed_as_if_undisturbed(root, folder, SLOWER, slower) == list(range(epoch, 4))


def kill_after_writes(monkeypatch, writes):
    """End the training once it has written so many checkpoints, the best and the last counted alike."""
    save, done = lightning.Trainer.save_checkpoint, []

    def count(trainer, filepath, *arguments, **options):
        save(trainer, filepath, *arguments, **options)
        done.append(filepath)
        if len(done) == writes:
            raise Killed

    monkeypatch.setattr(lightning.Trainer, "save_checkpoint", count)


@pytest.mark.parametrize("writes", [1, 2, 3, 8])
def test_a_run_killed_after_any_checkpoint_resumes_to_the_same(root, slower, monkeypatch, writes):
    folder = folder_for(root, f"killed after write {writes}")
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_after_writes(patched, writes)
        train(quick_settings(root, *SLOWER), folder)
    assert resumed_as_if_undisturbed(root, folder, SLOWER, slower) == list(range(writes // 2, 4))


def test_a_run_killed_when_it_had_stopped_early_does_not_train_on(root, monkeypatch):
    overrides = ("model.lr=1e-12", "trainer.epochs=9", "trainer.patience=2")
    whole, folder = folder_for(root, "stopped whole"), folder_for(root, "stopped and killed")
    train(quick_settings(root, *overrides), whole)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        kill_after_writes(patched, 4)  # the first epoch writes the best as well
        train(quick_settings(root, *overrides), folder)
    assert resumed_as_if_undisturbed(root, folder, overrides, whole) == []


@pytest.mark.parametrize("feed", ["pixels", "crops"])
def test_both_feeds_train_the_convolutional_network(root, feed):
    folder = folder_for(root, feed)
    overrides = ("model=pixelcnn", "model.widths=[4,4,8,8]", f"data={feed}", "data.batch=256", "data.crop=32")
    outcome = train(quick_settings(root, *overrides, "trainer.epochs=2"), folder)
    assert outcome.facts["feed"] == feed
    assert outcome.metrics["iou"] > 0.8


def test_auto_takes_crops_for_dense_labels_and_pixels_for_sparse_ones(root, tmp_path):
    recipe = recipe_of(quick_settings(root))
    layout = Layout(root)
    dense = build_store(layout, training_records(layout), FEATURES, 0, tmp_path)
    assert choose_feed(recipe, Sampling.of(dense, range(5), 0))[0] == "crops"
    sparse = replace(
        dense, labels=np.where(np.random.default_rng(0).random(dense.labels.shape) < 0.05, dense.labels, 255)
    )
    assert choose_feed(recipe, Sampling.of(sparse, range(5), 0))[0] == "pixels"
    assert choose_feed(replace(recipe, feed="crops"), Sampling.of(sparse, range(5), 0))[0] == "crops"


def test_early_stopping_ends_a_run_that_gains_nothing(root):
    folder = folder_for(root, "stopped")
    outcome = train(quick_settings(root, "model.lr=1e-12", "trainer.epochs=9", "trainer.patience=2"), folder)
    assert outcome.facts["epochs"] == 3
    assert len(list(csv.DictReader((folder / "curves.csv").open(encoding="utf-8")))) == 3


def test_one_class_alone_is_refused(tmp_path):
    layout = write_labelled_tiles(tmp_path, places=((10, 20), (11, 20), (12, 20)), last_is_empty=False)
    for record in training_records(layout):
        path = clean_path(layout, "train", record.id)
        raster = read_raster(path, "")
        raster.values[0][raster.values[0] == 1] = 0
        write_raster(path, raster.values, raster.names, crs=record.crs, transform=raster.transform)
    vouch_for_labels(layout)
    (tmp_path / "run").mkdir()
    with pytest.raises(TileError, match=r"no pixel labelled water.*data.validation"):
        train(quick_settings(tmp_path), tmp_path / "run")


def test_a_gpu_that_is_not_there_is_said(root):
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(TileError, match=r"trainer.accelerator=auto"):
        train(quick_settings(root, "trainer.accelerator=gpu"), folder_for(root, "gpu"))

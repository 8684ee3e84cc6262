"""Trainings of a user's own network: jobs and their keys, sweeps, starts from it, chance and statistics of layers."""

import numpy as np
import pytest
import torch
import yaml

from labelled import folder_for, write_labelled_tiles
from own_networks import forget, write_network
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.errors import ConfigError
from water_gee.experiments.cost import prune_selected
from water_gee.experiments.job import run_job
from water_gee.experiments.networks import trained_networks
from water_gee.experiments.select import run as select
from water_gee.experiments.start import start_of
from water_gee.models import PixelNetwork, Standardise, load_checkpoint, selected
from water_gee.models.own import Own, build_own
from water_gee.runs import contenders
from water_gee.training import train
from water_gee.training.feeds import Batch
from water_gee.training.module import WaterModule

pytestmark = pytest.mark.usefixtures("quick_runs")

PACKAGE = "own_trained"
NET = """
class Net(nn.Module):
    def __init__(self, bands, width):
        super().__init__()
        self.first = nn.Conv2d(bands, width, 3)
        self.layers = nn.Sequential(nn.BatchNorm2d(width), nn.ReLU(), nn.Dropout(0.2))
        self.last = nn.Conv2d(width, 3, 1)

    def forward(self, x):
        return self.last(self.layers(self.first(x)))
"""
QUICK = ("trainer.epochs=2", "trainer.accelerator=cpu", "data.crop=32", "trainer.log_model=false")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Tiles, and a folder that holds a package and `conf`."""
    layout, folder = write_labelled_tiles(tmp_path_factory.mktemp("root")), tmp_path_factory.mktemp("user")
    write_network(folder, PACKAGE, NET, width=4, water_class=2)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield layout, folder
    forget(PACKAGE)


@pytest.fixture(scope="module")
def settings(place):
    layout, folder = place

    def composed(*overrides: str):
        own = [f"model={PACKAGE}", f"paths.root={layout.root}", *QUICK]
        return load(compose([*own, *overrides], str(folder / "conf")))

    return composed


@pytest.fixture(scope="module")
def base(settings):
    return run_job(settings("run.name=base"), [])


def state(job) -> dict[str, torch.Tensor]:
    return load_checkpoint(job.folder / "model.ckpt").network.state_dict()


def test_a_run_keeps_its_class_and_the_statistics_that_its_layers_learnt(base):
    config = yaml.safe_load((base.folder / "config.yaml").read_text(encoding="utf-8"))["model"]
    assert (config["_target_"], config["width"], config["water_class"]) == (f"{PACKAGE}.nets.Net", 4, 2)
    kept = state(base)
    assert kept["body.network.layers.0.running_mean"].abs().max() > 0
    assert kept["body.network.layers.0.num_batches_tracked"] > 0


@pytest.mark.parametrize("feed", ["crops", "pixels"])
def test_equal_seeds_give_equal_weights_with_dropout_and_in_whatever_feed(settings, place, feed):
    folders = [folder_for(place[0].root, f"{feed}{number}") for number in range(2)]
    for folder in folders:
        train(settings(f"data={feed}", "trainer.epochs=1", "seed=3"), folder)
    one, two = (load_checkpoint(folder / "model.ckpt").network.state_dict() for folder in folders)
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_same_job_is_done_once_and_other_arguments_or_code_make_another(settings, place):
    first = run_job(settings("trainer.epochs=1"), [])
    assert run_job(settings("trainer.epochs=1"), [], again=False).folder == first.folder
    wider = run_job(settings("trainer.epochs=1", "model.width=6"), ["model.width=6"], again=False)
    assert not wider.skipped and wider.name == f"{PACKAGE} width=6"
    assert {one.name for one in trained_networks(place[0])} == {f"{PACKAGE} width=4", f"{PACKAGE} width=6"}
    write_network(place[1], PACKAGE, "# a comment\n" + NET, width=4, water_class=2)
    forget(PACKAGE)
    edited = run_job(settings("trainer.epochs=1"), [], again=False)
    assert not edited.skipped
    runs = {path.path.parent for one in contenders(place[0]) for path in one.checkpoints}
    assert {first.folder, wider.folder, edited.folder} <= runs


def test_it_is_started_from_by_whatever_model_and_pruned_by_none(settings, base, place):
    further = run_job(settings("model=mlp", "ckpt=base", "model.lr=1e-4", "trainer.epochs=1"), [])
    before, after = (load_checkpoint(one.folder / "model.ckpt") for one in (base, further))
    assert (after.own, after.kind) == (before.own, PACKAGE)
    moved = after.network.body.network.first.weight - before.network.body.network.first.weight
    assert 0 < moved.abs().max() < 0.05
    with pytest.raises(ConfigError, match=r"prune.from=base is of own_trained.nets.Net, a network of your own"):
        start_of(settings("prune.from=base"))
    select(settings("select.run=base"))
    before = {path.name for path in place[0].runs.iterdir()}
    prune_selected(settings(), selected(place[0]), 0.5)
    assert {path.name for path in place[0].runs.iterdir()} == before, "cost compares it, as it is"


def test_a_batch_of_one_pixel_trains_with_the_statistics_that_there_are(base):
    body = build_own(Own(f"{PACKAGE}.nets.Net", {"width": 4}, 2), 2)
    module = WaterModule(PixelNetwork(Standardise([0.0] * 2, [1.0] * 2), body, "ab"), lr=1.0, weight_decay=0, steps=1)
    one = torch.ones(1, 1, 1)
    batch = Batch(torch.randn(1, 2, 3, 3), one, one, 1.0)
    assert np.isfinite(float(module.training_step(batch, 0).detach())) and module.network.training


@pytest.mark.slow
def test_processes_that_train_it_together_leave_one_network(settings):
    job = run_job(settings("trainer.devices=2", "trainer.epochs=1"), [])
    kept = state(job)
    assert all(value.isfinite().all() for value in kept.values()) and job.iou > 0

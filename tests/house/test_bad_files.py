"""Every reader of a file that a user, a full disk or another program may have damaged says so in one line.

A row of `READERS` is a file, the whole content of it, and the command that reads it; a row of `DAMAGES` is what may
have happened to the file. What is asserted is the same for all: one line that names the file, and no traceback.
"""

import io
import os
import shutil
import signal
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch

import train
from damages import ANY, JSON, YAML, Damage, Reader, assert_one_line, becomes, folder, link, ring, rows, run_stage
from labelled import QUICK, quick_settings, write_labelled_tiles
from water_gee import cli
from water_gee.config import compose
from water_gee.config.settings import Settings, load
from water_gee.experiments.job import run_job

pytestmark = pytest.mark.usefixtures("quick_runs")

PROJECT = Path(__file__).resolve().parents[2]


def study(name: str = "mine") -> bytes:
    boxes = "  train: {bbox: [0, 0, 1, 1]}\n  map: {bbox: [0, 0, 4, 1]}\n  test: {bbox: [3, 0, 4, 1]}\n"
    head = f"name: {name}\ncrs: EPSG:4326\nscale: 0.00025\nyears: [2021]\nmonths: [5, 9]\ncatalog: scenes\n"
    return f"{head}areas:\n{boxes}".encode()


def saved(content: object) -> Damage:
    """Return the damage that a file holds other things in torch's format."""
    whole = io.BytesIO()
    torch.save(content, whole)
    return becomes(whole.getvalue())


def changed(**parts: object) -> Damage:
    """Return the damage that some parts of a file in torch's format are others."""

    def change(path: Path, whole: bytes) -> None:
        saved({**torch.load(io.BytesIO(whole), weights_only=True), **parts})(path, whole)

    return change


TORCH = {
    "empty": ANY["empty"],
    "of bytes": ANY["of bytes"],
    "cut": JSON["cut"],
    "a list": saved([1, 2]),
    "of other things": saved({"a": torch.zeros(3)}),
    "with code inside": becomes(b"cos\nsystem\n(S'true'\ntR."),
}


def stage(*arguments: str) -> Callable[[Path], None]:
    return lambda world: cli.main([one.format(world=world) for one in arguments])


@cache
def settings_of(*overrides: str) -> Settings:
    return load(compose.compose(overrides))


def composed(name: str, *overrides: str) -> Callable[[Path], None]:
    return lambda root: run_stage(name, settings_of(f"paths.root={root}", *overrides))


def training(*arguments: str) -> Callable[[Path], None]:
    return lambda world: train.main([one.format(world=world) for one in arguments])


OWN = ("study=mine", "--config-dir", "{world}/own", "paths.root={world}")
READERS = [
    Reader(
        "own/study/mine.yaml",
        stage("tiles", *OWN),
        YAML,
        {
            "with an interpolation cut off": becomes(b"name: ${nothing\n"),
            "with a scalar of defaults": becomes(b"defaults: 5\nname: a\n"),
        },
    ),
    Reader("own/tiles/mine.yaml", stage("tiles", *OWN, "tiles=mine"), YAML),
    Reader("own/model/mine.yaml", training(*OWN, "model=mine"), YAML),
    Reader("own/model/mine.yaml", training("-m", *OWN, "model=mine,mlp"), {"a list": YAML["a list"]}),
    Reader(
        "params.yaml",
        stage("tiles", "paths.root={world}"),
        {name: one for name, one in YAML.items() if one not in (folder, link, ring)},
        {
            "with a list of studies": becomes(b"study: [a]\nearth: local\ndenoise: none\nmodel: mlp\nrun:\n"),
            "without a choice": becomes(b"study: sample\n"),
            "with a number as run": becomes(b"study: sample\nearth: local\ndenoise: none\nmodel: mlp\nrun: 12\n"),
        },
    ),
    Reader("conf/config.yaml", stage("tiles", "paths.root={world}"), {"with a tab": YAML["with a tab"]}),
]
ROOT = "paths.root={world}"
OF_RUNS = [
    Reader(
        "runs/one/config.yaml",
        composed("promote"),
        YAML,
        {"without a model": becomes(b"seed: 0\n"), "with a model of no kind": becomes(b"model: [mlp]\n")},
    ),
    Reader("runs/one/config.yaml", composed("compare"), YAML, {"without a seed": becomes(b"model: {name: mlp}\n")}),
    Reader("runs/one/metrics.json", composed("compare"), JSON),
    Reader("runs/one/validation_tiles.json", composed("promote"), JSON),
    Reader("runs/one/model.ckpt", composed("select", "select.run=one"), {**TORCH, **ANY}),
]
THAT_WRITE = [  # before they find what is wrong: in a root of their own
    Reader(
        "runs/cut/checkpoints/last.ckpt",
        training(ROOT, *QUICK, "run.name=cut", "ckpt=last"),
        TORCH,
        {
            "without weights": changed(state_dict={}),
            "of another network": changed(state_dict={"network.body": torch.zeros(2)}),
            "with the number of an epoch as a word": changed(epoch="two"),
            "without the optimiser": changed(optimizer_states=[]),
            "with an optimiser of other parameters": changed(optimizer_states=[{"state": {}, "param_groups": []}]),
        },
    ),
    Reader("runs/cut/checkpoints/best.ckpt", training(ROOT, *QUICK, "run.name=cut", "ckpt=last"), TORCH),
    Reader(
        "mlflow.db",
        stage("promote", ROOT),
        {name: JSON[name] for name in ("of bytes", "a folder", "a link to nothing", "a link to itself", "cut")},
    ),
    Reader("search.db", training(ROOT, *QUICK, "search=optuna"), {"of bytes": ANY["of bytes"], "a folder": folder}),
]
WHOLE = {
    "own/study/mine.yaml": study(),
    "own/tiles/mine.yaml": (PROJECT / "conf/tiles/default.yaml").read_bytes(),
    "own/model/mine.yaml": (PROJECT / "conf/model/mlp.yaml").read_bytes(),
}


@pytest.fixture
def world(tmp_path, monkeypatch):
    """A project's folder with a user's own groups, as the working directory."""
    shutil.copytree(PROJECT / "conf", tmp_path / "conf")
    shutil.copy(PROJECT / "params.yaml", tmp_path)
    for name, content in WHOLE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    ending = signal.getsignal(signal.SIGTERM)  # train.py has its own
    caches = (compose.repository, compose.params)
    for one in caches:
        one.cache_clear()
    yield tmp_path
    os.chdir(PROJECT)
    signal.signal(signal.SIGTERM, ending)
    for one in caches:
        one.cache_clear()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A root with two runs that have finished and one that was cut off."""
    root = tmp_path_factory.mktemp("trained")
    write_labelled_tiles(root)
    for number, name in enumerate(("one", "two")):
        run_job(quick_settings(root, "trainer.epochs=1", f"seed={number}", f"run.name={name}"), [])

    def interrupt(epoch, metrics):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(quick_settings(root, "run.name=cut"), [], on_epoch=interrupt)
    (root / "search.db").touch()
    return root


@pytest.mark.parametrize(("reader", "damage"), rows(READERS))
def test_a_damaged_file_of_the_configuration_is_one_line_that_names_it(world, reader, damage):
    assert_one_line(world, reader, damage)


@pytest.mark.parametrize(("reader", "damage"), rows(OF_RUNS))
def test_a_damaged_file_of_a_run_is_one_line_that_names_it(trained, reader, damage):
    assert_one_line(trained, reader, damage)


@pytest.mark.parametrize(("reader", "damage"), rows(THAT_WRITE))
def test_a_damaged_checkpoint_or_database_is_one_line_that_names_it(world, trained, reader, damage):
    shutil.copytree(trained, world, dirs_exist_ok=True)
    assert_one_line(world, reader, damage)

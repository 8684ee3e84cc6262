"""Every reader of a file that a user, a full disk or another program may have damaged says so in one line.

A row of `READERS` is a file, the whole content of it, and the command that reads it; a row of `DAMAGES` is what may
have happened to the file. What is asserted is the same for all: one line that names the file, and no traceback.
"""

import io
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch

import train
from labelled import QUICK, quick_settings, write_labelled_tiles
from water_gee import cli
from water_gee.config import compose
from water_gee.tracking.job import run_job

PROJECT = Path(__file__).resolve().parents[2]
LONGEST = 600  # characters of a line


def study(name: str = "mine") -> bytes:
    boxes = "  train: {bbox: [0, 0, 1, 1]}\n  map: {bbox: [0, 0, 4, 1]}\n  test: {bbox: [3, 0, 4, 1]}\n"
    head = f"name: {name}\ncrs: EPSG:4326\nscale: 0.00025\nyears: [2021]\nmonths: [5, 9]\ncatalog: scenes\n"
    return f"{head}areas:\n{boxes}".encode()


Damage = Callable[[Path, bytes], None]


def becomes(content: bytes) -> Damage:
    return lambda path, whole: path.write_bytes(content)


def folder(path: Path, whole: bytes) -> None:
    path.mkdir(parents=True)


def link(path: Path, whole: bytes) -> None:
    path.symlink_to("nowhere")


def ring(path: Path, whole: bytes) -> None:
    path.symlink_to(path.name)


ANY = {
    "empty": becomes(b""),
    "of bytes": becomes(bytes(range(256)) * 8),
    "a folder": folder,
    "a link to nothing": link,
    "a link to itself": ring,
}
YAML = {
    **ANY,
    "of comments": becomes(b"# nothing\n"),
    "a list": becomes(b"- one\n- two\n"),
    "a word": becomes(b"hello\n"),
    "a number": becomes(b"42\n"),
    "nothing": becomes(b"null\n"),
    "with a tab": becomes(b"name: mine\n\tcrs: EPSG:4326\n"),
    "with a key twice": lambda path, whole: path.write_bytes(whole + whole),
    "not UTF-8": becomes("name: café\n".encode("latin-1")),
    "UTF-16": lambda path, whole: path.write_bytes(whole.decode().encode("utf-16")),
    "with a zero byte": becomes(b"name: a\0b\n"),
    "cut inside a bracket": becomes(b"years: [2020, 2021\n"),
    "with an alias of nothing": becomes(b"name: *nothing\n"),
    "with a tag": becomes(b"name: !!python/object/apply:os.getcwd []\n"),
    "with itself inside": becomes(b"name: &a [*a]\n"),
    "nested without end": becomes(b"name: " + b"[" * 5000 + b"]" * 5000 + b"\n"),
    "with a number without end": becomes(b"scale: " + b"9" * 5000 + b"\n"),
}
JSON = {
    **ANY,
    "cut": lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
    "a list": becomes(b"[1, 2]"),
    "a word": becomes(b'"hello"'),
    "nothing": becomes(b"null"),
    "of another shape": becomes(b'{"validation": 3, "a": {"tp": 1}}'),
    "of other types": becomes(b'{"validation": {"iou": "high"}, "a": {"tp": "1", "fp": 2, "fn": 3, "tn": 4}}'),
    "with numbers that cannot be": becomes(
        b'{"validation": {"iou": NaN}, "a": {"tp": -1, "fp": 2e400, "fn": 3, "tn": 4}}'
    ),
    "nested without end": becomes(b"[" * 100_000),
    "not UTF-8": becomes('"café"'.encode("latin-1")),
}


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


@dataclass(frozen=True)
class Reader:
    """A file below the world's folder, and what reads it."""

    file: str
    read: Callable[[Path], None]  # given the world's folder
    damages: dict[str, Damage]
    others: dict[str, Damage] = field(default_factory=dict)  # of this file alone

    def rows(self) -> Iterator[object]:
        for name, damage in {**self.damages, **self.others}.items():
            yield pytest.param(self, damage, id=f"{self.file} {name}")


def stage(*arguments: str) -> Callable[[Path], None]:
    return lambda world: cli.main([one.format(world=world) for one in arguments])


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
        stage("promote", ROOT),
        {name: one for name, one in YAML.items() if one is not link},  # then it is not there
        {"without a model": becomes(b"seed: 0\n"), "with a model of no kind": becomes(b"model: [mlp]\n")},
    ),
    Reader("runs/one/config.yaml", stage("compare", ROOT), YAML, {"without a seed": becomes(b"model: {name: mlp}\n")}),
    Reader("runs/one/metrics.json", stage("compare", ROOT), JSON),
    Reader(
        "runs/one/validation_tiles.json",
        stage("promote", ROOT),
        {name: one for name, one in JSON.items() if one not in (link, ring)},
    ),
    Reader("runs/one/model.ckpt", stage("select", ROOT, "select.run=one"), {**TORCH, **ANY}),
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


def rows(readers: list[Reader]) -> list[object]:
    return [row for reader in readers for row in reader.rows()]


def assert_one_line(world: Path, reader: Reader, damage: Damage) -> None:
    path = world / reader.file
    whole = path.read_bytes()
    path.unlink()
    damage(path, whole)
    with pytest.raises(SystemExit) as ended:
        reader.read(world)
    line = ended.value.code
    assert isinstance(line, str) and "\n" not in line and len(line) <= LONGEST
    assert path.name in line or f"{path.parent.name}/{path.stem}" in line, line


@pytest.mark.parametrize(("reader", "damage"), rows(READERS))
def test_a_damaged_file_of_the_configuration_is_one_line_that_names_it(world, reader, damage):
    assert_one_line(world, reader, damage)


@pytest.mark.parametrize(("reader", "damage"), rows(OF_RUNS))
def test_a_damaged_file_of_a_run_is_one_line_that_names_it(world, trained, reader, damage):
    shutil.copytree(trained, world, dirs_exist_ok=True)
    assert_one_line(world, reader, damage)

"""What the tests of noise removal share: a root with tiles on disk, and what its log says."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from denoise.synthetic import lakes, make_tile, store
from water_gee.denoise import figures
from water_gee.files import write_text
from water_gee.paths import Layout
from water_gee.tiles import TileRecord, read_manifest, write_manifest


@pytest.fixture(scope="session")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with three tiles of train and one of test, one of train empty; not to be written to."""
    layout = Layout(tmp_path_factory.mktemp("stored"), "tiny")
    records = []
    for column, area in ((1, "train"), (2, "train"), (3, "train"), (9, "test")):
        truth = lakes(70, column)
        wrong = ~truth & (np.random.default_rng(column).random(truth.shape) < 0.08)
        masked = np.zeros(truth.shape, dtype=bool)
        masked[: 10 * (column % 3), 20:40] = True
        records.append(store(layout, make_tile(truth, truth | wrong, masked=masked, area=area, column=column)))
    records.append(replace(records[0], id="2020_c0004_r0007", column=4, status="empty", sha256="", labels_sha256=""))
    write_manifest(layout, records)
    return layout.root


@pytest.fixture
def layout(stored: Path, tmp_path: Path) -> Layout:
    """A copy of it."""
    return copied(stored, tmp_path)


def copied(root: Path, to: Path) -> Layout:
    """Copy a root, with the times of its files."""
    return Layout(Path(shutil.copytree(root, to, dirs_exist_ok=True)), "tiny")


@pytest.fixture
def no_drawing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures take most of a stage's time on tiles this small; a stand-in for tests that are not about them."""
    stand_in(monkeypatch)


def stand_in(patch: pytest.MonkeyPatch) -> None:
    """Write a word in place of each figure."""
    patch.setattr(figures, "draw_tile", lambda path, tile, clean, method: write_text(path, method))
    patch.setattr(figures, "draw_summary", lambda path, content: write_text(path, content["method"]))


def cleaned(layout: Layout) -> list[TileRecord]:
    """Return the tiles that have something to clean."""
    return [record for record in read_manifest(layout) if record.status == "ok"]


def logged(layout: Layout, whole: bool = False) -> list[Any]:
    """Return the ids of the tiles that the stage has worked on, or all that it noted of them."""
    path = layout.logs / "denoise.jsonl"
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []
    return lines if whole else [line["id"] for line in lines]

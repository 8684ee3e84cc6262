"""A root with tiles and a map of 128 x 128 pixels, from which points are drawn."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import finished
from water_gee.config.settings import Settings
from water_gee.files import sha256
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.paths import Layout
from water_gee.study import outline
from water_gee.survey.imagery import Imagery
from water_gee.survey.stage import run

FEW = ("sample.points=40", "sample.minimum=6", "sample.near=15", "sample.far=31")


def write_map(root: Path, probability: np.ndarray, threshold: float = 0.5) -> None:
    """Map `finished.LATTICE` in 2020 with a probability of water [y, x], NaN where nothing is seen."""
    plan = Plan.of("map", outline(finished.GRID, finished.LATTICE), finished.GRID, [2020], size=finished.SIZE)
    store = PartStore(root / "work" / "made", finished.GRID)

    def engine(piece):
        cut = piece.window.within(finished.LATTICE)
        looks = np.full(probability[cut].shape, 3, np.uint16)
        return probability[cut].astype(np.float32), probability[cut] >= threshold, looks

    predict_pieces(plan, engine, store, workers=1)
    publish(plan, store, root / "maps", {"study": "tiny", "checkpoint_sha256": sha256(root / "models" / "model.ckpt")})
    store.remove()


def truth() -> np.ndarray:
    """The truth [y, x] of the map's pixels."""
    margin = finished.MARGIN
    return finished.land()["truth"][margin:-margin, margin:-margin]


def guess(seed: int = 0) -> np.ndarray:
    """A probability [y, x] of water that is right at 95 % of the pixels, and NaN in a corner."""
    random = np.random.default_rng(seed)
    right = truth() ^ (random.random(truth().shape) < 0.05)
    probability = np.where(right, 0.997, 0.003) + random.uniform(-0.002, 0.002, right.shape)
    probability[:10, :10] = np.nan
    return probability


@pytest.fixture
def tiles_of_today(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tiles of these roots, which no scene was ever in, count as those that today's scenes make."""
    monkeypatch.setattr(Imagery, "current", lambda _, records: list(records))


@pytest.fixture(scope="session")
def mapped_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with tiles and a map; not to be written to."""
    root = tmp_path_factory.mktemp("mapped")
    finished.write_root(root)
    write_map(root, guess())
    return root


@pytest.fixture
def mapped(mapped_root: Path, tmp_path: Path, tiles_of_today: None) -> Path:
    """A copy of it that may be written to."""
    shutil.copytree(mapped_root, tmp_path, dirs_exist_ok=True)
    return tmp_path


@pytest.fixture
def sampled(mapped: Path, settings: Callable[..., Settings]) -> Path:
    """The same with a survey of 40 points."""
    run(settings(*FEW))
    return mapped


def survey_json(root: Path) -> dict:
    return json.loads((root / "survey" / "survey.json").read_text(encoding="utf-8"))


def true_labels(root: Path) -> dict[str, str]:
    """The label of each point by the truth."""
    return {
        one["id"]: ("land", "water")[int(truth()[one["row"], one["column"]])] for one in survey_json(root)["points"]
    }


def write_labels(path: Path, labels: dict[str, str | None]) -> Path:
    """Write labels as GeoJSON, all at one place: it is by name that points are known."""
    features = [
        {"type": "Feature", "properties": {"id": name, "label": label},
         "geometry": {"type": "Point", "coordinates": [0, 0]}}
        for name, label in labels.items()
    ]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return path


def layout(root: Path) -> Layout:
    return Layout(root, "tiny")

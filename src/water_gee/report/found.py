"""What lies on disk for the page: maps, runs, exports and their hashes, each of which may be absent."""

import csv
import json
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import RasterioError

from water_gee.files import sha256
from water_gee.paths import Layout

_PACKAGES = ("water-gee", "torch", "pytorch-lightning", "earthengine-api", "rasterio", "numpy")
_HASHED = (
    "data/tiles/tiles.csv", "data/clean/report.json", "models/model.ckpt", "models/model.json",
    "export/expression.json", "export/export.json", "maps/area.csv", "reports/metrics.json",
)  # fmt: skip


def json_or_none(path: Path) -> Any:
    """Return a JSON file's content, None where it is absent or broken."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def areas(layout: Layout) -> list[dict[str, str]]:
    """Return the rows of `maps/area.csv`, none where there is no map."""
    try:
        with (layout.maps / "area.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except OSError:
        return []


def water_map(layout: Layout, year: str, limit: int = 1000) -> NDArray[np.uint8] | None:
    """Return a year's water map [y, x], thinned to at most `limit` pixels a side by its most frequent class."""
    try:
        with rasterio.open(layout.maps / year / "water.tif") as file:
            step = max(1, -(-max(file.shape) // limit))
            shape = (-(-file.height // step), -(-file.width // step))
            water: NDArray[np.uint8] = file.read(1, out_shape=shape, resampling=Resampling.mode)
            return water
    except RasterioError:
        return None


def run_folder(layout: Layout) -> Path | None:
    """Return the folder of the run that was selected, if it can be told and is there."""
    model = json_or_none(layout.models / "model.json") or {}
    for record in sorted(layout.runs.glob("*/run.json")):
        if model.get("run_id") and (json_or_none(record) or {}).get("run_id") == model["run_id"]:
            return record.parent
    folder = layout.runs / str(model.get("run") or "-")
    return folder if (folder / "curves.csv").is_file() else None


def commit(folder: Path) -> str:
    """Return the git commit of a folder, marked where files differ from it; empty where there is no repository."""
    try:
        found = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"],
            capture_output=True, text=True, timeout=20, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return ""
    return found.stdout.strip()


def versions() -> dict[str, str]:
    """Return the versions of the packages that decide the numbers."""
    known = {}
    for name in _PACKAGES:
        try:
            known[name] = version(name)
        except PackageNotFoundError:
            continue
    return known


def hashes(layout: Layout) -> dict[str, str]:
    """Return the SHA-256 of the files that everything follows from, of those that are there."""
    return {name: sha256(layout.root / name) for name in _HASHED if (layout.root / name).is_file()}

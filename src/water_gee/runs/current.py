"""The finished runs of the tiles and labels that are there now, and which of them differ by their seed alone."""

import json
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from water_gee.config.compose import repository
from water_gee.denoise import training_records
from water_gee.errors import WaterGeeError
from water_gee.files import read_json
from water_gee.models import Checkpoint
from water_gee.paths import Layout
from water_gee.runs.lineage import lineage
from water_gee.runs.promoted import known_runs
from water_gee.runs.records import CHECKPOINT, FINISHED, RunRecord, read_config

_DECIDES = ("features", "model", "data", "trainer")  # the groups that decide what a network becomes, beside the seed


@dataclass(frozen=True)
class Contender:
    """Runs of one configuration, a run a seed."""

    name: str
    checkpoints: tuple[Checkpoint, ...]
    seeds: tuple[int, ...]
    validation: tuple[float, ...]  # IoU on the validation tiles, a run


def current_runs(layout: Layout) -> list[tuple[Path, RunRecord]]:
    """Return folder and record of every finished run of the study on the present tiles and labels, the newest first.

    Raises:
        TileError: there are no tiles or labels.
    """
    now = lineage(layout, training_records(layout), repository())
    return [
        (folder, record)
        for folder, record in known_runs(layout)
        if (record.study, record.status) == (layout.study, FINISHED)
        and (record.lineage.get("tiles"), record.lineage.get("labels")) == (now.tiles, now.labels)
        and (folder / CHECKPOINT).is_file()
    ]


def checkpoint_of(folder: Path, record: RunRecord) -> Checkpoint:
    """Return the checkpoint of a finished run, as its record knows it."""
    return Checkpoint(folder / CHECKPOINT, record.files.get(CHECKPOINT, "unknown"))


def contenders(layout: Layout) -> list[Contender]:
    """Return the present runs grouped by configuration, the best mean validation IoU first.

    Of several runs of one configuration and seed only the newest counts.

    Raises:
        TileError: there are no tiles or labels.
    """
    groups: dict[str, dict[int, tuple[Path, RunRecord]]] = {}
    for folder, record in current_runs(layout):
        key, seed = _configuration(folder, record)
        groups.setdefault(key, {}).setdefault(seed, (folder, record))
    found = []
    for runs in groups.values():
        seeds = sorted(runs)
        ious = tuple(validation_iou(runs[seed][0]) for seed in seeds)
        name = min((without_seed(runs[seed][1].name) for seed in seeds), key=len)
        found.append(Contender(name, tuple(checkpoint_of(*runs[seed]) for seed in seeds), tuple(seeds), ious))
    return sorted(_distinct(found), key=lambda one: -sum(one.validation) / len(one.validation))


def validation_iou(folder: Path) -> float:
    """Return the IoU on the validation tiles that a finished run tells.

    Raises:
        WaterGeeError: its metrics are absent or broken.
    """
    path = folder / "metrics.json"
    try:
        iou = float(read_json(path)["validation"]["iou"])
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise WaterGeeError(f"{path} tells no validation IoU; delete the run's folder, or train it again") from error
    if not math.isfinite(iou):
        raise WaterGeeError(f"{path} tells a validation IoU of {iou}; delete the run's folder, or train it again")
    return iou


def without_seed(name: str) -> str:
    """Return a run's name without its seed."""
    return re.sub(r"\s*\bseed=\d+", "", name).strip()


def _configuration(folder: Path, record: RunRecord) -> tuple[str, int]:
    """Return what decides a run beside its seed, and the seed."""
    config = read_config(folder)
    start: dict[str, Any] = {}
    if record.started_from:  # networks that were pruned alike are one configuration, whichever seed's they are of
        prune = config.get("prune") or {}
        start = {"share": prune.get("share")} if prune.get("from") else {"from": record.started_from}
    if record.taught_by:
        start |= {"taught_by": record.taught_by, "weight": (config.get("distil") or {}).get("weight")}
    seed = config.get("seed")
    if not isinstance(seed, int):
        raise WaterGeeError(f"{folder / 'config.yaml'} names no seed; delete the run's folder, or train it again")
    return json.dumps([{name: config.get(name) for name in _DECIDES}, start], sort_keys=True), seed


def _distinct(found: Sequence[Contender]) -> list[Contender]:
    """Number the contenders that have the same name: a default may have changed between them."""
    names = [one.name for one in found]
    return [
        one if names.count(one.name) == 1 else
        Contender(f"{one.name} ({names[: number + 1].count(one.name)})", one.checkpoints, one.seeds, one.validation)
        for number, one in enumerate(found)
    ]  # fmt: skip

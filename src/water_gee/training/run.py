"""One training run: from tiles on disk to a folder with the checkpoint, its configuration, metrics and figures."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import distributed

from water_gee.config.settings import Settings
from water_gee.denoise import training_records
from water_gee.errors import ModelError
from water_gee.files import write_json, write_text
from water_gee.models import (
    TrainedModel,
    build_body,
    check_sendable,
    learned_numbers,
    load_checkpoint,
    multiply_adds,
    save_checkpoint,
    widths,
)
from water_gee.progress import say
from water_gee.training.baselines import fit_baseline
from water_gee.training.ddp import ALONE, Place, joined, launched, on_gpu, place_of
from water_gee.training.distillation import ground_of, taught
from water_gee.training.figures import draw_all
from water_gee.training.fit import Fitted, Learned, Recipe, judge, learn
from water_gee.training.history import OnEpoch, as_csv
from water_gee.training.plan import Plan, radius_of
from water_gee.training.pruning import pruned
from water_gee.training.spawned import started
from water_gee.training.split import Split, split_tiles
from water_gee.training.store import TileStore, build_store

CHECKPOINT = "model.ckpt"
_START = Path("checkpoints", "start.ckpt")  # in the folder of a run: the network that it starts from
_TEACHER = Path("checkpoints", "teacher.ckpt")  # and the one that it learns from


@dataclass(frozen=True)
class Trained:
    """What a run says about itself once it is done."""

    metrics: dict[str, float | int]  # of validation, at the threshold
    facts: dict[str, float | int | str]  # threshold, temperature, epochs, feed, parameters
    seconds: float  # of training alone


def train(
    settings: Settings,
    folder: Path,
    *,
    resume: bool = False,
    metadata: Mapping[str, Any] | None = None,
    on_epoch: OnEpoch | None = None,
    start: TrainedModel | None = None,
    share: float = 0.0,
    teacher: TrainedModel | None = None,
) -> Trained:
    """Train a network, or fit a baseline, by the settings into `folder`, an existing one of `runs/`.

    Args:
        settings: the whole configuration; the tiles of `paths.root` are read.
        folder: gets `model.ckpt`, `config.yaml`, `metrics.json`, `curves.csv` and `figures/`.
        resume: go on where a killed run in the same folder stopped.
        metadata: what the checkpoint shall tell about its origin; plain types only.
        on_epoch: takes the number and the metrics of each epoch; a baseline has none.
        start: a network of the settings' kind and widths to train further, with its standardisation; none: a new one.
        share: of the multiply-adds a pixel of `start` that is pruned before; 0: none.
        teacher: a model of the same features, from which the network learns `distil.weight` of the loss; none: from the
            labels alone.

    Raises:
        TileError: tiles or labels are missing, or do not fit the network.
        ModelError: the network cannot be built, so much cannot be pruned, the features lack what a baseline reads, or
            another process that trained along has ended.
        ConfigError: `trainer.devices` and `trainer.nodes` do not fit how the process was started, or the teacher was
            trained on ground that validates here.
    """
    plan = Plan.of(settings)
    if not plan.is_network:
        store, split = prepare(plan, 0, folder)
        write_text(folder / "curves.csv", as_csv([]))
        fitted = fit_baseline(plan.model, plan.data, plan.seed, store, split)
        return keep(folder, fitted, store, split, metadata or {})
    recipe, place = plan.recipe, place_of(plan.trainer)
    radius = radius_of(recipe, len(plan.features))
    on_gpu(recipe.accelerator, place)  # a mistake in it ends the command before anything is started
    if start and place.rank == 0:
        metadata = {**(metadata or {}), **_write_start(plan, folder, start, share, resume=resume)}
    if teacher and place.rank == 0:
        _write_teacher(folder, teacher, resume=resume)
    if place.world == 1:
        store, split = prepare(plan, radius, folder)
        learned = _learn(store, split, recipe, folder, resume=resume, on_epoch=on_epoch)
    elif launched():
        with joined(place, plan.trainer, None):
            distributed.broadcast_object_list([str(folder), resume])
            store, split = prepare(plan, radius, folder)
            learned = _learn(store, split, recipe, folder, resume=resume, on_epoch=on_epoch, place=place)
    else:
        if recipe.own:
            check_sendable(build_body(recipe.kind, len(plan.features), (), recipe.own))
        with started(partial(_take_part, plan, folder, resume), place.world) as wait_for:
            store, split = prepare(plan, radius, folder)
            learned = wait_for(on_epoch)
    own = replace(recipe, widths=widths(learned.network))  # of a pruned network, not those of the settings
    return keep(folder, judge(learned, store, split, own), store, split, metadata or {}, start, teacher)


def _write_start(plan: Plan, folder: Path, start: TrainedModel, share: float, *, resume: bool) -> dict[str, Any]:
    """Write the network to start from, pruned by a share, into the run's folder; return what the checkpoint shall tell.

    A run that is gone on with keeps the one that it began with.
    """
    path = folder / _START
    if not (resume and path.is_file()):
        if share:
            store, split = open_tiles(plan, start.network.radius, folder)
            network = pruned(start, share, plan.recipe, store, split)
            start = replace(start, network=network, widths=widths(network))
        path.parent.mkdir(exist_ok=True)
        save_checkpoint(path, start)
    return {"pruned": share} if share else {}


def _write_teacher(folder: Path, teacher: TrainedModel, *, resume: bool) -> None:
    """Write the teacher into the run's folder, where all processes find it."""
    path = folder / _TEACHER
    if not (resume and path.is_file()):
        path.parent.mkdir(exist_ok=True)
        save_checkpoint(path, teacher)


def _learn(
    store: TileStore,
    split: Split,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool,
    on_epoch: OnEpoch | None,
    place: Place = ALONE,
) -> Learned:
    """Train a new network, or the one that the run's folder starts from, with the teacher that lies there."""
    if (folder / _TEACHER).is_file():
        store = taught(store, split, load_checkpoint(folder / _TEACHER), folder)
    path = folder / _START
    start = load_checkpoint(path, own=recipe.own.target if recipe.own else "") if path.is_file() else None
    if start:
        recipe = replace(recipe, widths=start.widths)
    network = start.network if start else None
    return learn(store, split, recipe, folder, resume=resume, on_epoch=on_epoch, start=network, place=place)


def follow(settings: Settings) -> None:
    """Train along with the process that runs the job, as one of those that `torchrun` started; write nothing.

    Raises:
        ConfigError: the processes were not started as the settings say.
        TileError: tiles or labels are missing, or there are fewer GPUs than processes.
        ModelError: the run's folder is not to be seen from this machine, or another process is gone.
    """
    plan = Plan.of(settings)
    if not plan.is_network:
        return  # a baseline is fitted by the other process alone
    place = place_of(plan.trainer)
    with joined(place, plan.trainer, None):
        told: list[Any] = [None, None]
        distributed.broadcast_object_list(told)
        folder, resume = Path(told[0]), bool(told[1])
        if not folder.is_dir():
            raise ModelError(f"{folder} is not on this machine; machines that train together share paths.root")
        _learn_along(plan, folder, resume, place)


def _take_part(plan: Plan, folder: Path, resume: bool, place: Place, meeting: Path, told: OnEpoch) -> Learned:
    """Train as one of the processes of this machine."""
    with joined(place, plan.trainer, meeting):
        return _learn_along(plan, folder, resume, place, told)


def _learn_along(plan: Plan, folder: Path, resume: bool, place: Place, on_epoch: OnEpoch | None = None) -> Learned:
    recipe = plan.recipe
    store, split = open_tiles(plan, radius_of(recipe, len(plan.features)), folder)
    return _learn(store, split, recipe, folder, resume=resume, on_epoch=on_epoch, place=place)


def prepare(plan: Plan, radius: int, folder: Path) -> tuple[TileStore, Split]:
    """Write the configuration of the training into `folder`; return the tiles, divided to train and to validate."""
    write_text(folder / "config.yaml", plan.config)
    return open_tiles(plan, radius, folder)


def open_tiles(plan: Plan, radius: int, folder: Path) -> tuple[TileStore, Split]:
    """Return the tiles, divided for training and validation; nothing of them stays in `folder`."""
    if plan.trainer.threads:
        torch.set_num_threads(plan.trainer.threads)
    store = build_store(plan.layout, training_records(plan.layout), plan.features, radius, folder)
    tiles = range(len(store.records))
    return store, split_tiles(store.records, [store.water(tile) for tile in tiles], plan.data.validation)


def keep(
    folder: Path,
    fitted: Fitted,
    store: TileStore,
    split: Split,
    metadata: Mapping[str, Any],
    *earlier: TrainedModel | None,
) -> Trained:
    """Write checkpoint, metrics and figures of a fitted network, made of `earlier` ones, into `folder`."""
    facts = _facts(fitted, len(split.training), len(split.validation))
    metrics = {**fitted.confusion.metrics(), "average_precision": fitted.scores.average_precision()}
    ground = ground_of([store.records[tile] for tile in split.training], *earlier)
    model = replace(fitted.model, metadata={**metadata, **facts, "validation": metrics, "ground": ground})
    save_checkpoint(folder / CHECKPOINT, model)
    by_tile = {
        name: {"tp": one.tp, "fp": one.fp, "fn": one.fn, "tn": one.tn} for name, one in fitted.confusions.items()
    }
    write_json(folder / "metrics.json", {"validation": metrics, **facts})
    write_json(folder / "validation_tiles.json", by_tile)
    draw_all(folder / "figures", fitted, store, split.validation)
    fed = f"{fitted.feed} feed" if fitted.history else "a baseline"
    say(
        f"validation IoU {fitted.confusion.iou:.4f}, F1 {fitted.confusion.f1:.4f} at threshold "
        f"{model.threshold:.2f}; {facts['parameters']:,} parameters, {fed}, {fitted.seconds:.0f} s"
    )
    return Trained(metrics, facts, fitted.seconds)


def _facts(fitted: Fitted, training_tiles: int, validation_tiles: int) -> dict[str, float | int | str]:
    model: TrainedModel = fitted.model
    facts: dict[str, float | int | str] = {
        "threshold": model.threshold,
        "temperature": model.temperature,
        "validation_loss": fitted.scores.loss(model.temperature),
        "epochs": len(fitted.history),
        "feed": fitted.feed,
        "parameters": learned_numbers(model),
        "training_tiles": training_tiles,
        "validation_tiles": validation_tiles,
    }
    if fitted.history:
        facts["best_epoch"] = fitted.best_epoch
    macs = multiply_adds(model.network)
    if macs:  # of comparisons and tables there is no number that compares
        facts["macs_per_pixel"] = macs
    return facts

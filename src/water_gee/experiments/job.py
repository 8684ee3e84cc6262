"""One training job, known in its folder and in MLflow from its first moment to its end, whichever that is."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mlflow import MlflowClient

from water_gee.advice import complete
from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.denoise import CleanLabels, training_records
from water_gee.evaluation import EvaluationArea
from water_gee.experiments.jobs import Jobs
from water_gee.experiments.start import LAST, Start, Teacher, start_of, teacher_of, training_key, with_network_of
from water_gee.experiments.testing import AssessRun, log_test
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import assess_run
from water_gee.runs import (
    CHECKPOINT,
    FINISHED,
    RUNNING,
    STAGE_RUN,
    Dataset,
    Lineage,
    RunRecord,
    all_runs,
    empty_folder,
    lineage,
    new_folder,
    run_name,
    this_process,
    training_data,
)
from water_gee.tiles import TileRecord
from water_gee.tracking import (
    KEY_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    GivenUp,
    Outage,
    connect,
    end_dead_runs,
    experiment,
    flat_params,
    forget_peak,
    log_end,
    log_metrics,
    log_start,
    run_to_its_end,
    share_view,
    system_metrics,
    whose,
)
from water_gee.training import OnEpoch, follow, is_follower, train


@dataclass(frozen=True)
class FinishedJob:
    """A finished job."""

    run_id: str
    name: str
    folder: Path
    iou: float  # of validation
    skipped: bool = False  # it was finished before


def train_one(jobs: Jobs) -> None:
    """Train the one network that a command line asks for."""
    if is_follower():  # torchrun started it to train along; the process of rank 0 runs the job
        follow(jobs.first)
    else:
        run_job(jobs.first, jobs.overrides)


def run_job(
    settings: Settings,
    overrides: Sequence[str],
    *,
    parent: str | None = None,
    again: bool = True,
    test: AssessRun = assess_run,
    on_epoch: OnEpoch | None = None,
) -> FinishedJob:
    """Train by the settings, in a folder and an MLflow run of its own.

    A job of a sweep is skipped where the sweep already has it, finished with the same configuration, code
    and data; begun and killed, it goes on. So does a single run with `ckpt=last`.

    Args:
        settings: the whole configuration.
        overrides: what of it the user chose; the run is named by it.
        parent: the MLflow run of the sweep that the job belongs to.
        again: train even where a single run with the same configuration, code and data is finished.
        test: judges the checkpoint on the test area.
        on_epoch: takes the number and the metrics of each epoch, after MLflow.

    Raises:
        WaterGeeError: what training raises; the MLflow run is then marked FAILED.
        GivenUp: what `on_epoch` raised, now or when the same search ran the job before; the run is then KILLED.
    """
    layout = Layout.of(settings)
    records = training_records(layout)  # before anything is written: a fresh clone stays as it is
    start, teacher = start_of(settings), teacher_of(settings)
    made_of = [one for one in (start, teacher) if one]
    origin = lineage(layout, records, repository())
    key = training_key(settings, origin)
    if start and settings.model.name != start.model.kind:
        say(f"the network is that of {start.run}, a {start.model.kind}; model={settings.model.name} gives its lr alone")
    settings = with_network_of(settings, start)
    client = connect(layout)
    experiment_id = experiment(client, layout, settings.study.name)
    share_view(client, experiment_id, next(iter(settings.study.references), None))
    end_dead_runs(client, experiment_id, layout)
    name = _name(settings, overrides, made_of)
    if (parent or not again) and (done := _finished(client, layout, key, parent or "")):
        say(f"{name}: finished before, in {done.folder.name}")
        return done
    if parent and (epoch := _given_up(layout, key, parent)):
        say(f"{name}: given up before, after epoch {epoch}")
        raise GivenUp(epoch)
    last = settings.ckpt == LAST
    begun = _begun(layout, key, settings.run.name, parent) if parent or last else None
    if last and begun is None and not parent:
        say("ckpt=last: there is no unfinished run of this configuration; training from the start")
    if begun:
        folder, earlier = begun
        say(f"{earlier.name}: going on in {folder.name}")
    else:
        folder = empty_folder(layout, settings.run.name) if settings.run.name else new_folder(layout, name)
        say(f"{name}: a run of the study {settings.study.name}, in {folder}")
    run_id = _open(client, experiment_id, layout, name, key, earlier=begun[1].run_id if begun else "", parent=parent)
    record = RunRecord(
        name, run_id, RUNNING, key, settings.study.name, this_process(), time.time(), parent or "",
        started_from=start.sha256 if start else "", taught_by=teacher.sha256 if teacher else "",
        overrides=list(overrides), lineage=origin.plain(),
    )  # fmt: skip
    outage = Outage()
    with run_to_its_end(client, folder, record, outage) as finish:
        data, pictures = _data(settings, layout, records, origin), CleanLabels.of(layout).figures
        params = flat_params(settings)
        for one in made_of:
            params |= one.params
        log_start(client, record, folder, params, origin, data, settings.tags, pictures)
        metadata: dict[str, Any] = {
            "run": folder.name,
            "run_id": run_id,
            "study": record.study,
            "lineage": origin.plain(),
        }
        if start:
            metadata |= {"started_from": start.sha256}
        if teacher:
            metadata |= {"taught_by": teacher.sha256, "distil": teacher.weight}
        forget_peak()

        def tell(epoch: int, metrics: Mapping[str, float]) -> None:
            outage.log(partial(log_metrics, client, run_id, "epoch", metrics, epoch))
            if on_epoch:
                on_epoch(epoch, metrics)

        with system_metrics(client, run_id):
            trained = train(
                settings, folder, resume=begun is not None, metadata=metadata, on_epoch=tell,
                start=start.model if start else None, share=start.share if start else 0.0,
                teacher=teacher.model if teacher else None,
            )  # fmt: skip
        outage.end()
        logged = None
        with outage.excuses("metrics, model and figures"):
            logged = log_end(client, run_id, folder, trained, with_model=settings.trainer.log_model)
        with outage.excuses("the accuracy on the test area"):
            log_test(client, run_id, EvaluationArea.of(settings), folder / CHECKPOINT, logged, test)
        finish(trained.seconds)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)  # until now a killed run went on from them
    if not parent:
        say(f"{folder} holds model.ckpt, metrics.json, curves.csv, figures/")
        say(complete("beside the other runs: water-gee ui"))
    return FinishedJob(run_id, name, folder, float(trained.metrics["iou"]))


def _name(settings: Settings, overrides: Sequence[str], made_of: Sequence[Start | Teacher]) -> str:
    """Return what tells the run from others: the overrides, or of `dvc repro`, which gives none, the configuration."""
    more = [one.text for one in made_of]
    if settings.run.name == STAGE_RUN:
        trained, labels, names = settings.model.name, settings.denoise.method, settings.features.names
        told = [
            f"denoise={labels}",
            f"features={len(names)}",
            f"epochs={settings.trainer.epochs}",
            f"seed={settings.seed}",
        ]
        return " ".join([STAGE_RUN, trained, *told, *more])
    return run_name(settings.model.name, [*overrides, *more])


def _data(settings: Settings, layout: Layout, records: Sequence[TileRecord], origin: Lineage) -> list[Dataset]:
    """Return the datasets that a training uses."""
    profile = {
        "study": settings.study.name, "tiles": len(records),
        "water_pixels": sum(record.water_pixels for record in records),
        "clear_pixels": sum(record.clear_pixels for record in records),
    }  # fmt: skip
    return training_data(layout, origin.dvc, settings.features.names, profile)


def _finished(client: MlflowClient, layout: Layout, key: str, parent: str) -> FinishedJob | None:
    for folder, record in all_runs(layout):
        if (record.key, record.parent, record.status) == (key, parent, FINISHED) and (folder / CHECKPOINT).is_file():
            run = client.get_run(record.run_id)
            if run.info.status != FINISHED:  # killed between the two
                client.set_terminated(record.run_id, FINISHED)
            iou = run.data.metrics.get("valid/iou", 0.0)
            return FinishedJob(record.run_id, record.name, folder, iou, skipped=True)
    return None


def _given_up(layout: Layout, key: str, parent: str) -> int:
    """Return the epoch after which the search gave up the job before, or 0."""
    runs = [record for _, record in all_runs(layout) if (record.key, record.parent) == (key, parent)]
    return max((record.given_up for record in runs), default=0)


def _begun(layout: Layout, key: str, name: str | None, parent: str | None) -> tuple[Path, RunRecord] | None:
    """Return the newest run of the key that was cut off and can go on; with a name, the run of that name."""
    for folder, record in all_runs(layout):
        unfinished = record.status != FINISHED and not record.is_running and not record.given_up
        mine = record.parent == parent if parent else name in (None, folder.name)
        if record.key == key and unfinished and mine and (folder / "checkpoints" / "last.ckpt").is_file():
            return folder, record
    return None


def _open(
    client: MlflowClient,
    experiment_id: str,
    layout: Layout,
    name: str,
    key: str,
    *,
    earlier: str = "",
    parent: str | None = None,
) -> str:
    """Return the id of a run that is now running: the earlier one, where MLflow still knows it.

    From its first moment it names its process, its sweep and what it is to train: killed before anything else is
    logged, it can be told to be dead, and is one of its sweep's.
    """
    if earlier and any(
        run.info.run_id == earlier for run in client.search_runs([experiment_id], f"attributes.run_id = '{earlier}'")
    ):
        client.set_tag(earlier, PROCESS_TAG, this_process())
        client.update_run(earlier, status=RUNNING)
        return earlier
    tags = {PROCESS_TAG: this_process(), KEY_TAG: key, **whose(layout), **({PARENT_TAG: parent} if parent else {})}
    return str(client.create_run(experiment_id, run_name=name, tags=tags).info.run_id)

"""One training job, followed in MLflow from its first moment to its end, whichever that is."""

import hashlib
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.files import sha256
from water_gee.models import load_checkpoint
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tracking.database import PROCESS_TAG, connect, end_dead_runs, experiment
from water_gee.tracking.folders import (
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    RunRecord,
    all_runs,
    empty_folder,
    new_folder,
    run_name,
    write_record,
)
from water_gee.tracking.lineage import Lineage, job_key, lineage, this_process
from water_gee.training import CHECKPOINT, Trained, train, train_pruned, training_records

PARENT_TAG, KEY_TAG, FOLDER_TAG = "mlflow.parentRunId", "water_gee.key", "water_gee.folder"


@dataclass(frozen=True)
class Job:
    """A finished job."""

    run_id: str
    name: str
    folder: Path
    iou: float  # of validation
    skipped: bool = False  # it was finished before


def run_job(settings: Settings, overrides: Sequence[str], *, parent: str | None = None) -> Job:
    """Train by the settings, in a folder and an MLflow run of its own.

    A job of a sweep is skipped where the sweep already has it, finished with the same configuration, code
    and data; begun and killed, it goes on. So does a single run with `ckpt=last`.

    Raises:
        WaterGeeError: what training raises; the MLflow run is then marked FAILED.
    """
    layout = Layout(Path(settings.paths.root))
    records = training_records(layout)  # before anything is written: a fresh clone stays as it is
    origin = lineage(layout, records, repository())
    key = job_key(settings, origin)
    client = connect(layout)
    experiment_id = experiment(client, layout, settings.study.name)
    end_dead_runs(client, experiment_id)
    name = run_name(settings.model.name, overrides)
    if parent and (done := _finished(client, layout, key, parent)):
        say(f"{name}: finished before, in {done.folder.name}")
        return done
    begun = _begun(layout, key, settings, parent) if parent or settings.ckpt else None
    if settings.ckpt and begun is None and not parent:
        say("ckpt=last: there is no unfinished run of this configuration; training from the start")
    if begun:
        folder, earlier = begun
        say(f"{earlier.name}: going on in {folder.name}")
    else:
        folder = empty_folder(layout, settings.run.name) if settings.run.name else new_folder(layout, name)
    run_id = _open(client, experiment_id, name, begun[1].run_id if begun else "")
    record = RunRecord(
        name, run_id, RUNNING, key, settings.study.name, this_process(), time.time(), parent or "",
        overrides=list(overrides), lineage=origin.plain(),
    )  # fmt: skip
    with _followed(client, folder, record) as finish:
        _log_start(client, record, folder, flat_params(settings), origin, "train.py")
        metadata = {"run": folder.name, "run_id": run_id, "study": record.study, "lineage": origin.plain()}
        trained = train(
            settings, folder, resume=begun is not None, metadata=metadata,
            on_epoch=lambda epoch, metrics: _log(client, run_id, "epoch", metrics, epoch),
        )  # fmt: skip
        _log_end(client, run_id, folder, trained)
        finish(trained.seconds)
    return Job(run_id, name, folder, float(trained.metrics["iou"]))


def run_pruned(settings: Settings, share: float) -> Job:
    """Prune `models/model.ckpt` and train it further, in a folder and an MLflow run of its own.

    It is skipped where it was finished before from the same checkpoint, configuration, code and data.

    Raises:
        WaterGeeError: what training and pruning raise; the MLflow run is then marked FAILED.
    """
    layout = Layout(Path(settings.paths.root))
    model, source = load_checkpoint(layout.models / CHECKPOINT), sha256(layout.models / CHECKPOINT)
    origin = lineage(layout, training_records(layout), repository())
    choices = f"{source} {share:g} {settings.export.prune_epochs} {settings.export.prune_lr:g}"
    key = hashlib.sha256(f"{job_key(settings, origin)} {choices}".encode()).hexdigest()[:16]
    client = connect(layout)
    experiment_id = experiment(client, layout, settings.study.name)
    end_dead_runs(client, experiment_id)
    name = f"{model.kind} prune={share:g}"
    if done := _finished(client, layout, key, ""):
        say(f"{name}: finished before, in {done.folder.name}")
        return done
    folder = new_folder(layout, name)
    record = RunRecord(
        name, _open(client, experiment_id, name, ""), RUNNING, key, settings.study.name, this_process(), time.time(),
        overrides=[f"prune={share:g}"], lineage=origin.plain(), pruned_from=source,
    )  # fmt: skip
    changed = {
        "model": model.kind, "prune": f"{share:g}", "pruned_from": str(model.metadata.get("run", source)),
        "lr": f"{settings.export.prune_lr:g}", "epochs": str(settings.export.prune_epochs),
    }  # fmt: skip
    with _followed(client, folder, record) as finish:
        params = {key: value for key, value in flat_params(settings).items() if key != "widths"}
        _log_start(client, record, folder, {**params, **changed}, origin, "water-gee")
        metadata = {
            "run": folder.name, "run_id": record.run_id, "study": record.study, "lineage": origin.plain(),
            "pruned_from": source,
        }  # fmt: skip
        trained = train_pruned(
            settings, model, share, folder, metadata=metadata,
            on_epoch=lambda epoch, metrics: _log(client, record.run_id, "epoch", metrics, epoch),
        )  # fmt: skip
        client.log_param(record.run_id, "widths", "-".join(map(str, load_checkpoint(folder / CHECKPOINT).widths)))
        _log_end(client, record.run_id, folder, trained)
        finish(trained.seconds)
    return Job(record.run_id, name, folder, float(trained.metrics["iou"]))


class _Finish:
    """Takes the seconds of a job that reached its end."""

    seconds = 0.0

    def __call__(self, seconds: float) -> None:
        self.seconds = seconds


@contextmanager
def _followed(client: MlflowClient, folder: Path, record: RunRecord) -> Iterator[_Finish]:
    """Write the record of a run and its end, in its folder and in MLflow: no run is left running."""
    finish = _Finish()
    write_record(folder, record)

    def end(status: str, error: str = "") -> None:
        client.set_terminated(record.run_id, status)
        if error:
            client.set_tag(record.run_id, "error", error[:500])
        write_record(folder, replace(record, status=status, error=error, seconds=finish.seconds))

    try:
        yield finish
    except Exception as error:
        end(FAILED, f"{type(error).__name__}: {' '.join(str(error).split())}")
        raise
    except BaseException:  # interrupted or told to end
        end(KILLED)
        raise
    end(FINISHED)


def _finished(client: MlflowClient, layout: Layout, key: str, parent: str) -> Job | None:
    for folder, record in all_runs(layout):
        if (record.key, record.parent, record.status) == (key, parent, FINISHED) and (folder / CHECKPOINT).is_file():
            metrics = client.get_run(record.run_id).data.metrics
            return Job(record.run_id, record.name, folder, metrics.get("valid/iou", 0.0), skipped=True)
    return None


def _begun(layout: Layout, key: str, settings: Settings, parent: str | None) -> tuple[Path, RunRecord] | None:
    """Return the newest run of the key that was cut off and can go on."""
    for folder, record in all_runs(layout):
        unfinished = record.status in (RUNNING, KILLED) and not record.is_running
        mine = record.parent == parent if parent else settings.run.name in (None, folder.name)
        if record.key == key and unfinished and mine and (folder / "checkpoints" / "last.ckpt").is_file():
            return folder, record
    return None


def _open(client: MlflowClient, experiment_id: str, name: str, earlier: str) -> str:
    """Return the id of a run that is now running: the earlier one, where MLflow still knows it."""
    if earlier and any(
        run.info.run_id == earlier for run in client.search_runs([experiment_id], f"attributes.run_id = '{earlier}'")
    ):
        client.update_run(earlier, status=RUNNING)
        return earlier
    return str(client.create_run(experiment_id, run_name=name).info.run_id)


def _log_start(
    client: MlflowClient, record: RunRecord, folder: Path, params: Mapping[str, str], origin: Lineage, source: str
) -> None:
    tags = {
        PROCESS_TAG: record.process,
        KEY_TAG: record.key,
        FOLDER_TAG: folder.name,
        "mlflow.source.name": source,
        "mlflow.source.git.commit": origin.git_commit,
        "git_dirty": origin.git_dirty,
        "code": origin.code,
        "tiles_csv_sha256": origin.tiles_csv,
        "clean_report_sha256": origin.clean_report,
        "overrides": " ".join(record.overrides),
        **{f"dvc.{path}": md5 for path, md5 in origin.dvc.items()},
        **({PARENT_TAG: record.parent} if record.parent else {}),
    }
    client.log_batch(
        record.run_id,
        params=[Param(name, value[:250]) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items() if value],
    )


def flat_params(settings: Settings) -> dict[str, str]:
    """Return the choices that decide what a network becomes, by short name."""
    model, data, trainer = settings.model, settings.data, settings.trainer
    return {
        "model": model.name,
        "lr": f"{model.lr:g}",
        "weight_decay": f"{model.weight_decay:g}",
        "widths": "-".join(str(width) for width in model.widths),
        "seed": str(settings.seed),
        "data": data.name,
        "batch": str(data.batch),
        "crop": f"{data.crop_batch}x{data.crop}x{data.crop}",
        "other_per_water": f"{data.other_per_water:g}",
        "least_other": str(data.least_other),
        "confidence": str(data.confidence).lower(),
        "validation": f"{data.validation:g}",
        "epochs": str(trainer.epochs),
        "patience": str(trainer.patience),
        "precision": trainer.precision,
        "features": " ".join(settings.features.names),
        "denoise": settings.denoise.method,
        "years": " ".join(str(year) for year in settings.study.years),
    }


def _log(client: MlflowClient, run_id: str, group: str, values: Mapping[str, float], step: int = 0) -> None:
    now = int(time.time() * 1000)
    client.log_batch(run_id, metrics=[Metric(f"{group}/{name}", value, now, step) for name, value in values.items()])


def _log_end(client: MlflowClient, run_id: str, folder: Path, trained: Trained) -> None:
    """Log the final metrics and everything worth opening."""
    _log(client, run_id, "valid", trained.metrics)
    numbers = {name: float(value) for name, value in trained.facts.items() if not isinstance(value, str)}
    _log(client, run_id, "model", {**numbers, "training_seconds": trained.seconds})
    client.set_tag(run_id, "feed", str(trained.facts["feed"]))
    for name in ("config.yaml", "metrics.json", "curves.csv", "validation_tiles.json"):
        client.log_artifact(run_id, str(folder / name))
    client.log_artifact(run_id, str(folder / CHECKPOINT), "model")
    client.log_artifact(run_id, str(folder / "config.yaml"), "model")
    client.log_artifacts(run_id, str(folder / "figures"), "figures")

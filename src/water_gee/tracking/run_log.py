"""What a run writes into MLflow: parameters, tags, datasets and metrics, and at its end everything worth opening."""

import csv
import resource
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric, Param, RunTag

from water_gee.config.settings import Settings
from water_gee.models import load_checkpoint
from water_gee.runs import Dataset, Lineage, RunRecord
from water_gee.tracking.database import PROCESS_TAG
from water_gee.tracking.datasets import log_data
from water_gee.tracking.description import note, source, word_tags
from water_gee.tracking.logged_model import log_model
from water_gee.training import CHECKPOINT, Trained

PARENT_TAG, KEY_TAG, FOLDER_TAG = "mlflow.parentRunId", "water_gee.key", "water_gee.folder"
GIVEN_UP_TAG = "given_up"  # the epoch after which a search gave the run up
VALIDATION = "valid/iou"  # the metric by which runs are sorted
_LONGEST = 250  # characters of a parameter that MLflow keeps


def log_start(
    client: MlflowClient,
    record: RunRecord,
    folder: Path,
    params: Mapping[str, str],
    origin: Lineage,
    data: Sequence[Dataset],
    words: Sequence[str],
    pictures: Sequence[Path],
) -> None:
    """Log what is known of a run before it trains, the user's words, and the pictures of the labels it learns from."""
    tiles = next((int(one.profile["tiles"]) for one in data if "tiles" in one.profile), 0)
    tags = {
        PROCESS_TAG: record.process,
        KEY_TAG: record.key,
        FOLDER_TAG: folder.name,
        "mlflow.source.name": source(folder.name),
        "mlflow.note.content": note(record, folder.name, params, tiles),
        "mlflow.source.git.commit": origin.git_commit,
        "git_dirty": origin.git_dirty,
        "code": origin.code,
        "tiles_csv_sha256": origin.tiles_csv,
        "clean_report_sha256": origin.clean_report,
        "overrides": shlex.join(record.overrides),
        **word_tags(words),
        **{f"dvc.{path}": md5 for path, md5 in origin.dvc.items()},
        **({PARENT_TAG: record.parent} if record.parent else {}),
    }
    client.log_batch(
        record.run_id,
        params=[Param(name, value[:_LONGEST]) for name, value in params.items()],
        tags=[RunTag(name, value) for name, value in tags.items() if value],
    )
    log_data(client, record.run_id, data)
    for path in pictures:
        client.log_artifact(record.run_id, str(path), "labels")


def flat_params(settings: Settings) -> dict[str, str]:
    """Return the choices that decide what a network becomes, by short name."""
    model, data, trainer = settings.model, settings.data, settings.trainer
    return {
        **model.choices(),
        "seed": str(settings.seed),
        "data": data.name,
        "batch": str(data.batch),
        "crop": f"{data.crop_batch}x{data.crop}x{data.crop}",
        "other_per_water": f"{data.other_per_water:g}",
        "least_other": str(data.least_other),
        "confidence": str(data.confidence).lower(),
        "soft": str(data.soft).lower(),
        "validation": f"{data.validation:g}",
        "epochs": str(trainer.epochs),
        "patience": str(trainer.patience),
        "precision": trainer.precision,
        "features": " ".join(settings.features.names),
        "denoise": settings.denoise.method,
        "years": " ".join(str(year) for year in settings.study.years),
    }


def log_metrics(
    client: MlflowClient,
    run_id: str,
    group: str,
    values: Mapping[str, float],
    step: int = 0,
    *,
    model: str | None = None,
) -> None:
    """Log values as `group/name`; with `model`, as metrics of that logged model too."""
    now = int(time.time() * 1000)
    client.log_batch(
        run_id,
        metrics=[
            Metric(f"{group}/{name}", value, now, step, model_id=model, run_id=run_id if model else None)
            for name, value in values.items()
        ],
    )


def log_end(client: MlflowClient, run_id: str, folder: Path, trained: Trained, *, with_model: bool) -> str | None:
    """Log the final metrics, the model and everything worth opening; return the id of the logged model, if any."""
    model = None
    if with_model:
        model = log_model(client, client.get_run(run_id), folder / CHECKPOINT, load_checkpoint(folder / CHECKPOINT))
    log_metrics(client, run_id, "valid", trained.metrics, model=model)
    numbers = {name: float(value) for name, value in trained.facts.items() if not isinstance(value, str)}
    log_metrics(
        client, run_id, "model", {**numbers, "training_seconds": trained.seconds, "peak_memory_mb": peak_memory()}
    )
    client.set_tag(run_id, "feed", str(trained.facts["feed"]))
    log_files(client, run_id, folder)
    return model


def log_curves_of(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Log the epochs of a run from its folder's `curves.csv`."""
    with (folder / "curves.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            epoch = int(row.pop("epoch"))
            log_metrics(client, run_id, "epoch", {name: float(value) for name, value in row.items()}, epoch)


def log_files(client: MlflowClient, run_id: str, folder: Path) -> None:
    """Log the files and figures of a finished run's folder."""
    for name in ("config.yaml", "metrics.json", "curves.csv", "validation_tiles.json"):
        if (folder / name).is_file():
            client.log_artifact(run_id, str(folder / name))
    if (folder / "figures").is_dir():
        client.log_artifacts(run_id, str(folder / "figures"), "figures")


def forget_peak() -> None:
    """Begin to measure the peak memory anew, where the system allows it: a sweep's jobs share a process."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    except OSError:
        return  # the peak is then that of the whole process


def peak_memory() -> float:
    """Return the peak of the resident memory in MB, memory-mapped tiles included, since `forget_peak`."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
    except (OSError, StopIteration):
        unit = 1024**2 if sys.platform == "darwin" else 1024  # bytes there, kilobytes elsewhere
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit

"""The networks of a study side by side: what each costs and how well it validates."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.models import Checkpoint
from water_gee.paths import Layout
from water_gee.runs import FINISHED, RunRecord, checkpoint_of, current_runs, read_record

_METRIC = "model/macs_per_pixel"
_AT_ONCE = 1000  # metrics that MLflow takes at once


@dataclass(frozen=True)
class Variant:
    """A finished run of a study."""

    name: str  # kind, widths and, if pruned, the share that went
    checkpoint: Checkpoint
    record: RunRecord
    macs: int  # multiply-adds a pixel
    validation: float  # IoU on the validation tiles, at the threshold
    pruned: bool


def pruned_run(settings: Settings, share: float) -> Checkpoint:
    """Return the checkpoint of the run that prunes `models/model.ckpt` by a share; trained unless it was before.

    Raises:
        WaterGeeError: there are no tiles or labels to train on, or so much cannot be pruned.
    """
    from water_gee.experiments.job import run_pruned  # takes seconds

    folder = run_pruned(settings, share).folder
    record = read_record(folder)
    if record is None:
        raise ModelError(f"{folder} has lost its run.json; run the same command again")
    return checkpoint_of(folder, record)


def variants(settings: Settings) -> list[Variant]:
    """Return the networks among the present runs, the costliest first; of several runs of one the best on validation.

    Raises:
        TileError: there are no tiles or labels.
    """
    from water_gee.models import exportable, load_checkpoint, multiply_adds

    found = []
    for folder, record in current_runs(Layout.of(settings)):
        checkpoint = checkpoint_of(folder, record)
        model = load_checkpoint(checkpoint.path, checkpoint.sha256)
        if not exportable(model.kind):
            continue
        name = f"{model.kind} {'-'.join(map(str, model.widths))}".strip()
        if model.metadata.get("pruned"):
            name += f", pruned by {model.metadata['pruned']:.0%}"
        iou = float(model.metadata.get("validation", {}).get("iou", float("nan")))
        found.append(Variant(name, checkpoint, record, multiply_adds(model.network), iou, bool(record.pruned_from)))
    return best_of_each(found)


def best_of_each(found: Iterable[Variant]) -> list[Variant]:
    """Return of the runs of each network the one that validates best; the costliest network first."""
    best: dict[str, Variant] = {}
    for one in found:
        if one.name not in best or one.validation > best[one.name].validation:
            best[one.name] = one
    return sorted(best.values(), key=lambda one: (-one.macs, one.name))


def log_costs(settings: Settings, found: Iterable[Variant]) -> None:
    """See that every run has its cost as a metric; those of an earlier version have none."""
    from mlflow.exceptions import MlflowException

    from water_gee.tracking import connect

    client = connect(Layout.of(settings))
    for one in found:
        try:
            if _METRIC not in client.get_run(one.record.run_id).data.metrics:
                client.log_metric(one.record.run_id, _METRIC, float(one.macs))
        except MlflowException:
            continue  # the database does not know the run any more


def log_page(
    settings: Settings,
    kind: str,
    title: str,
    files: Sequence[Path],
    note: str,
    metrics: Sequence[tuple[str, float, int]] = (),
) -> None:
    """Keep figures and tables as an MLflow run of the study's experiment.

    Args:
        settings: the whole configuration.
        kind: tag of the run.
        title: name of the run, to which the time is added.
        files: to keep.
        note: Markdown that MLflow shows as the run's description.
        metrics: name, value and step of each.
    """
    from mlflow.entities import Metric

    from water_gee.tracking import connect, experiment

    layout = Layout.of(settings)
    client = connect(layout)
    tags = {"kind": kind, "mlflow.source.name": "water-gee", "mlflow.note.content": note}
    name = f"{title} {time.strftime('%Y-%m-%d %H:%M')}"
    run = client.create_run(experiment(client, layout, settings.study.name), run_name=name, tags=tags).info.run_id
    now = int(time.time() * 1000)
    for start in range(0, len(metrics), _AT_ONCE):
        batch = [Metric(key, value, now, step) for key, value, step in metrics[start : start + _AT_ONCE]]
        client.log_batch(run, metrics=batch)
    for path in files:
        client.log_artifact(run, str(path))
    client.set_terminated(run, FINISHED)

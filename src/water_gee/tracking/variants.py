"""The networks of a study side by side: what each costs and how well it validates."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.paths import Layout
from water_gee.tracking.folders import FINISHED, RunRecord, all_runs
from water_gee.tracking.lineage import lineage

_METRIC = "model/macs_per_pixel"


@dataclass(frozen=True)
class Variant:
    """A finished run of a study."""

    name: str  # kind, widths and, if pruned, the share that went
    folder: Path
    record: RunRecord
    macs: int  # multiply-adds a pixel
    validation: float  # IoU on the validation tiles, at the threshold
    pruned: bool


def pruned_run(settings: Settings, share: float) -> Path:
    """Return the folder of the run that prunes `models/model.ckpt` by a share; it is trained unless it was before.

    Raises:
        WaterGeeError: there are no tiles or labels to train on, or so much cannot be pruned.
    """
    from water_gee.tracking.job import run_pruned  # takes seconds

    return run_pruned(settings, share).folder


def variants(settings: Settings) -> list[Variant]:
    """Return the finished runs of the very tiles and labels that are there now, the costliest network first.

    Of several runs of the same network, only the one that validates best.

    Raises:
        TileError: there are no tiles or labels.
    """
    from water_gee.models import load_checkpoint, multiply_adds
    from water_gee.training import training_records

    layout = Layout(Path(settings.paths.root))
    now, found = lineage(layout, training_records(layout), repository()), []
    for folder, record in all_runs(layout):
        same = (record.lineage.get("tiles"), record.lineage.get("labels")) == (now.tiles, now.labels)
        path = folder / "model.ckpt"
        if not same or record.study != settings.study.name or record.status != FINISHED or not path.is_file():
            continue
        model = load_checkpoint(path)
        name = f"{model.kind} {'-'.join(map(str, model.widths))}"
        if model.metadata.get("pruned"):
            name += f", pruned by {model.metadata['pruned']:.0%}"
        iou = float(model.metadata.get("validation", {}).get("iou", float("nan")))
        found.append(Variant(name, folder, record, multiply_adds(model.network), iou, bool(record.pruned_from)))
    return best_of_each(found)


def best_of_each(found: Iterable[Variant]) -> list[Variant]:
    """Return of the runs of each network the one that validates best; the costliest network first."""
    best: dict[str, Variant] = {}
    for one in found:
        if one.name not in best or one.validation > best[one.name].validation:
            best[one.name] = one
    return sorted(best.values(), key=lambda one: (-one.macs, one.name))


def log_comparison(settings: Settings, found: Sequence[Variant], files: Sequence[Path], note: str) -> None:
    """Keep figure and table as an MLflow run of the study's experiment, and see that every run has its cost.

    Args:
        settings: the whole configuration.
        found: what was compared.
        files: to keep.
        note: Markdown that MLflow shows as the run's description.
    """
    from mlflow.exceptions import MlflowException

    from water_gee.tracking.database import connect, experiment

    layout = Layout(Path(settings.paths.root))
    client = connect(layout)
    for one in found:
        try:
            if _METRIC not in client.get_run(one.record.run_id).data.metrics:
                client.log_metric(one.record.run_id, _METRIC, float(one.macs))  # a run of an earlier version
        except MlflowException:
            continue  # the database does not know the run any more
    tags = {"kind": "cost", "mlflow.source.name": "water-gee", "mlflow.note.content": note}
    name = f"accuracy against cost {time.strftime('%Y-%m-%d %H:%M')}"
    run = client.create_run(experiment(client, layout, settings.study.name), run_name=name, tags=tags).info.run_id
    for path in files:
        client.log_artifact(run, str(path))
    client.set_terminated(run, FINISHED)

"""Figures and tables that compare runs, kept as an MLflow run of their own."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Metric
from mlflow.exceptions import MlflowException

from water_gee.paths import Layout
from water_gee.runs import FINISHED
from water_gee.tracking.database import connect, experiment
from water_gee.tracking.team import whose

_COST = "model/macs_per_pixel"
_AT_ONCE = 1000  # metrics that MLflow takes at once


def log_report(
    layout: Layout,
    kind: str,
    title: str,
    files: Sequence[Path],
    note: str,
    metrics: Sequence[tuple[str, float, int]] = (),
) -> None:
    """Keep figures and tables as an MLflow run of the study's experiment.

    Args:
        layout: of the root and study.
        kind: tag of the run.
        title: name of the run, to which the time is added.
        files: to keep.
        note: Markdown that MLflow shows as the run's description.
        metrics: name, value and step of each.
    """
    client = connect(layout)
    tags = {"kind": kind, "mlflow.source.name": "water-gee", "mlflow.note.content": note, **whose(layout)}
    name = f"{title} {time.strftime('%Y-%m-%d %H:%M')}"
    run = client.create_run(experiment(client, layout, layout.study), run_name=name, tags=tags).info.run_id
    now = int(time.time() * 1000)
    for start in range(0, len(metrics), _AT_ONCE):
        batch = [Metric(key, value, now, step) for key, value, step in metrics[start : start + _AT_ONCE]]
        client.log_batch(run, metrics=batch)
    for path in files:
        client.log_artifact(run, str(path))
    client.set_terminated(run, FINISHED)


def log_costs(layout: Layout, macs: Mapping[str, int]) -> None:
    """Log the multiply-adds a pixel of runs, by run id, that lack them; runs of an earlier version do."""
    client: MlflowClient = connect(layout)
    for run_id, value in macs.items():
        try:
            if _COST not in client.get_run(run_id).data.metrics:
                client.log_metric(run_id, _COST, float(value))
        except MlflowException:
            continue  # the database does not know the run any more

"""Runs that MLflow takes for running though their process is gone: they are ended, and brought up to date."""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from mlflow import MlflowClient
from mlflow.entities import Run

from water_gee.errors import WaterGeeError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.runs import FINISHED, KILLED, RUNNING, all_runs, is_gone, write_record
from water_gee.tracking.database import PROCESS_TAG
from water_gee.tracking.run_log import VALIDATION, log_curves_of, log_files, log_metrics
from water_gee.tracking.team import is_ours


def end_dead_runs(client: MlflowClient, experiment_id: str, layout: Layout) -> None:
    """Mark as killed what claims to run though its process, of this host, is gone: in its folder and in MLflow.

    What its folder knows to be finished is so in MLflow too. On a team's server only what this user began below this
    root is touched.
    """
    known: dict[str, tuple[Path, str]] = {}
    for folder, record in all_runs(layout):
        if record.status == RUNNING and is_gone(record.process):
            write_record(folder, replace(record, status=KILLED))
        known[record.run_id] = (folder, record.status)
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        if not is_ours(run, layout):
            continue
        folder, status = known.get(run.info.run_id, (layout.runs, ""))
        if status == FINISHED:
            _bring_up_to_date(client, run, folder)
            client.set_terminated(run.info.run_id, FINISHED)
        elif is_gone(run.data.tags.get(PROCESS_TAG, "")):
            client.set_terminated(run.info.run_id, KILLED)


def _bring_up_to_date(client: MlflowClient, run: Run, folder: Path) -> None:
    """Log what a finished run has in its folder and MLflow has not, since the server was away."""
    if VALIDATION in run.data.metrics:
        return
    with suppress(WaterGeeError, AttributeError, TypeError, ValueError):  # a broken folder is told where it is used
        validation = read_json(folder / "metrics.json").get("validation", {})
        log_metrics(client, run.info.run_id, "valid", {name: float(value) for name, value in validation.items()})
        log_curves_of(client, run.info.run_id, folder)
        log_files(client, run.info.run_id, folder)

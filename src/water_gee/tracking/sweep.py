"""A sweep: a parent run in MLflow, its jobs as children, and a comparison of them."""

import hashlib
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric, Run
from rich.console import Console
from rich.table import Table

from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.tracking.database import PROCESS_TAG, connect, end_dead_runs, experiment
from water_gee.tracking.folders import FAILED, FINISHED, KILLED, RUNNING
from water_gee.tracking.job import FOLDER_TAG, KEY_TAG, PARENT_TAG
from water_gee.tracking.lineage import job_key, lineage, this_process
from water_gee.training import training_records

_SWEEP_TAG = "water_gee.sweep"
_SHOWN = (("IoU", "valid/iou"), ("F1", "valid/f1"), ("precision", "valid/precision"), ("recall", "valid/recall"))


@dataclass
class Sweep:
    """A sweep that is going on."""

    client: MlflowClient
    experiment_id: str
    run_id: str
    jobs: int
    failures: list[str] = field(default_factory=list)  # a line for each job that failed in this process

    def children(self) -> list[Run]:
        """Return the sweep's runs, the best first, of each job only the latest."""
        runs = self.client.search_runs(
            [self.experiment_id], f"tags.`{PARENT_TAG}` = '{self.run_id}'", order_by=["attributes.start_time DESC"]
        )
        latest: dict[str, Run] = {}
        for run in runs:
            latest.setdefault(run.data.tags.get(KEY_TAG, run.info.run_id), run)
        return sorted(latest.values(), key=lambda run: run.data.metrics.get("valid/iou", -1.0), reverse=True)


def open_sweep(overrides: Sequence[str], jobs: Sequence[Settings]) -> Sweep:
    """Return the sweep of these overrides: a new one, or the same one, cut off or finished, taken up again.

    Raises:
        TileError: the tiles or labels are not there yet.
    """
    layout = Layout(Path(jobs[0].paths.root))
    origin = lineage(layout, training_records(layout), repository())
    parts = [*sorted(overrides), *(job_key(job, origin) for job in jobs)]
    key = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    client = connect(layout)
    experiment_id = experiment(client, layout, jobs[0].study.name)
    end_dead_runs(client, experiment_id)
    earlier = client.search_runs(
        [experiment_id], f"tags.`{_SWEEP_TAG}` = '{key}' and attributes.status != 'RUNNING'", max_results=1
    )
    if earlier:
        run_id = earlier[0].info.run_id
        client.update_run(run_id, status=RUNNING)
        client.set_tag(run_id, PROCESS_TAG, this_process())
        say(f"this sweep was begun before; going on in it ({len(jobs)} jobs)")
    else:
        told = " ".join(override for override in overrides if not override.startswith(("study=", "paths.", "hydra")))
        tags = {_SWEEP_TAG: key, PROCESS_TAG: this_process(), "mlflow.source.name": "train.py", "kind": "sweep"}
        run_id = client.create_run(experiment_id, run_name=f"sweep {told}"[:120], tags=tags).info.run_id
    return Sweep(client, experiment_id, run_id, len(jobs))


def close_sweep(sweep: Sweep, *, interrupted: bool = False) -> int:
    """Compare the children, on the parent run and on the terminal; return how many jobs failed."""
    children = sweep.children()
    finished = [run for run in children if run.info.status == FINISHED]
    failed = max(len([run for run in children if run.info.status == FAILED]), len(sweep.failures))
    if finished:
        _log_best(sweep, finished)
    if finished and not interrupted:
        _log_curves(sweep, finished[0])
    status = KILLED if interrupted else FAILED if failed else FINISHED
    sweep.client.set_terminated(sweep.run_id, status)
    _print(sweep, children)
    return failed


def _log_best(sweep: Sweep, finished: Sequence[Run]) -> None:
    """Put the best child's metrics on the parent, which is what MLflow's list and charts show."""
    best, now = finished[0], int(time.time() * 1000)
    told = {name: value for name, value in best.data.metrics.items() if name.startswith(("valid/", "model/"))}
    sweep.client.log_batch(sweep.run_id, metrics=[Metric(name, value, now, 0) for name, value in told.items()])
    sweep.client.set_tag(sweep.run_id, "best_run", best.info.run_name)
    ids = json.dumps([run.info.run_id for run in finished], separators=(",", ":"))
    query = f"runs={ids}&experiments={json.dumps([sweep.experiment_id])}&workflowType=machine_learning"
    link = "#/compare-runs?" + query.replace('"', "%22")
    rows = [
        f"| {run.info.run_name} | " + " | ".join(f"{run.data.metrics.get(key, 0):.4f}" for _, key in _SHOWN) + " |"
        for run in finished
    ]
    heading = ["| run | " + " | ".join(name for name, _ in _SHOWN) + " |", "| --- |" + " --- |" * len(_SHOWN)]
    note = [f"Best: **{best.info.run_name}**. [Compare the {len(finished)} runs]({link})", "", *heading, *rows]
    sweep.client.set_tag(sweep.run_id, "mlflow.note.content", "\n".join(note))
    figure = comparison(sweep.client, finished)
    FigureCanvasAgg(figure)
    sweep.client.log_figure(sweep.run_id, figure, "comparison.png")


def _log_curves(sweep: Sweep, best: Run) -> None:
    """Repeat the best child's curves on the parent; logged twice, they stay the same points."""
    for name in best.data.metrics:
        if name.startswith("epoch/"):
            points = sweep.client.get_metric_history(best.info.run_id, name)
            copied = [Metric(name, point.value, point.timestamp, point.step) for point in points]
            sweep.client.log_batch(sweep.run_id, metrics=copied)


def comparison(client: MlflowClient, runs: Sequence[Run]) -> Figure:
    """Draw the runs side by side: validation IoU by epoch, and at the end."""
    figure = Figure(figsize=(10, 1.6 + 0.35 * max(6, len(runs))), layout="constrained")
    curves, bars = figure.subplots(1, 2)
    for run in runs:
        history = client.get_metric_history(run.info.run_id, "epoch/valid_iou")
        points = sorted({point.step: point.value for point in history}.items())
        curves.plot(
            [step + 1 for step, _ in points], [value for _, value in points], marker=".", label=run.info.run_name
        )
    names = [run.info.run_name for run in runs]
    ious = [run.data.metrics.get("valid/iou", 0.0) for run in runs]
    drawn = bars.barh(range(len(runs)), ious, color=[f"C{number % 10}" for number in range(len(runs))])
    bars.bar_label(drawn, fmt="%.4f", padding=3)
    low, high = min(ious), max(ious)
    bars.set_xlim(max(0.0, low - max(0.02, high - low)), high + 0.35 * max(0.02, high - low))
    bars.set_yticks(range(len(runs)), names)
    bars.invert_yaxis()
    bars.set(xlabel="validation IoU, at the run's threshold")
    curves.set(xlabel="epoch", ylabel="validation IoU")
    curves.grid(alpha=0.3)
    return figure


def _print(sweep: Sweep, children: Sequence[Run]) -> None:
    table = Table(title=f"{len(children)} of {sweep.jobs} jobs, the best first")
    table.add_column("run")
    for name, _ in _SHOWN:
        table.add_column(name, justify="right")
    for name in ("threshold", "seconds"):
        table.add_column(name, justify="right")
    table.add_column("status")
    table.add_column("folder")
    for run in children:
        metrics = run.data.metrics
        cells = [f"{metrics[key]:.4f}" if key in metrics else "-" for _, key in _SHOWN]
        threshold, seconds = metrics.get("model/threshold"), metrics.get("model/training_seconds")
        cells += ["-" if threshold is None else f"{threshold:.2f}", "-" if seconds is None else f"{seconds:.0f}"]
        table.add_row(run.info.run_name, *cells, run.info.status, run.data.tags.get(FOLDER_TAG, "-"))
    console = Console(highlight=False)
    console.width = max(console.width, 140)
    console.print(table)
    others = [
        f"failed: {run.info.run_name}: {run.data.tags.get('error', '')}"
        for run in children
        if run.info.status == FAILED
    ]
    for line in sweep.failures or others:  # a launcher's other processes have only their runs to tell by
        say(line)

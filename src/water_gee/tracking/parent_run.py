"""What a sweep's parent run shows: the best child's metrics and curves, and all children side by side.

MLflow's list and charts show parents, with their children folded away.
"""

import json
import time
from collections.abc import Sequence

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mlflow import MlflowClient
from mlflow.entities import Metric, Run

SHOWN = (("IoU", "valid/iou"), ("F1", "valid/f1"), ("precision", "valid/precision"), ("recall", "valid/recall"))
_REPEATED = ("valid/", "model/", "test/")  # chosen by valid/iou; the test metrics are only shown


def log_best(client: MlflowClient, parent: str, finished: Sequence[Run]) -> None:
    """Put the best child's metrics on the parent, with a note and a figure that compare all children.

    Args:
        client: of the database.
        parent: the parent's run.
        finished: the finished children, the best first.
    """
    best, now = finished[0], int(time.time() * 1000)
    told = {name: value for name, value in best.data.metrics.items() if name.startswith(_REPEATED)}
    client.log_batch(parent, metrics=[Metric(name, value, now, 0) for name, value in told.items()])
    client.set_tag(parent, "best_run", best.info.run_name)
    client.set_tag(parent, "best_run_id", best.info.run_id)
    client.set_tag(parent, "mlflow.note.content", _note(finished))
    figure = comparison(client, finished)
    FigureCanvasAgg(figure)
    client.log_figure(parent, figure, "comparison.png")


def log_curves(client: MlflowClient, parent: str, best: Run) -> None:
    """Repeat the best child's curves on the parent; logged twice, they stay the same points."""
    for name in best.data.metrics:
        if name.startswith("epoch/"):
            points = client.get_metric_history(best.info.run_id, name)
            copied = [Metric(name, point.value, point.timestamp, point.step) for point in points]
            client.log_batch(parent, metrics=copied)


def test_column(runs: Sequence[Run]) -> tuple[str, str] | None:
    """Return the heading and the metric of the IoU on the test area, by the study's first reference, where logged."""
    names = [name for run in runs for name in run.data.metrics if name.startswith("test/") and name.endswith("/iou")]
    return (f"test IoU ({names[0].split('/')[1]})", names[0]) if names else None


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


def _note(finished: Sequence[Run]) -> str:
    """Return the parent's description in Markdown: a link to MLflow's comparison, and a table."""
    best, test = finished[0], test_column(finished)
    columns = [*SHOWN, *([test] if test else [])]
    ids = json.dumps([run.info.run_id for run in finished], separators=(",", ":"))
    query = f"runs={ids}&experiments={json.dumps([best.info.experiment_id])}&workflowType=machine_learning"
    link = "#/compare-runs?" + query.replace('"', "%22")
    heading = ["| run | " + " | ".join(name for name, _ in columns) + " |", "| --- |" + " --- |" * len(columns)]
    rows = []
    for run in finished:
        values = (run.data.metrics.get(key) for _, key in columns)
        cells = ["-" if value is None else f"{value:.4f}" for value in values]
        rows.append(f"| {run.info.run_name} | {' | '.join(cells)} |")
    return "\n".join(
        [f"Best: **{best.info.run_name}**. [Compare the {len(finished)} runs]({link})", "", *heading, *rows]
    )

"""What a search's parent run shows beside its best child: every trial, how the best was found, and what mattered."""

import csv
import io
import warnings

import optuna
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from mlflow import MlflowClient
from optuna.trial import FrozenTrial, TrialState

from water_gee.experiments.trials import overrides_of, trials_of

_ENOUGH = 10  # complete trials, to say which choice mattered


def log_course(client: MlflowClient, run_id: str, study: optuna.Study) -> None:
    """Log the best choices as the tag `best_params`, the trials as `trials.csv`, and `search.png`."""
    trials = trials_of(study)
    client.log_text(run_id, as_csv(trials), "trials.csv")
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE]
    if not complete:
        return
    best = max(complete, key=lambda trial: trial.value or 0.0)
    client.set_tag(run_id, "best_params", " ".join(overrides_of(best.params)))
    figure = draw(trials, importance(study, complete))
    FigureCanvasAgg(figure)
    client.log_figure(run_id, figure, "search.png")


def as_csv(trials: list[FrozenTrial]) -> str:
    """Return a line a trial: its number, end, validation IoU, epochs, run and choices."""
    text = io.StringIO()
    keys = list(dict.fromkeys(key for trial in trials for key in trial.params))
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["trial", "state", "validation_iou", "epochs", "run", *keys])
    for number, trial in enumerate(trials):
        value = f"{trial.value:.6g}" if trial.state == TrialState.COMPLETE else ""
        chosen = dict(override.split("=", 1) for override in overrides_of(trial.params))
        epochs = 0 if trial.last_step is None else trial.last_step + 1
        cells = [chosen.get(key, "") for key in keys]
        writer.writerow([number, trial.state.name.lower(), value, epochs, trial.user_attrs.get("run", ""), *cells])
    return text.getvalue()


def importance(study: optuna.Study, complete: list[FrozenTrial]) -> dict[str, float]:
    """Return the share of each key in what made trials good (PED-ANOVA, Watanabe et al., 2023); empty if too few."""
    if len(complete) < _ENOUGH:
        return {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is experimental
        try:
            return dict(optuna.importance.get_param_importances(study))
        except (RuntimeError, ValueError):  # all values alike
            return {}


def draw(trials: list[FrozenTrial], weights: dict[str, float]) -> Figure:
    """Draw the validation IoU of each trial with the best so far, and beside it the weight of each key."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    if weights:
        course, bars = figure.subplots(1, 2, width_ratios=(2, 1))
        names = sorted(weights, key=lambda name: weights[name])
        bars.barh(names, [weights[name] for name in names], color="C0")
        bars.set(xlabel="importance (PED-ANOVA)")
    else:
        course = figure.subplots()
    _draw_course(course, trials)
    return figure


def _draw_course(axes: Axes, trials: list[FrozenTrial]) -> None:
    best: list[tuple[int, float]] = []
    complete: list[tuple[int, float]] = []
    pruned: list[tuple[int, float]] = []
    for number, trial in enumerate(trials, start=1):
        if trial.state == TrialState.COMPLETE and trial.value is not None:
            complete.append((number, trial.value))
            best.append((number, max(value for _, value in complete)))
        elif trial.state == TrialState.PRUNED and trial.last_step is not None:
            pruned.append((number, trial.intermediate_values[trial.last_step]))
    axes.plot(*zip(*complete, strict=True), "o", color="C0", label="finished")
    if pruned:
        axes.plot(*zip(*pruned, strict=True), "x", color="0.5", label="pruned, at its last epoch")
    axes.step(*zip(*best, strict=True), where="post", color="C1", label="best so far")
    axes.set(xlabel="trial", ylabel="validation IoU")
    axes.grid(alpha=0.3)
    axes.legend()

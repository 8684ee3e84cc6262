"""What a search's parent run shows beside its best child: every trial, how the best was found, and what mattered."""

import warnings
from collections.abc import Iterator
from contextlib import suppress

import matplotlib
import optuna
from matplotlib import pyplot
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from mlflow import MlflowClient
from optuna.exceptions import ExperimentalWarning
from optuna.trial import TrialState
from optuna.visualization import matplotlib as plots

from water_gee.experiments.trials import overrides_of, trials_of

_ENOUGH = 10  # complete trials, from which on it is shown which choice mattered
_IOU = "validation IoU"


def log_search(client: MlflowClient, run_id: str, study: optuna.Study) -> None:
    """Log the best choices as the tag `best_params`, the trials as `trials.csv`, and Optuna's figures of them."""
    client.log_text(run_id, trials_csv(study), "trials.csv")
    if not study.get_trials(deepcopy=False, states=[TrialState.COMPLETE]):
        return
    client.set_tag(run_id, "best_params", " ".join(overrides_of(study.best_params)))
    for name, figure in search_figures(study):
        client.log_figure(run_id, figure, name)


def trials_csv(study: optuna.Study) -> str:
    """Return a line a trial: number, state, validation IoU, choices, run, and the validation IoU after each epoch."""
    table = study.trials_dataframe(attrs=("number", "state", "value", "params", "user_attrs", "intermediate_values"))
    if table.empty:
        return ""
    last = table[table.number.isin([trial.number for trial in trials_of(study)])]
    wanted = last.drop(columns=["user_attrs_process", "user_attrs_repeats"], errors="ignore")
    named = wanted.rename(columns=lambda name: name.removeprefix("params_").removeprefix("user_attrs_"))
    named = named.rename(columns=lambda name: name.replace("intermediate_values_", "epoch_"))
    return str(named.rename(columns={"value": "validation_iou"}).to_csv(index=False, float_format="%.6g"))


def search_figures(study: optuna.Study) -> Iterator[tuple[str, Figure]]:
    """Yield Optuna's figures by file name: trials with the best so far, their epochs, and the weight of each key.

    The weights (PED-ANOVA, Watanabe et al., 2023) are left out where too few trials were completed to tell.
    """
    matplotlib.use("Agg")  # Optuna draws by pyplot, which would open windows
    with pyplot.rc_context(), warnings.catch_warnings():  # Optuna sets a style for the whole process
        warnings.simplefilter("ignore", ExperimentalWarning)
        history = plots.plot_optimization_history(study, target_name=_IOU)
        history.legend(loc="lower right")  # Optuna's takes a third of the width
        yield from _shown(history, "search.png", title="Trials and the best so far")
        epochs = plots.plot_intermediate_values(study)
        if legend := epochs.get_legend():
            legend.remove()  # a line a trial, longer than the figure is high
        yield from _shown(epochs, "search_epochs.png", title="Epochs of each trial", xlabel="Epoch", ylabel=_IOU)
        if len(study.get_trials(deepcopy=False, states=[TrialState.COMPLETE])) < _ENOUGH:
            return
        with suppress(RuntimeError, ValueError):  # all values are alike
            weights = plots.plot_param_importances(study, target_name=_IOU)
            yield from _shown(weights, "search_importances.png")


def _shown(axes: Axes, name: str, **texts: str) -> Iterator[tuple[str, Figure]]:
    axes.set(**texts)
    figure = axes.get_figure(root=True)
    assert figure is not None  # Optuna has just made it
    figure.set_layout_engine("constrained")
    yield name, figure
    pyplot.close(figure)

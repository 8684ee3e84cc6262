"""How MLflow's list of a study's runs opens: the columns that matter, the best on validation first."""

import json

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

_KEY = "water_gee"
_TAG = f"mlflow.sharedViewState.{_KEY}"  # MLflow's page reads it as JSON, plain or compressed
_SORTED_BY = "metrics.`valid/iou`"


def share_view(client: MlflowClient, experiment: str, reference: str | None) -> None:
    """Keep the view with an experiment, where it is not yet there.

    Args:
        client: of the MLflow that has the experiment.
        experiment: its id.
        reference: the study's first reference, whose IoU on the test area is a column; None where it has none.
    """
    wanted = json.dumps(_view(reference))
    if client.get_experiment(experiment).tags.get(_TAG) == wanted:
        return
    try:
        client.set_experiment_tag(experiment, _TAG, wanted)
    except MlflowException:
        return  # a team's server may let only some change an experiment; it then opens in its own way


def page_of(experiment: str | None, server: str) -> str:
    """Return the address of an experiment's runs in that view, or without one of the list of experiments.

    Without the workflow type MLflow 3 may open an experiment as a chat's traces.
    """
    place = f"/{experiment}/runs?workflowType=machine_learning&viewStateShareKey={_KEY}" if experiment else ""
    return f"{server.rstrip('/')}/#/experiments{place}"


def _view(reference: str | None) -> dict[str, object]:
    columns = [
        _SORTED_BY, *([f"metrics.`test/{reference}/iou`"] if reference else []), "params.`model`", "params.`denoise`",
        "params.`seed`", "metrics.`model/macs_per_pixel`", "tags.`champion`", "attributes.`User`",
    ]  # fmt: skip
    return {
        "searchFilter": "", "orderByKey": _SORTED_BY, "orderByAsc": False, "startTime": "ALL",
        "lifecycleFilter": "Active", "datasetsFilter": [], "modelVersionFilter": "All Runs",
        "selectedColumns": columns, "runsExpanded": {}, "runsPinned": [], "runsHidden": [],
    }  # fmt: skip

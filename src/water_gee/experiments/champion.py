"""A run by its name, `champion` among them, which MLflow's registry knows."""

from dataclasses import replace

from water_gee.errors import ModelError
from water_gee.paths import Layout
from water_gee.runs import CHAMPION, Choice, named

PROMOTE = "water-gee promote"


def find(layout: Layout, wanted: str, key: str) -> Choice:
    """Return the checkpoint that a key of the configuration names.

    That is `champion` (the registry's alias), an MLflow run id or a folder of `runs/` or `promoted/`, or a checkpoint
    file.

    Raises:
        ModelError: there is none, or its run is not finished.
    """
    if wanted != CHAMPION:
        return named(layout, wanted, key)
    return replace(named(layout, champion(layout, key), key), rule=f"the study's champion, by {PROMOTE}")


def champion(layout: Layout, key: str) -> str:
    """Return the MLflow run of the study's champion; `key` is who asks, for the message.

    Raises:
        ModelError: no run was promoted.
    """
    from mlflow.exceptions import MlflowException  # takes seconds

    from water_gee.tracking import connect

    if layout.tracks:
        try:
            return str(connect(layout).get_model_version_by_alias(layout.study, CHAMPION).run_id)
        except MlflowException:
            pass
    raise ModelError(f"{key}={CHAMPION}: the study {layout.study} has none yet; run first: {PROMOTE}")

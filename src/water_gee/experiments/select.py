"""The `select` stage: one run's checkpoint becomes `models/model.ckpt`, what the stages after it use."""

import os
from dataclasses import replace

from water_gee.claims import claim
from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.models import selected_report_path
from water_gee.paths import Layout
from water_gee.runs import CHAMPION, Choice, named, own_or_best, write_selected

_KEY = "select.run"
_PROMOTE = "water-gee promote"


def run(settings: Settings) -> None:
    """Write `models/model.ckpt`, `models/model.json` and the run's curves.

    Raises:
        ModelError: there is no such run, it is not finished, or its checkpoint is broken.
        ConfigError: another study's model is there.
    """
    layout = Layout.of(settings)
    claim(layout, selected_report_path(layout))
    write_selected(layout, choose(layout, settings.select.run))


def choose(layout: Layout, wanted: str | None) -> Choice:
    """Return the checkpoint that `select.run` names.

    That is `champion` (the registry's alias), an MLflow run id or a folder of `runs/` or `promoted/`, or a checkpoint
    file. Without a name it is the train stage's own run, if that is of the present tiles and labels; else the best of
    the runs that are, by the rule of `promote`.

    Raises:
        ModelError: there is none, or it is not finished.
    """
    under_dvc = "DVC_STAGE" in os.environ
    if not wanted:
        return own_or_best(layout, trained_now=under_dvc)
    if wanted == CHAMPION:
        _refuse(wanted, under_dvc=under_dvc)
        return replace(named(layout, champion(layout), _KEY), rule=f"the study's champion, by {_PROMOTE}")
    choice = named(layout, wanted, _KEY)
    if choice.record is None:
        _refuse(wanted, under_dvc=under_dvc)
    return choice


def champion(layout: Layout) -> str:
    """Return the MLflow run of the study's champion.

    Raises:
        ModelError: no run was promoted.
    """
    from mlflow.exceptions import MlflowException  # takes seconds

    from water_gee.tracking import connect

    if layout.database.is_file():
        try:
            return str(connect(layout).get_model_version_by_alias(layout.study, CHAMPION).run_id)
        except MlflowException:
            pass
    raise ModelError(f"{_KEY}={CHAMPION}: the study {layout.study} has none yet; run first: {_PROMOTE}")


def _refuse(wanted: str, *, under_dvc: bool) -> None:
    """Refuse, where `dvc repro` runs the stage, a name that may come to mean something else without DVC's notice."""
    if under_dvc:
        raise ModelError(
            f"params.yaml: run: {wanted} may become another model without DVC's notice; write the run's id there, as "
            f"{_PROMOTE} does"
        )

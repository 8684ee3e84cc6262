"""The `select` stage: one run's checkpoint becomes `models/model.ckpt`, what the stages after it use."""

import os

from water_gee.claims import claimed
from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.experiments.champion import PROMOTE, find
from water_gee.models import selected_report_path
from water_gee.paths import Layout
from water_gee.runs import CHAMPION, Choice, own_or_best, write_selected


def run(settings: Settings) -> None:
    """Write `models/model.ckpt`, `models/model.json` and the run's curves.

    Raises:
        ModelError: there is no such run, it is not finished, or its checkpoint is broken.
        ConfigError: another study's model is there.
    """
    layout = Layout.of(settings)
    with claimed(layout, selected_report_path(layout)):
        write_selected(layout, choose(layout, settings.select.run))


def choose(layout: Layout, wanted: str | None) -> Choice:
    """Return the checkpoint that `select.run` names.

    Without a name it is the train stage's own run, if that is of the present tiles and labels; else the best of the
    runs that are, by the rule of `promote`.

    Raises:
        ModelError: there is none, it is not finished, or `dvc repro` runs the stage and the name may come to mean
            another model without DVC's notice.
    """
    under_dvc = "DVC_STAGE" in os.environ
    if not wanted:
        return own_or_best(layout, trained_now=under_dvc)
    choice = None if under_dvc and wanted == CHAMPION else find(layout, wanted, "select.run")
    if choice is None or (under_dvc and choice.record is None):
        raise ModelError(
            f"params.yaml: run: {wanted} may become another model without DVC's notice; write the run's id there, as "
            f"{PROMOTE} does"
        )
    return choice

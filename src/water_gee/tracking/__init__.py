"""MLflow: the database, what a run logs and how its end is known there, logged models, and the server that shows them.

Importing this room imports MLflow, which takes seconds: do it inside the stage that needs it.
"""

import water_gee.tracking.environment  # noqa: F401 - before MLflow, which reads it when it is imported

# isort: split
from water_gee.tracking.champion_mark import mark_champion
from water_gee.tracking.database import (
    PROCESS_TAG,
    connect,
    experiment,
)
from water_gee.tracking.datasets import log_data
from water_gee.tracking.dead_runs import end_dead_runs
from water_gee.tracking.description import word_tags
from water_gee.tracking.logged_model import log_model, model_of
from water_gee.tracking.outage import Outage
from water_gee.tracking.parent_run import SHOWN, log_best, log_curves, test_column
from water_gee.tracking.report_run import log_costs, log_report
from water_gee.tracking.run_end import GivenUp, run_to_its_end
from water_gee.tracking.run_log import (
    FOLDER_TAG,
    GIVEN_UP_TAG,
    KEY_TAG,
    PARENT_TAG,
    flat_params,
    forget_peak,
    log_end,
    log_metrics,
    log_start,
)
from water_gee.tracking.sqlite_file import address
from water_gee.tracking.system_metrics import system_metrics
from water_gee.tracking.team import is_ours, whose
from water_gee.tracking.view import share_view

__all__ = [
    "FOLDER_TAG",
    "GIVEN_UP_TAG",
    "KEY_TAG",
    "PARENT_TAG",
    "PROCESS_TAG",
    "SHOWN",
    "GivenUp",
    "Outage",
    "address",
    "connect",
    "end_dead_runs",
    "experiment",
    "flat_params",
    "forget_peak",
    "is_ours",
    "log_best",
    "log_costs",
    "log_curves",
    "log_data",
    "log_end",
    "log_metrics",
    "log_model",
    "log_report",
    "log_start",
    "mark_champion",
    "model_of",
    "run_to_its_end",
    "share_view",
    "system_metrics",
    "test_column",
    "whose",
    "word_tags",
]  # fmt: skip

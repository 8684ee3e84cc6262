"""MLflow: the database, what a run logs and how its end is known there, logged models, and the server that shows them.

Importing this room imports MLflow, which takes seconds: do it inside the stage that needs it.
"""

from water_gee.tracking.database import (
    PROCESS_TAG,
    address,
    connect,
    end_dead_runs,
    experiment,
)
from water_gee.tracking.datasets import log_data
from water_gee.tracking.logged_model import log_model, model_of
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

__all__ = [
    "FOLDER_TAG",
    "GIVEN_UP_TAG",
    "KEY_TAG",
    "PARENT_TAG",
    "PROCESS_TAG",
    "SHOWN",
    "GivenUp",
    "address",
    "connect",
    "end_dead_runs",
    "experiment",
    "flat_params",
    "forget_peak",
    "log_best",
    "log_costs",
    "log_curves",
    "log_data",
    "log_end",
    "log_metrics",
    "log_model",
    "log_report",
    "log_start",
    "model_of",
    "run_to_its_end",
    "test_column",
]  # fmt: skip

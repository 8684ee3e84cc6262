"""Runs on record: their folders, MLflow, sweeps, and the choice of the one that is deployed.

MLflow and Lightning are imported by `job` and `sweep`, which training asks for by name, so that `select`
does not wait for them.
"""

from water_gee.tracking.datasets import Known, Verdict
from water_gee.tracking.finished import Contender, contenders
from water_gee.tracking.folders import RunRecord, all_runs, read_record
from water_gee.tracking.variants import Variant, log_costs, log_page, pruned_run, variants

__all__ = [
    "Contender",
    "Known",
    "RunRecord",
    "Variant",
    "Verdict",
    "all_runs",
    "contenders",
    "log_costs",
    "log_page",
    "pruned_run",
    "read_record",
    "variants",
]

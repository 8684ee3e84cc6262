"""Runs on record: their folders, MLflow, sweeps, and the choice of the one that is deployed.

MLflow and Lightning are imported by `job` and `sweep`, which training asks for by name, so that `select`
does not wait for them.
"""

from water_gee.tracking.folders import RunRecord, all_runs, read_record

__all__ = ["RunRecord", "all_runs", "read_record"]

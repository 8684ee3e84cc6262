"""Runs on disk: what each leaves in its folder, where it comes from, which are of the present data, and the best.

Nothing here knows MLflow.
"""

from water_gee.runs.current import Contender, checkpoint_of, contenders, current_runs
from water_gee.runs.datasets import Dataset, training_data
from water_gee.runs.difference import paired_difference, tile_counts
from water_gee.runs.lineage import Lineage, is_gone, job_key, lineage, this_process
from water_gee.runs.promoted import absent, files_of, keep, promoted_runs
from water_gee.runs.records import (
    CHAMPION,
    CHECKPOINT,
    FAILED,
    FINISHED,
    KILLED,
    RUNNING,
    STAGE_RUN,
    RunRecord,
    all_runs,
    empty_folder,
    file_hashes,
    new_folder,
    read_record,
    run_name,
    write_record,
)
from water_gee.runs.rule import DIGITS, RULE, Candidate, candidates
from water_gee.runs.selection import Choice, named, own_or_best, write_selected

__all__ = [
    "CHAMPION",
    "CHECKPOINT",
    "DIGITS",
    "FAILED",
    "FINISHED",
    "KILLED",
    "RULE",
    "RUNNING",
    "STAGE_RUN",
    "Candidate",
    "Choice",
    "Contender",
    "Dataset",
    "Lineage",
    "RunRecord",
    "absent",
    "all_runs",
    "candidates",
    "checkpoint_of",
    "contenders",
    "current_runs",
    "empty_folder",
    "file_hashes",
    "files_of",
    "is_gone",
    "job_key",
    "keep",
    "lineage",
    "named",
    "new_folder",
    "own_or_best",
    "paired_difference",
    "promoted_runs",
    "read_record",
    "run_name",
    "this_process",
    "tile_counts",
    "training_data",
    "write_record",
    "write_selected",
]  # fmt: skip

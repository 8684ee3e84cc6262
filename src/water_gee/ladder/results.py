"""What was counted, on disk: a file a rung, method and area, written as soon as it is known."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import WaterGeeError
from water_gee.files import digest
from water_gee.paths import Layout
from water_gee.reads import SOURCE, code_of
from water_gee.sealed import read_sealed, write_sealed

ADVICE = "run again: water-gee denoise-bench"
_FORMAT = "water_gee ladder 1"


def ladder_folder(layout: Layout) -> Path:
    """Return where figure, tables and results lie."""
    return layout.reports / "ladder"


def ladder_report_path(layout: Layout) -> Path:
    """Return where the report lies that names them."""
    return ladder_folder(layout) / "ladder.json"


def result_path(layout: Layout, study: str, *parts: str) -> Path:
    """Return where one result on a study lies."""
    return ladder_folder(layout) / "results" / study / f"{'_'.join(parts)}.json"


@cache
def code(stage: str) -> str:
    """Return a hash of this room's code and of a stage's."""
    own = sorted((SOURCE / "water_gee" / "ladder").glob("*.py"))
    return digest([*own, *code_of(stage)])


def fingerprint(**content: Any) -> str:
    """Return a hash of all that a result depends on."""
    return hashlib.sha256(json.dumps([_FORMAT, content], sort_keys=True).encode()).hexdigest()


def read_counts(path: Path, mark: str) -> dict[str, NDArray[np.int64]] | None:
    """Return the counts by place of a result made of what `mark` stands for; None where there is no such one."""
    try:
        content = read_sealed(path, ADVICE)
        if content["fingerprint"] != mark:
            return None
        return {place: np.array(counts, dtype=np.int64) for place, counts in content["places"].items()}
    except (WaterGeeError, KeyError, TypeError, ValueError, AttributeError):
        return None  # absent, broken, or of another version: made anew


def write_counts(path: Path, mark: str, counts: Mapping[str, NDArray[np.int64]], about: Mapping[str, Any]) -> None:
    """Write the counts by place, what they are of, and the fingerprint of what they depend on."""
    write_sealed(path, {**about, "fingerprint": mark, "places": {place: one.tolist() for place, one in counts.items()}})

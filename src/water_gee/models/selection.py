"""The selected model: `models/model.ckpt`, and `models/model.json`, which says what it is and vouches for it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from water_gee.errors import ModelError
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed

_ADVICE = "run again: water-gee select"


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint file and the SHA-256 by which its report knows it."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Selected:
    """The selected checkpoint and what `model.json` says of it."""

    checkpoint: Checkpoint
    report: dict[str, Any]


def selected_report_path(layout: Layout) -> Path:
    """Return where the selection's report lies."""
    return layout.models / "model.json"


def selected(layout: Layout) -> Selected:
    """Return the selected model, its checkpoint checked against its report.

    Raises:
        ModelError: nothing is selected, it was changed since, or it was selected for another study.
    """
    path = selected_report_path(layout)
    if not is_there(path):
        raise ModelError(f"{path} does not exist; run first: python train.py, then water-gee select")
    report = read_sealed(path, _ADVICE, study=layout.study, error=ModelError)
    checkpoint = Checkpoint(layout.models / "model.ckpt", str(report.get("sha256", "")))
    read_checked(checkpoint.path, checkpoint.sha256, _ADVICE, error=ModelError)
    return Selected(checkpoint, report)

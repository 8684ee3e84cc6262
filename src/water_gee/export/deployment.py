"""The exported network with its proof, as the stages after `export` read it."""

from typing import Any

from water_gee.errors import ExportError
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed

ADVICE = "run again: water-gee export"


def read_export(layout: Layout) -> dict[str, Any]:
    """Return `export.json`: what was exported and how it was proven, of the very `expression.json` beside it.

    Raises:
        ExportError: nothing was exported, a file was changed since, or it is of another study.
    """
    path = layout.export / "export.json"
    if not is_there(path):
        raise ExportError(f"{path} does not exist; run first: water-gee export")
    report = read_sealed(path, ADVICE, study=layout.study, error=ExportError)
    read_checked(layout.export / "expression.json", report.get("expression_sha256"), ADVICE, error=ExportError)
    return report


def export_of(layout: Layout, selected_sha256: str) -> dict[str, Any] | None:
    """Return `export.json` where there is an export of the selected checkpoint, else None.

    Raises:
        ExportError: as `read_export`.
    """
    if not is_there(layout.export / "export.json"):
        return None
    report = read_export(layout)
    return report if report.get("checkpoint_sha256") == selected_sha256 else None

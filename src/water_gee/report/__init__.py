"""Figures, tables and the page: what a reader sees of an evaluation."""

from water_gee.report.atlas import Frame, Style, drawn, frame_of, numbers, png
from water_gee.report.changed import changed_files
from water_gee.report.palette import AREA_COLOURS, METHOD_NAMES
from water_gee.report.run_assessment import RunAssessment, assess_run
from water_gee.report.tables import as_csv, as_markdown, show

__all__ = [
    "AREA_COLOURS",
    "METHOD_NAMES",
    "Frame",
    "RunAssessment",
    "Style",
    "as_csv",
    "as_markdown",
    "assess_run",
    "changed_files",
    "drawn",
    "frame_of",
    "numbers",
    "png",
    "show",
]

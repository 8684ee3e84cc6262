"""Denoising measured where the truth is known: noise of known kind and rate, and what each method makes of it."""

from water_gee.ladder.bench import TRUTH, Bench, Measured, Row, Taught
from water_gee.ladder.counts import MEASURES, ZONES, Estimate
from water_gee.ladder.methods import RAW
from water_gee.ladder.results import ladder_folder, ladder_report_path

__all__ = [
    "MEASURES",
    "RAW",
    "TRUTH",
    "ZONES",
    "Bench",
    "Estimate",
    "Measured",
    "Row",
    "Taught",
    "ladder_folder",
    "ladder_report_path",
]

"""Evaluates the Earth Engine client's expression graphs on one machine."""

from __future__ import annotations

from eelocal.evaluator.evaluator import Evaluator, PixelBand, PixelResult
from eelocal.evaluator.grid import PixelGrid, named_crs

__all__ = ["Evaluator", "PixelBand", "PixelGrid", "PixelResult", "named_crs"]

"""Evaluates the Earth Engine client's expression graphs on one machine."""

from __future__ import annotations

from eelocal.evaluator.evaluator import Evaluator, PixelBand, PixelResult
from eelocal.evaluator.grid import PixelGrid
from eelocal.evaluator.source import BandInfo, Catalog, ImageAsset

__all__ = ["BandInfo", "Catalog", "Evaluator", "ImageAsset", "PixelBand", "PixelGrid", "PixelResult"]

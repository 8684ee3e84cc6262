"""The room's functions on arrays: rasters are made of them, and what is found is read back whole."""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from water_gee.bodies.shapes import Parts
from water_gee.bodies.strips import Raster, Scratch
from water_gee.bodies.years import SEEN, WET

SCRATCH = Scratch(Path(tempfile.gettempdir()))  # its files have no name and vanish by themselves


def whole(parts: Parts) -> Parts:
    """Return parts with arrays for rasters."""
    return replace(parts, **{name: getattr(parts, name).whole() for name in ("labels", "depth", "dropped")})


def year(water: np.ndarray, seen: np.ndarray | bool = True) -> Raster:
    """Return a year's pixels as they are found on a map."""
    return Raster.of(WET * water.astype(np.uint8) + SEEN * (water | seen).astype(np.uint8))


def cut(monkeypatch, rows: int, columns: int = 64) -> None:
    """Have maps read in strips of some rows, and distances found for some columns at once."""
    for name in ("_LEAST", "_MOST"):
        monkeypatch.setattr(f"water_gee.bodies.strips.{name}", rows)
    monkeypatch.setattr("water_gee.bodies.strips._BLOCK", max(rows // 3, 1))
    monkeypatch.setattr("water_gee.bodies.distances._COLUMNS", columns)

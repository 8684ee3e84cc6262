"""What a set of maps consists of: its window, its pieces, and the mark of all that it depends on."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from water_gee.errors import ConfigError
from water_gee.maps.parts import Piece
from water_gee.study import Grid, Mask, Window, inside, tiles_of, within_window

FORMAT = 2  # raise when the same choices would give other maps


@dataclass(frozen=True)
class Plan:
    """The maps of an area: one lattice window, cut into pieces for each year."""

    area: str
    geometry: BaseGeometry
    grid: Grid
    window: Window
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, area: str, geometry: BaseGeometry, grid: Grid, years: Sequence[int], *, size: int) -> "Plan":
        """Cut the area into tiles of `size` pixels, less what lies outside its bounding window.

        Raises:
            ConfigError: the area holds no pixel.
        """
        window = grid.window(geometry.bounds)
        pieces: list[Piece] = []
        for year in years:
            for tile in tiles_of(area, geometry, grid, year=year, size=size, margin=0):
                pieces.append(Piece(tile.id, year, tile.window & window))
        if not pieces or window.width < 1 or window.height < 1:
            raise ConfigError(f"study.areas.{area}: the area is smaller than a pixel; make it larger")
        return cls(area, geometry, grid, window, tuple(pieces))

    @property
    def years(self) -> list[int]:
        """The years to map."""
        return sorted({piece.year for piece in self.pieces})

    def of_year(self, year: int) -> list[Piece]:
        """Return the pieces of one year."""
        return [piece for piece in self.pieces if piece.year == year]

    def inside(self, window: Window) -> Mask:
        """Say of each pixel [y, x] of a window whether its centre lies in the area, its border included."""
        return inside(self.geometry, self.grid, window)

    def light(self, window: Window) -> BaseGeometry | None:
        """Return a light outline of the area that is right within a window; None: the window lies in the area."""
        return within_window(self.geometry, self.grid, window)

    def fingerprint(self, *made_of: Any) -> str:
        """Return a mark of the pieces, the area and all else that decides what the maps hold."""
        outline = hashlib.sha256(shapely.to_wkb(self.geometry)).hexdigest()
        windows = [(piece.name, vars(piece.window)) for piece in self.pieces]
        text = json.dumps([FORMAT, outline, vars(self.grid), windows, made_of], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:20]


def within_outline(outline: BaseGeometry | None, grid: Grid, window: Window) -> Mask:
    """Return what `Plan.inside` says of a window whose `Plan.light` is given."""
    if outline is None:
        return np.ones((window.height, window.width), dtype=np.bool_)
    return inside(outline, grid, window)

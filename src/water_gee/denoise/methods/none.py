"""The labels as the quality band gives them."""

from dataclasses import dataclass
from typing import ClassVar

from water_gee.classes import WATER
from water_gee.denoise.labels import CleanLabel, agreement, assemble, usable
from water_gee.denoise.method import Radius, TileByTile
from water_gee.tiles import TileData


@dataclass(frozen=True)
class Raw(TileByTile):
    """The method `none`: every label as the quality band gives it, where the whole window is visible."""

    radius: Radius = 3
    heavy: ClassVar[bool] = False

    def __call__(self, tile: TileData, seed: int = 0, learned: None = None) -> CleanLabel:
        """Return the raw labels; neither `seed` nor `learned` is used."""
        return assemble(tile, usable(tile, self.radius), tile.label == WATER, agreement(tile.share, tile.looks))


METHOD = Raw

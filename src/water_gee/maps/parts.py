"""Finished parts of a map, kept on disk until the whole map is there."""

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.errors import TileError
from water_gee.study import Grid, Window
from water_gee.tiles import read_raster, write_raster

UNSEEN = UNKNOWN
OUTSIDE = 65535  # of the clear looks: not a pixel of the area
_ADVICE = "run again: water-gee predict"
KEPT = ("clear_looks", "probability", "water")  # what is kept of a part, in the order in which it is written


@dataclass(frozen=True)
class Piece:
    """A rectangle of one year's map that is predicted at once."""

    name: str
    year: int
    window: Window


@dataclass(frozen=True)
class Part:
    """A predicted piece.

    `water` is uint8 [y, x] (1 water, 0 land, 255 unseen), `probability` float32 (NaN unseen), `looks` uint16, the
    number of clear looks (0: none; 65535: outside the area).
    """

    water: NDArray[np.uint8]
    probability: NDArray[np.float32]
    looks: NDArray[np.uint16]

    @classmethod
    def of(
        cls,
        probability: NDArray[np.float32],
        water: NDArray[np.bool_],
        looks: NDArray[np.uint16],
        inside: NDArray[np.bool_],
    ) -> "Part":
        """Return a part from what an engine gave; pixels unseen or outside the area are never land."""
        hidden = np.isnan(probability) | ~inside
        classes = np.where(water, np.uint8(WATER), np.uint8(LAND))
        return cls(
            np.where(hidden, np.uint8(UNSEEN), classes),
            np.where(hidden, np.float32(np.nan), probability).astype(np.float32),
            np.where(inside, np.minimum(looks, np.uint16(OUTSIDE - 1)), np.uint16(OUTSIDE)),
        )


@dataclass(frozen=True)
class PartStore:
    """The parts of one set of maps, below a folder named by the fingerprint of all that they depend on."""

    folder: Path
    grid: Grid

    def path(self, piece: Piece, layer: str) -> Path:
        """Return where a layer of a piece lies."""
        return self.folder / str(piece.year) / f"{piece.name}.{layer}.tif"

    def has(self, piece: Piece) -> bool:
        """Return whether a piece is finished and whole; `water` is written last."""
        return all(_is_whole(self.path(piece, layer), piece.window) for layer in reversed(KEPT))

    def write(self, piece: Piece, part: Part) -> None:
        """Keep a finished part."""
        place = {"crs": self.grid.crs, "transform": self.grid.transform(piece.window)}
        probability, water, looks = part.probability[None], part.water[None], part.looks[None]
        write_raster(self.path(piece, "clear_looks"), looks, ["clear_looks"], nodata=OUTSIDE, **place)
        # Its last bits are noise: to compress it takes longer than to write it, and it is read several times.
        write_raster(
            self.path(piece, "probability"), probability, ["probability"], nodata=np.nan, compress=False, **place
        )
        write_raster(self.path(piece, "water"), water, ["water"], nodata=UNSEEN, **place)

    def read_water(self, piece: Piece) -> NDArray[np.uint8]:
        """Return the classes [y, x] of a finished part; TileError where they are not those that were written."""
        return self._read(piece, "water").astype(np.uint8)

    def read_probability(self, piece: Piece) -> NDArray[np.float32]:
        """Return the probability [y, x] of a finished part, NaN where unseen; TileError as `read_water`."""
        return self._read(piece, "probability")

    def _read(self, piece: Piece, layer: str) -> NDArray[np.float32]:
        path = self.path(piece, layer)
        raster = read_raster(path, _ADVICE)
        if not raster.is_whole:
            raise TileError(f"{path} was damaged since it was written; {_ADVICE}")
        values: NDArray[np.float32] = raster.values[0]
        return values

    def drop_others(self) -> None:
        """Remove parts of other fingerprints: nothing will take them up again."""
        for other in self.folder.parent.glob("*"):
            if other != self.folder and other.is_dir():
                shutil.rmtree(other)

    def remove(self) -> None:
        """Remove the parts, once the maps are published."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _is_whole(path: Path, window: Window) -> bool:
    """Return whether a raster holds the pixels that were written and has the window's size."""
    try:
        raster = read_raster(path, "")
    except TileError:
        return False
    return raster.is_whole and raster.values.shape[1:] == (window.height, window.width)

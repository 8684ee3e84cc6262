"""The places that the bootstrap draws: blocks of the lattice, or the places that a table of chips names."""

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from water_gee.errors import TileError
from water_gee.evaluation import Reference
from water_gee.study import Window

TABLE = "chips.csv"
_CHIP = 144  # pixels from one chip to the next: 128 of its own, and 16 of fill


@dataclass(frozen=True)
class Chips:
    """The chips of one scene: where its first pixel lies, and the place of each cell by (row, column)."""

    transform: Affine
    cells: Mapping[tuple[int, int], str]


@dataclass(frozen=True)
class Places:
    """What a place is.

    Neighbouring pixels err together, so blocks of `block` pixels a side are drawn. Where chips of several dates show
    one place, `chips` says so, and all of them are drawn together.
    """

    block: int
    chips: tuple[Chips, ...] = field(default=())

    @classmethod
    def of(cls, reference: Reference, year: int, block: int) -> Self:
        """Return the places of a reference: by the table `chips.csv` in the folder above its files, else blocks.

        The table has a row a chip with `scene` (the file's name), `row`, `col` and `place`; chips are laid out side by
        side from the file's upper left corner, 144 pixels apart.

        Raises:
            TileError: the table, or a file of the reference, is broken.
        """
        found = []
        for path in reference.rasters(year):
            if (table := _table(path)).is_file() and (cells := _cells(table, path.stem)):
                try:
                    with rasterio.open(path) as file:
                        found.append(Chips(file.transform, cells))
                except RasterioError as error:
                    raise TileError(f"{path} cannot be read ({error}); replace the file") from error
        return cls(block, tuple(found))

    @staticmethod
    def tables(reference: Reference, year: int) -> list[Path]:
        """Return the tables that name a reference's places."""
        return sorted({_table(path) for path in reference.rasters(year) if _table(path).is_file()})

    def number(self, window: Window, transform: Affine) -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """Return the number of each pixel's place [y, x], and the places' names in the order of their numbers."""
        rows, columns = np.arange(window.height), np.arange(window.width)
        ys, y = np.unique((rows + window.top) // self.block, return_inverse=True)
        xs, x = np.unique((columns + window.left) // self.block, return_inverse=True)
        names = [f"block {row} {column}" for row in ys for column in xs]
        numbers = y[:, None] * len(xs) + x
        for chips in self.chips:
            down, across = _cell(chips.transform, transform, rows, columns)
            for (row, column), place in chips.cells.items():
                name = f"place {place}"
                if name not in names:
                    names.append(name)
                numbers[np.ix_(down == row, across == column)] = names.index(name)
        return numbers, tuple(names)


def _table(path: Path) -> Path:
    return path.parent.parent / TABLE


def _cell(
    scene: Affine, canvas: Affine, rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the chip's row of each row, and its column of each column, of a canvas on the scene's axes."""
    x, y = canvas.c + (columns + 0.5) * canvas.a, canvas.f + (rows + 0.5) * canvas.e
    return (
        np.floor((y - scene.f) / scene.e / _CHIP).astype(np.int64),
        np.floor((x - scene.c) / scene.a / _CHIP).astype(np.int64),
    )


def _cells(table: Path, scene: str) -> dict[tuple[int, int], str]:
    try:
        with table.open(encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if row["scene"] == scene]
        return {(int(row["row"]), int(row["col"])): row["place"] for row in rows}
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise TileError(f"{table} is not a table of scene, row, col and place; mend it, or delete it") from error

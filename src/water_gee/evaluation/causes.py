"""Where labels and maps err, by circumstance: for simulated scenes, of which the circumstances are known."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from water_gee.classes import UNKNOWN, WATER
from water_gee.evaluation.reference import at_centres
from water_gee.evaluation.view import METHODS, TileView, place
from water_gee.paths import Layout

_BAND = "cause"
_WATER = 20  # numbers from here on are circumstances of water, smaller ones of land


@dataclass
class Causes:
    """Counts pixels and errors by the circumstance that `data/raw/cover/cover_<year>_*.tif` gives them.

    The files' band `cause` holds a number a pixel (0 unknown); their tag `cause` names the numbers, as in
    `1 LAND, 2 SHORE`.
    """

    layout: Layout
    reference: str
    names: dict[int, str] = field(default_factory=dict)
    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, dtype=np.int64))
    wrong: dict[str, NDArray[np.int64]] = field(
        default_factory=lambda: {method: np.zeros(256, dtype=np.int64) for method in METHODS}
    )

    def add(self, view: TileView) -> None:
        """Count a tile, where its circumstances are known."""
        truth = view.references[self.reference]
        for cause in self._of(view):
            known = view.clear & (truth != UNKNOWN) & (cause > 0) & ((cause >= _WATER) == (truth == WATER))
            self.pixels += np.bincount(cause[known], minlength=256)
            for method in METHODS:
                mistaken = known & (view.water[method] != (truth == WATER))
                self.wrong[method] += np.bincount(cause[mistaken], minlength=256)

    def table(self) -> list[dict[str, Any]]:
        """Return a row a circumstance: name, whether of water, pixels, and the wrong pixels of each method."""
        return [
            {
                "cause": self.names.get(number, str(number)),
                "water": number >= _WATER,
                "pixels": int(self.pixels[number]),
                "wrong": {method: int(counts[number]) for method, counts in self.wrong.items()},
            }
            for number in range(256)
            if self.pixels[number]
        ]

    def _of(self, view: TileView) -> Iterator[NDArray[np.uint8]]:
        record = view.record
        for path in sorted((self.layout.raw / "cover").glob(f"cover_{record.year}_*.tif")):
            number, names = _band(path)
            if number is None:
                continue
            self.names |= names
            shape = (record.size, record.size)
            found = at_centres(path, partial(_this, number), record.crs, place(view.tile), shape)
            if found is not None:
                yield np.where(found[1], found[0], 0)


def _this(number: int, _file: Any) -> int:
    return number


def _band(path: Path) -> tuple[int | None, Mapping[int, str]]:
    """Return the number of the band `cause` of a file, if it has one, and the names of its values."""
    try:
        with rasterio.open(path) as file:
            if _BAND not in file.descriptions:
                return None, {}
            pairs = [entry.strip().split(" ", 1) for entry in file.tags().get(_BAND, "").split(",")]
            names = {int(pair[0]): pair[1] for pair in pairs if len(pair) == 2 and pair[0].isdigit()}
            return file.descriptions.index(_BAND) + 1, names
    except RasterioError:
        return None, {}

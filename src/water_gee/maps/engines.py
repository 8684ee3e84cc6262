"""Two engines, one map: the exported network inside Earth Engine, and the trained one on this machine."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from water_gee.earth import Prepared, Session, fetch, foreign, impossible
from water_gee.errors import EarthError
from water_gee.maps.parts import Piece
from water_gee.paths import Layout
from water_gee.study import Area, Grid, Window
from water_gee.tiles import TileRecord, cut, load_tile

Float = NDArray[np.float32]
OUTPUTS = ("probability", "water")
_OUTPUT_RANGES = dict.fromkeys(OUTPUTS, (0.0, 1.0))


class Engine(Protocol):
    """What predicts a piece."""

    def __call__(self, piece: Piece) -> tuple[Float, NDArray[np.bool_]]:
        """Return the probability of water [y, x], NaN where nothing was seen, and which pixels are water."""
        ...


@dataclass(frozen=True)
class EarthEngine:
    """The exported network, applied to the composite by Earth Engine: one request a piece, only the map travels."""

    images: Mapping[int, Prepared]  # by year, with the bands of OUTPUTS: where the network sees nothing but the area
    within: Callable[[int, Area], Any]  # the same of a year whose features end where an area does
    area: Area
    reach: int  # pixels that the network sees to each side
    grid: Grid
    session: Session

    def __call__(self, piece: Piece) -> tuple[Float, NDArray[np.bool_]]:
        """Fetch the finished piece; its features end where the area does, as those of tiles do."""
        part = self.area.within(self.grid, piece.window.buffer(self.reach))
        image = self.images[piece.year] if part is None else self.within(piece.year, part)
        probability, water = fetch(
            image, self.grid, piece.window, OUTPUTS, self.session.retry,
            problem=lambda values: impossible(values, OUTPUTS, _OUTPUT_RANGES),
        )  # fmt: skip
        return probability, water > 0


@dataclass(frozen=True)
class LocalEngine:
    """The network in PyTorch or a faster runtime, on features that were downloaded before or are fetched here."""

    predict: Callable[[Float], Float]  # features [band, y, x] with a margin of `radius` -> probability [y, x]
    features: Callable[[int, Window], Float]
    radius: int
    threshold: float
    _one_at_a_time: threading.Lock = field(default_factory=threading.Lock, compare=False)

    def __call__(self, piece: Piece) -> tuple[Float, NDArray[np.bool_]]:
        """Predict a piece from its features."""
        features = self.features(piece.year, piece.window.buffer(self.radius))
        with self._one_at_a_time:  # each runtime itself uses all cores
            probability = self.predict(features)
        return probability, probability >= self.threshold


@dataclass(frozen=True)
class Features:
    """Features [band, y, x] of any window of a year: from a stored tile that holds it, else from Earth Engine."""

    layout: Layout
    images: Mapping[int, Prepared]  # by year, the features
    names: tuple[str, ...]
    area: Area
    grid: Grid
    session: Session
    stored: Mapping[tuple[int, int, int], TileRecord]  # by year, column and row
    size: int  # of the stored tiles
    ranges: Mapping[str, tuple[float, float]]  # by feature, what its values can be

    def __call__(self, year: int, window: Window) -> Float:
        """Return the features, NaN where masked."""
        column = (window.left + window.width // 2) // self.size
        row = -((window.top + window.height // 2) // self.size) - 1
        record = self.stored.get((year, column, row))
        if record is not None and window in record.tile.outer:
            if record.status == "empty":
                return np.full((len(self.names), window.height, window.width), np.nan, dtype=np.float32)
            tile = load_tile(self.layout, record)
            if tile.names == self.names:
                rows, columns = window.within(record.tile.outer)
                return tile.features[:, rows, columns]
        fetched = fetch(
            self.images[year], self.grid, window, self.names, self.session.retry,
            problem=lambda values: impossible(values, self.names, self.ranges),
        )  # fmt: skip
        if reason := foreign(fetched, self.names):
            raise EarthError(reason)
        return cut(fetched, self.names, self.area, self.grid, window)

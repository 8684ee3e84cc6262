"""Two engines, one map: the exported network inside Earth Engine, and the trained one on this machine."""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from water_gee.earth import Prepared, Session, fetch, foreign, impossible
from water_gee.errors import EarthError
from water_gee.maps.parts import Piece
from water_gee.maps.stored import StoredTiles, TileReader
from water_gee.study import Area, Grid, Window
from water_gee.tiles import LABEL_BANDS, cut

Float = NDArray[np.float32]
Predicted = tuple[Float, NDArray[np.bool_], NDArray[np.uint16]]
LOOKS = LABEL_BANDS[1]
OUTPUTS = ("probability", "water", LOOKS)
_MOST_LOOKS = np.iinfo(np.uint16).max - 1
_OUTPUT_RANGES = {**dict.fromkeys(OUTPUTS, (0.0, 1.0)), LOOKS: (0.0, float(_MOST_LOOKS))}


class Engine(Protocol):
    """What predicts a piece."""

    def __call__(self, piece: Piece) -> Predicted:
        """Return the probability of water [y, x], NaN where nothing was seen; which are water; the clear looks."""
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

    def __call__(self, piece: Piece) -> Predicted:
        """Fetch the finished piece; its features end where the area does, as those of tiles do."""
        part = self.area.within(self.grid, piece.window.buffer(self.reach))
        image = self.images[piece.year] if part is None else self.within(piece.year, part)
        probability, water, looks = fetch(
            image, self.grid, piece.window, OUTPUTS, self.session.retry,
            problem=lambda values: impossible(values, OUTPUTS, _OUTPUT_RANGES),
        )  # fmt: skip
        return probability, water > 0, _counted(looks)


@dataclass(frozen=True)
class LocalEngine:
    """The network in PyTorch or a faster runtime, on features that were downloaded before or are fetched here.

    Any number of threads may predict pieces; so many compute at once as `cores` lets in, each on one core, while others
    read, fetch and write.
    """

    predict: Callable[[Float], Float]  # features [band, y, x] with a margin of `radius` -> probability [y, x]
    features: Callable[[int, Window, int], Float]  # [band, y, x] of a year, of pixels and so many around, looks last
    radius: int
    threshold: float
    cores: AbstractContextManager[Any] = field(default_factory=threading.Lock, compare=False)

    def __call__(self, piece: Piece) -> Predicted:
        """Predict a piece from its features."""
        read, own = self.features(piece.year, piece.window, self.radius), piece.window
        with self.cores:
            probability = self.predict(read[:-1])
        return probability, probability >= self.threshold, _counted(read[-1][own.within(own.buffer(self.radius))])


@dataclass(frozen=True)
class Features:
    """Features and clear looks [band, y, x] of any window of a year: of stored tiles that hold it, else fetched."""

    stored: StoredTiles
    reader: TileReader
    images: Mapping[int, Prepared]  # by year, the features and the clear looks
    names: tuple[str, ...]  # of the features
    area: Area
    grid: Grid
    session: Session
    ranges: Mapping[str, tuple[float, float]]  # by band, what its values can be

    def __call__(self, year: int, pixels: Window, reach: int) -> Float:
        """Return the features of pixels and of all within `reach`, NaN where masked; the clear looks as a last band."""
        if held := self.stored.holding(year, pixels, reach):
            return self.reader(held)
        window, bands = pixels.buffer(reach), (*self.names, LOOKS)
        fetched = fetch(
            self.images[year], self.grid, window, bands, self.session.retry,
            problem=lambda values: impossible(values, bands, self.ranges),
        )  # fmt: skip
        if reason := foreign(fetched, bands):
            raise EarthError(reason)
        return cut(fetched, bands, self.area, self.grid, window)


def _counted(looks: Float) -> NDArray[np.uint16]:
    """Return numbers of clear looks as whole numbers; more than fit count as the most that do."""
    return np.minimum(looks, _MOST_LOOKS).astype(np.uint16)

"""Tiles and their clean labels as memory-mapped arrays, from which batches are gathered."""

import math
import os
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise import ABSTAIN, CleanLabels
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.surroundings import about
from water_gee.tiles import TileRecord, load_tile

_AT_ONCE = 1 << 20  # bytes


@dataclass(frozen=True)
class TileStore:
    """Tiles of one size, decoded once.

    `features` is [tile, y, x, band] float32 with the margin, NaN in every band of a masked pixel; `labels`
    [tile, y, x] uint8 of the tiles' own pixels: 1 water, 0 other, 255 no label; `confidence` likewise, float32.
    `teacher` is, for a network that learns from another, that one's probability of water, NaN where it has none.
    The bands lie innermost, so that a window or a crop is gathered in the layout that the network likes best.
    """

    records: tuple[TileRecord, ...]
    names: tuple[str, ...]
    features: NDArray[np.float32]
    labels: NDArray[np.uint8]
    confidence: NDArray[np.float32]
    teacher: NDArray[np.float32] | None = None

    @property
    def margin(self) -> int:
        """Pixels of margin around a tile's own."""
        return self.records[0].margin

    @property
    def size(self) -> int:
        """A tile's own pixels a side."""
        return self.records[0].size

    def water(self, tile: int) -> int:
        """Return the labelled water pixels of a tile."""
        return int(np.count_nonzero(self.labels[tile] == 1))

    def labelled(self, tile: int) -> int:
        """Return the labelled pixels of a tile."""
        return int(np.count_nonzero(self.labels[tile] != ABSTAIN))


def build_store(
    layout: Layout, records: Sequence[TileRecord], names: Sequence[str], radius: int, folder: Path
) -> TileStore:
    """Decode tiles into memory-mapped arrays below `folder`, leaving out those without a label.

    The files have no name any more once they are open: they vanish with the process, however it ends.

    Raises:
        TileError: a feature is missing, the margin is smaller than `radius`, or a file is broken.
    """
    size, margin = records[0].size, records[0].margin
    if margin < radius:
        raise TileError(
            f"the tiles have a margin of {margin} pixels and the network reads {radius} around each; "
            f"run again: water-gee tiles tiles.margin={radius}"
        )
    labels_of = CleanLabels.of(layout)
    kept = [record for record in records if (labels_of.read(record).label[record.tile.core] != ABSTAIN).any()]
    if not kept:
        raise TileError("the clean labels abstain everywhere; choose another denoise option and run: water-gee denoise")
    side = size + 2 * margin
    features = nameless(folder, (len(kept), side, side, len(names)), np.float32)
    labels = nameless(folder, (len(kept), size, size), np.uint8)
    confidence = nameless(folder, (len(kept), size, size), np.float32)
    for position, record in enumerate(kept):
        tile = load_tile(layout, record)
        values = np.stack([tile.band(name) for name in names], axis=-1)
        # A pixel counts as masked as soon as one of its bands is, in training as in prediction.
        values[np.isnan(values).any(axis=-1)] = np.nan
        clean = labels_of.read(record)
        unseen = np.isnan(values[tile.core][..., 0])
        features[position], confidence[position] = values, np.nan_to_num(clean.confidence[tile.core], nan=0.0)
        labels[position] = np.where(unseen, ABSTAIN, clean.label[tile.core])
    return TileStore(tuple(kept), tuple(names), features, labels, confidence)


def seen_pixels(store: TileStore, tiles: Sequence[int]) -> Iterator[NDArray[np.float64]]:
    """Yield the seen own pixels [pixel, band] of each tile."""
    own = slice(store.margin, store.margin + store.size)
    for tile in tiles:
        values = store.features[tile, own, own].reshape(-1, len(store.names))
        yield values[~np.isnan(values[:, 0])].astype(np.float64)


def standardisation(store: TileStore, tiles: Sequence[int]) -> tuple[list[float], list[float]]:
    """Return mean and standard deviation of each band over the seen pixels of `tiles`.

    A band that never varies gets the deviation 1: it then standardises to 0 instead of dividing by 0.
    """
    bands = len(store.names)
    count, total, square = 0, np.zeros(bands), np.zeros(bands)
    for values in seen_pixels(store, tiles):
        count += len(values)
        total += values.sum(axis=0)
        square += (values**2).sum(axis=0)
    mean = total / count
    deviation = np.sqrt(np.maximum(square / count - mean**2, 0.0))
    return mean.tolist(), np.where(deviation > 1e-6, deviation, 1.0).tolist()


def nameless(folder: Path, shape: tuple[int, ...], dtype: type[Any]) -> NDArray[Any]:
    """Return an array of zeros that lives in a file without a name.

    Raises:
        OSError: there is no room for it; written into later, it would end the process without a word.
    """
    handle, name = tempfile.mkstemp(prefix=".tiles-", dir=folder)
    try:
        with open(handle, "r+b") as file:
            _reserve(file, math.prod(shape) * np.dtype(dtype).itemsize)
            return np.memmap(file, dtype=dtype, mode="r+", shape=shape)
    except OSError as error:
        about(error, folder)
        raise
    finally:
        os.unlink(name)


def _reserve(file: BinaryIO, size: int) -> None:
    """Give a new file its size, in zeros that have their place on the disk."""
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
        return
    for start in range(0, size, _AT_ONCE):
        file.write(bytes(min(_AT_ONCE, size - start)))
    file.flush()

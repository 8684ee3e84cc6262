"""Features of any window from the tiles that were downloaded, whatever their size and margin."""

import threading
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.paths import Layout
from water_gee.study import Window
from water_gee.tiles import TileRecord, load_features

Float = NDArray[np.float32]
_KEPT = 256 * 2**20  # bytes of decoded tiles that several windows are made of


@dataclass(frozen=True)
class Stored:
    """A window of a year that tiles hold, and these: one with the whole window, or several that hold it together."""

    year: int
    window: Window
    records: tuple[TileRecord, ...]


class StoredTiles:
    """Which tiles there are; a pixel is the same in each of the tiles that hold it, in its margin too."""

    def __init__(self, records: Iterable[TileRecord]) -> None:
        """Take the records of one area and size, less those of tiles that failed."""
        self._records = {(one.year, one.column, one.row): one for one in records}
        self._size = next((one.size for one in self._records.values()), 1)
        self._margin = max((one.margin for one in self._records.values()), default=0)

    def holding(self, year: int, pixels: Window, reach: int = 0) -> Stored | None:
        """Return the tiles that hold some pixels and all within `reach` of them; None where they do not.

        Of pixels that are all masked, as those of an empty tile, nothing follows from their neighbours.
        """
        window = pixels.buffer(reach)
        if not self._records:
            return None
        own = self._record(year, pixels.left + pixels.width // 2, pixels.top + pixels.height // 2)
        if own is not None and (window in _held(own) or (own.status == "empty" and pixels in own.tile.window)):
            return Stored(year, window, (own,))
        near = window.buffer(self._margin)
        columns = range(near.left // self._size, -(-near.right // self._size))
        rows = range(near.top // self._size, -(-near.bottom // self._size))
        places = [(year, column, -row - 1) for row in rows for column in columns]
        found = [one for place in places if (one := self._records.get(place)) and _held(one).intersects(window)]
        covered = np.zeros((window.height, window.width), np.bool_)
        for one in found:
            covered[(_held(one) & window).within(window)] = True
        return Stored(year, window, tuple(found)) if covered.all() else None

    def _record(self, year: int, x: int, y: int) -> TileRecord | None:
        return self._records.get((year, x // self._size, -(y // self._size) - 1))


def _held(record: TileRecord) -> Window:
    """Return the pixels that a tile tells of: of one that is empty not its margin, which its neighbours may have."""
    return record.tile.window if record.status == "empty" else record.tile.outer


@dataclass(frozen=True)
class TileReader:
    """Reads windows of stored tiles, from any number of threads; each tile is checked against the manifest.

    Where windows are made of several tiles, as with pieces of another size or with margins narrower than the network
    sees, the last tiles are kept, up to 256 MiB, so that most are read once.
    """

    layout: Layout
    names: tuple[str, ...]  # of the features
    _kept: "_Kept" = field(default_factory=lambda: _Kept(_KEPT), compare=False)

    def __call__(self, stored: Stored) -> Float:
        """Return the features of a window [band, y, x], NaN where masked, and as a last band the clear looks.

        Raises:
            TileError: a tile is absent, is not the one of the manifest, or lacks a feature.
        """
        window, (first, *others) = stored.window, stored.records
        if first.status != "empty" and not others:
            return _part(self._read(first), first, window)
        values = np.full((len(self.names) + 1, window.height, window.width), np.nan, np.float32)
        values[-1] = 0
        for record in stored.records:
            if record.status == "empty":
                continue
            part = _held(record) & window
            values[:, *part.within(window)] = _part(self._kept.get(record, self._read), record, part)
        return values

    def _read(self, record: TileRecord) -> Float:
        return load_features(self.layout, record, self.names)


def _part(values: Float, record: TileRecord, window: Window) -> Float:
    """Return a window of a whole tile."""
    rows, columns = window.within(record.tile.outer)
    return values[:, rows, columns]


class _Kept:
    """The tiles that were read last, each read by one thread while others wait for it."""

    def __init__(self, most: int) -> None:
        """Keep so many bytes of them, and one at least."""
        self._most, self._bytes = most, 0
        # By record, hashes and all: a process of a cluster outlives a command, and the tiles may be others in the next.
        self._tiles: OrderedDict[TileRecord, Float] = OrderedDict()
        self._lock, self._reading = threading.Lock(), defaultdict[TileRecord, threading.Lock](threading.Lock)

    def get(self, record: TileRecord, read: Callable[[TileRecord], Float]) -> Float:
        """Return a tile, read now where it is not kept."""
        with self._lock:
            reading = self._reading[record]
        with reading:
            with self._lock:
                if record in self._tiles:
                    self._tiles.move_to_end(record)
                    return self._tiles[record]
            values = read(record)
            with self._lock:
                self._tiles[record] = values
                self._bytes += values.nbytes
                while self._bytes > self._most and len(self._tiles) > 1:
                    self._bytes -= self._tiles.popitem(last=False)[1].nbytes
            return values

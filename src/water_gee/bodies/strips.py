"""Rasters in strips: of each only some rows are in memory, the rest is made when it is read, or lies on disk."""

import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Self

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import WaterGeeError

_PIXELS = 2**21  # of a strip at most, but for very wide maps
_LEAST, _MOST = 64, 256  # rows of a strip
_BLOCK = 64


@dataclass(frozen=True)
class Raster:
    """A raster [y, x] by its rows; `read` returns those from one to before another, in an array that is free to use."""

    shape: tuple[int, int]
    read: Callable[[int, int], NDArray[Any]]

    @classmethod
    def of(cls, values: NDArray[Any]) -> Self:
        """Return the raster of an array that is in memory."""
        height, width = values.shape
        return cls((height, width), lambda first, last: values[first:last].copy())

    def map(self, function: Callable[..., NDArray[Any]], *others: "Raster") -> "Raster":
        """Return the raster of a function of this one's pixels and of those of others of its size, found when read."""
        return Raster(
            self.shape,
            lambda first, last: function(self.read(first, last), *(one.read(first, last) for one in others)),
        )

    def strips(self) -> Iterator[tuple[int, int]]:
        """Yield the first row and the one after the last of each strip, from the top."""
        height, width = self.shape
        rows = int(np.clip(_PIXELS // max(width, 1), _LEAST, _MOST))
        for first in range(0, height, rows):
            yield first, min(first + rows, height)

    def around(self, first: int, last: int, margin: int) -> tuple[NDArray[Any], slice]:
        """Return rows with a margin around them, where the raster has one, and which of those are the rows."""
        top = max(first - margin, 0)
        return self.read(top, min(last + margin, self.shape[0])), slice(first - top, last - top)

    def whole(self) -> NDArray[Any]:
        """Return all rows at once."""
        return self.read(0, self.shape[0])


def spread(values: NDArray[Any], size: int) -> NDArray[Any]:
    """Return the highest value [y, x] of the square of `size` pixels around each; of an even size, more lie before."""
    for axis in (0, 1):
        found = values.copy()
        for shift in range(1, size // 2 + 1):
            later, sooner = (np.moveaxis(found, axis, 0), np.moveaxis(values, axis, 0))
            np.maximum(later[shift:], sooner[:-shift], out=later[shift:])
            if shift < size - size // 2:
                np.maximum(later[:-shift], sooner[shift:], out=later[:-shift])
        values = found
    return values


@dataclass(frozen=True)
class Scratch:
    """A folder for rasters that are needed for a while; they vanish with their last user, and with the process."""

    folder: Path

    def keep(self, raster: Raster) -> Raster:
        """Return a raster as a file that holds it now, so that it is not made again each time that it is read.

        Raises:
            WaterGeeError: the disk is full, or the folder cannot be written.
        """
        stored = self.new()
        for first, last in raster.strips():
            stored.append(raster.read(first, last))
        return stored.raster(raster.shape)

    def new(self) -> "Stored":
        """Return a file to which rows are appended."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            return Stored(self.folder, tempfile.TemporaryFile(dir=self.folder))
        except OSError as error:
            raise _no_room(self.folder, error) from error


@dataclass
class Stored:
    """Rows on disk, in blocks of some rows: a bit a pixel, 1 where it is not 0, and after them those that are not."""

    folder: Path
    file: IO[bytes]
    starts: list[int] = field(default_factory=list)  # the first row of each block
    places: list[int] = field(default_factory=list)  # where it begins in the file, and the end
    shapes: list[tuple[int, int]] = field(default_factory=list)  # of each block
    dtype: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.bool_))

    def append(self, values: NDArray[Any]) -> None:
        """Write the next rows [y, x].

        Raises:
            WaterGeeError: the disk is full.
        """
        self.dtype = values.dtype
        for top in range(0, len(values), _BLOCK):
            block = values[top : top + _BLOCK]
            held = block != 0
            content = np.packbits(held).tobytes()
            if self.dtype != np.bool_:
                content += block[held].tobytes()
            try:
                start = self.file.seek(0, 2)
                self.file.write(content)
                self.file.flush()  # a full disk is told now
            except OSError as error:
                raise _no_room(self.folder, error) from error
            self.starts.append(self.starts[-1] + self.shapes[-1][0] if self.starts else 0)
            self.shapes.append((block.shape[0], block.shape[1]))
            self.places.append(start)

    def raster(self, shape: tuple[int, int]) -> Raster:
        """Return the finished rows as a raster."""
        return Raster(shape, lambda first, last: self._read(first, last, shape[1]))

    def _read(self, first: int, last: int, width: int) -> NDArray[Any]:
        found = np.zeros((max(last - first, 0), width), dtype=self.dtype)
        for block in range(max(bisect_right(self.starts, first) - 1, 0), bisect_left(self.starts, last)):
            start = self.starts[block]
            rows = self._block(block)[max(first - start, 0) : last - start]
            top = max(start - first, 0)
            found[top : top + len(rows)] = rows
        return found

    def _block(self, block: int) -> NDArray[Any]:
        shape = self.shapes[block]
        pixels = shape[0] * shape[1]
        self.file.seek(self.places[block])
        bits = np.frombuffer(self.file.read(-(-pixels // 8)), dtype=np.uint8)
        held = np.unpackbits(bits, count=pixels).view(np.bool_).reshape(shape)
        if self.dtype == np.bool_:
            return held
        count = int(np.count_nonzero(held))
        values = np.frombuffer(self.file.read(count * self.dtype.itemsize), dtype=self.dtype)
        if count == pixels:
            return values.reshape(shape)
        rows = np.zeros(shape, dtype=self.dtype)
        rows[held] = values
        return rows


def _no_room(folder: Path, error: OSError) -> WaterGeeError:
    return WaterGeeError(f"{folder} cannot be written ({error.strerror or error}); free disk space and run again")

"""A map a block at a time, so that one of any size takes the memory of a block."""

from collections.abc import Iterable, Iterator
from typing import Any

import rasterio.windows
from numpy.typing import NDArray

from water_gee.study import Window

SIDE = 1024  # pixels of a block: whole blocks of the files that are read


def blocks(window: Window, side: int = SIDE) -> Iterator[Window]:
    """Cut a window into blocks of `side` pixels from its upper left corner, row by row."""
    for top in range(window.top, window.bottom, side):
        for left in range(window.left, window.right, side):
            yield Window(left, top, min(side, window.right - left), min(side, window.bottom - top))


def touched(window: Window, parts: Iterable[Window], side: int = SIDE) -> Iterator[Window]:
    """Return those of a window's blocks that share a pixel with any of the parts, in the same order."""
    held = set()
    for part in parts:
        if part.intersects(window):
            own = part & window
            rows = range((own.top - window.top) // side, (own.bottom - 1 - window.top) // side + 1)
            columns = range((own.left - window.left) // side, (own.right - 1 - window.left) // side + 1)
            held |= {(row, column) for row in rows for column in columns}
    for block in blocks(window, side):
        if ((block.top - window.top) // side, (block.left - window.left) // side) in held:
            yield block


def read_block(file: Any, window: Window, block: Window) -> NDArray[Any]:
    """Return the pixels [y, x] of a block of an open raster that covers `window`."""
    place = rasterio.windows.Window(block.left - window.left, block.top - window.top, block.width, block.height)
    values: NDArray[Any] = file.read(1, window=place)
    return values

"""A map a block at a time, so that one of any size takes the memory of a block."""

from collections.abc import Iterator
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


def read_block(file: Any, window: Window, block: Window) -> NDArray[Any]:
    """Return the pixels [y, x] of a block of an open raster that covers `window`."""
    place = rasterio.windows.Window(block.left - window.left, block.top - window.top, block.width, block.height)
    values: NDArray[Any] = file.read(1, window=place)
    return values

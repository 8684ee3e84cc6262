"""Rasters that are whole or absent, on a full disk too: there GDAL may close a file without a word, cut short."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import rasterio
from rasterio.errors import RasterioError
from rasterio.io import MemoryFile

from water_gee.errors import WaterGeeError
from water_gee.files import write_bytes


@contextmanager
def new_raster(path: Path, **profile: Any) -> Iterator[Any]:
    """Yield a raster to fill; when the block ends without an error, it is at `path`, all of it.

    It is made in memory, so the file is written by Python, which tells what GDAL would not.

    Raises:
        OSError: the file cannot be written; nothing is left of it.
    """
    with MemoryFile() as memory:
        with memory.open(**profile) as file:
            yield file
        write_bytes(path, memory.getbuffer())


def check_raster(path: Path) -> None:
    """Read a raster that GDAL itself has just written, to its last block and with its overviews.

    Raises:
        WaterGeeError: it is cut short, and so deleted.
    """
    try:
        with rasterio.open(path) as file:
            levels = len(file.overviews(1))
            _read(file)
        for level in range(levels):
            with rasterio.open(path, overview_level=level) as file:
                _read(file)
    except RasterioError as error:
        path.unlink(missing_ok=True)
        raise WaterGeeError(f"{path} could not be written whole; free disk space and run again") from error


def _read(file: Any) -> None:
    for band in range(1, file.count + 1):
        for _, window in file.block_windows(band):
            file.read(band, window=window)

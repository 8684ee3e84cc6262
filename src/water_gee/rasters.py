"""Rasters that are whole or absent, on a full disk too: there GDAL may close a file without a word, cut short."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

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
    """Check that each block of a deflated, cloud-optimised GeoTIFF that GDAL has just written is there, on all levels.

    Before a block stand its size and after it its last four bytes once more (gdal.org/drivers/raster/cog.html, Header
    ghost area): a block that was not written, or not to its end, lacks them. That takes a tenth of the time of decoding
    all blocks.

    Raises:
        WaterGeeError: it is cut short, and so deleted.
    """
    try:
        with path.open("rb") as content, rasterio.open(path) as file:
            whole = all(_is_whole(content, *block) for block in _blocks(path, file))
    except RasterioError:
        whole = False
    if not whole:
        path.unlink(missing_ok=True)
        raise WaterGeeError(f"{path} could not be written whole; free disk space and run again")


def _blocks(path: Path, file: Any) -> Iterator[tuple[int, int]]:
    """Yield the offset and the size of each block of an open GeoTIFF and of its overviews; 0 where GDAL knows none."""
    for level in (None, *range(len(file.overviews(1)))):
        with rasterio.open(path, **({} if level is None else {"overview_level": level})) as one:
            places = [place for place, _ in one.block_windows(1)]
        for band in range(1, file.count + 1):
            for row, column in places:
                offset, size = (
                    file.get_tag_item(f"BLOCK_{what}_{column}_{row}", "TIFF", bidx=band, ovr=level)
                    for what in ("OFFSET", "SIZE")
                )
                yield int(offset or 0), int(size or 0)


def _is_whole(content: BinaryIO, offset: int, size: int) -> bool:
    content.seek(max(0, offset - 4))
    found = content.read(4 + size + 4)
    if size < 4 or found[:4] != size.to_bytes(4, "little") or found[-8:-4] != found[-4:]:
        return False
    if any(found[-4:]):
        return True
    try:  # what was never written reads as zeros, and so does, once in billions of times, a block's checksum
        zlib.decompress(found[4:-4])
    except zlib.error:
        return False
    return True

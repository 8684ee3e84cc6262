"""A band of a user's raster at the centres of other pixels, wherever on earth the two lie."""

from typing import Any

import numpy as np
import pyproj
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import MaskFlags, Resampling
from rasterio.warp import reproject, transform_bounds
from rasterio.windows import Window

_TURN = 360.0  # degrees around the earth


def nearest(
    file: Any, band: int, crs: str, transform: Affine, shape: tuple[int, int], unknown: int
) -> NDArray[np.uint8] | None:
    """Return the values [y, x] of the file's pixels that hold the centres, `unknown` where none does; None: far away.

    A file in degrees may count them from -180 or from 0, or run on past 180: what is meant is the place.
    """
    if not meets(file, crs, transform, shape):
        return None
    bounds = _bounds(file, crs, transform, shape)
    if file.crs.is_geographic and (_apart(bounds, _extent(file)) or bounds[2] > _TURN / 2):
        return _by_place(file, band, crs, transform, shape, unknown)
    return _by_gdal(file, band, crs, transform, shape, unknown, bounds)


def meets(file: Any, crs: str, transform: Affine, shape: tuple[int, int]) -> bool:
    """Return whether an open file and a window share ground."""
    west, south, east, north = _bounds(file, crs, transform, shape)
    turns = (-_TURN, 0.0, _TURN) if file.crs.is_geographic else (0.0,)
    return not all(_apart((west + turn, south, east + turn, north), _extent(file)) for turn in turns)


def _bounds(file: Any, crs: str, transform: Affine, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a window's (west, south, east, north) in a file's crs; across the antimeridian, east is above 180."""
    height, width = shape
    edges = transform.c, transform.f + height * transform.e, transform.c + width * transform.a, transform.f
    west, south, east, north = transform_bounds(crs, file.crs, *edges)
    return west, south, east + _TURN * (file.crs.is_geographic and west > east), north


def _by_gdal(
    file: Any, band: int, crs: str, transform: Affine, shape: tuple[int, int], unknown: int, bounds: tuple[float, ...]
) -> NDArray[np.uint8]:
    values = np.full(shape, unknown, dtype=np.uint8)
    reproject(
        rasterio.band(file, band), values, dst_crs=crs, dst_transform=transform, tolerance=0,
        resampling=Resampling.nearest, src_nodata=unknown if file.nodata is None else file.nodata,
        dst_nodata=unknown,
    )  # fmt: skip
    if MaskFlags.per_dataset in file.mask_flag_enums[band - 1]:  # a mask within the file, or beside it as FILE.msk
        left, bottom, right, top = bounds
        corners = [~file.transform @ (x, y) for x in (left, right) for y in (bottom, top)]
        rows, columns = [y for _, y in corners], [x for x, _ in corners]
        whole = Window(0, 0, file.width, file.height)
        around = Window(min(columns) - 2, min(rows) - 2, np.ptp(columns) + 4, np.ptp(rows) + 4)
        window = around.round_offsets().round_lengths(op="ceil").intersection(whole)
        shown = np.zeros(shape, dtype=np.uint8)
        reproject(
            file.read_masks(band, window=window), shown, src_crs=file.crs, src_transform=file.window_transform(window),
            dst_crs=crs, dst_transform=transform, tolerance=0, resampling=Resampling.nearest,
        )  # fmt: skip
        values[shown == 0] = unknown
    return values


def _by_place(
    file: Any, band: int, crs: str, transform: Affine, shape: tuple[int, int], unknown: int
) -> NDArray[np.uint8]:
    """Return the values by looking each centre up; each half of the file is read by itself, less what is not needed."""
    x = transform.c + (np.arange(shape[1]) + 0.5) * transform.a
    y = transform.f + (np.arange(shape[0]) + 0.5) * transform.e
    change = pyproj.Transformer.from_crs(crs, file.crs.to_wkt(), always_xy=True)
    longitude, latitude = change.transform(*np.meshgrid(x, y))
    longitude = file.bounds.left + (longitude - file.bounds.left) % _TURN
    column, row = (np.floor(part).astype(np.int64) for part in ~file.transform @ (longitude, latitude))
    values = np.full(shape, unknown, dtype=np.uint8)
    there = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
    for half in (there & (column < file.width // 2), there & (column >= file.width // 2)):
        if not half.any():
            continue
        top, left = int(row[half].min()), int(column[half].min())
        window = Window(left, top, int(column[half].max()) - left + 1, int(row[half].max()) - top + 1)
        at = row[half] - top, column[half] - left
        found, shown = file.read(band, window=window)[at], file.read_masks(band, window=window)[at]
        values[half] = np.where(shown > 0, found, np.uint8(unknown))
    return values


def _extent(file: Any) -> tuple[float, float, float, float]:
    """Return a file's (west, south, east, north); one whose rows run northwards names its south as its top."""
    left, bottom, right, top = file.bounds
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]

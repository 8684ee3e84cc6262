"""A band of a user's raster at the centres of other pixels, wherever on earth the two lie."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from rasterio.crs import CRS
from rasterio.warp import transform_bounds
from rasterio.windows import Window

from water_gee.evaluation.centres import NEAR, TURN, change

Mask = NDArray[np.bool_]
Cut = tuple[slice, slice]
_SIDE = 512  # pixels a side that are looked up together
_MOST = 2**24  # pixels of the file that are read together
_DIGITS = 9  # of a scaled value: 35 x 0.01 is 0.35


def nearest(
    file: Any, band: int, crs: str, transform: Affine, shape: tuple[int, int]
) -> tuple[NDArray[Any], Mask] | None:
    """Return the values [y, x] of the file's pixels that hold the centres, and where there is one; None: far away.

    The values are those that the band's scale and offset make, where it has any. There is none beyond the file, and
    where its nodata value or a mask stands. A file in degrees may count them from -180 or from 0, or run on past 180:
    what is meant is the place.
    """
    if not meets(file, crs, transform, shape):
        return None
    values, known = np.zeros(shape, dtype=file.dtypes[band - 1]), np.zeros(shape, dtype=np.bool_)
    for top in range(0, shape[0], _SIDE):
        for left in range(0, shape[1], _SIDE):
            _look_up(file, band, crs, transform, values, known, _cut(top, left, shape))
    scale, offset = file.scales[band - 1], file.offsets[band - 1]
    if (scale, offset) != (1, 0):
        return np.round(values * float(scale) + float(offset), _DIGITS), known
    return values, known


def meets(file: Any, crs: str, transform: Affine, shape: tuple[int, int]) -> bool:
    """Return whether an open file and a window share ground."""
    west, south, east, north = _bounds(file, crs, transform, shape)
    turns = (-TURN, 0.0, TURN) if file.crs.is_geographic else (0.0,)
    return not all(_apart((west + turn, south, east + turn, north), _extent(file)) for turn in turns)


def _look_up(file: Any, band: int, crs: str, transform: Affine, values: NDArray[Any], known: Mask, cut: Cut) -> None:
    """Fill in a part of the window."""
    row, column = _places(file, crs, transform, cut)
    there = (row >= 0) & (row < file.height) & (column >= 0) & (column < file.width)
    if not there.any():
        return
    top, left = int(row[there].min()), int(column[there].min())
    height, width = int(row[there].max()) - top + 1, int(column[there].max()) - left + 1
    if height * width > _MOST and there.size > 1:  # a much finer file, or both of its ends
        for part in _halves(cut):
            _look_up(file, band, crs, transform, values, known, part)
        return
    window, at = Window(left, top, width, height), (row[there] - top, column[there] - left)
    values[cut][there] = file.read(band, window=window)[at]
    known[cut][there] = file.read_masks(band, window=window)[at] > 0


def _places(file: Any, crs: str, transform: Affine, cut: Cut) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the row and column of the file's pixel that holds each centre [y, x]; -1 where the crs does not reach."""
    x = transform.c + (np.arange(cut[1].start, cut[1].stop) + 0.5) * transform.a
    y = transform.f + (np.arange(cut[0].start, cut[0].stop) + 0.5) * transform.e
    same = file.crs == CRS.from_user_input(crs)
    over, up = change(crs, crs if same else file.crs.to_wkt()).transform(*np.meshgrid(x, y))
    if file.crs.is_geographic:
        west = _extent(file)[0]
        over = west + (over - west) % TURN
    column, row = ~file.transform @ (over, up)
    whole = np.isfinite(column) & np.isfinite(row)
    found = [np.where(whole, np.floor(np.where(whole, one, 0) + NEAR), -1).astype(np.int64) for one in (row, column)]
    return found[0], found[1]


def _cut(top: int, left: int, shape: tuple[int, int]) -> Cut:
    return slice(top, min(top + _SIDE, shape[0])), slice(left, min(left + _SIDE, shape[1]))


def _halves(cut: Cut) -> Iterator[Cut]:
    """Yield the two halves of a part of a window, cut across its longer side."""
    rows, columns = cut
    if rows.stop - rows.start >= columns.stop - columns.start:
        middle = (rows.start + rows.stop) // 2
        yield slice(rows.start, middle), columns
        yield slice(middle, rows.stop), columns
    else:
        middle = (columns.start + columns.stop) // 2
        yield rows, slice(columns.start, middle)
        yield rows, slice(middle, columns.stop)


def _bounds(file: Any, crs: str, transform: Affine, shape: tuple[int, int]) -> tuple[float, float, float, float]:
    """Return a window's (west, south, east, north) in a file's crs; across the antimeridian, east is above 180."""
    height, width = shape
    edges = transform.c, transform.f + height * transform.e, transform.c + width * transform.a, transform.f
    west, south, east, north = transform_bounds(crs, file.crs, *edges)
    return west, south, east + TURN * (file.crs.is_geographic and west > east), north


def _extent(file: Any) -> tuple[float, float, float, float]:
    """Return a file's (west, south, east, north); one whose rows run northwards names its south as its top."""
    left, bottom, right, top = file.bounds
    return min(left, right), min(bottom, top), max(left, right), max(bottom, top)


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]

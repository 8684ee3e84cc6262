"""How far each pixel lies from the nearest land, in metres, in memory that does not grow by the size of the water."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.bodies.strips import Raster

Mask = NDArray[np.bool_]
_REACH = 48  # pixels to which distances are exact
_COARSE = 8  # pixels a side of the squares by which longer distances are measured
_COLUMNS = 1024  # looked at together
_ROWS = 512  # of squares


def to_nearest(target: Raster, wanted: Raster, sides: tuple[float, float], within: float | None = None) -> Raster:
    """Return the distance [y, x] of wanted pixels' centres to the nearest centre of `target`, in metres.

    It is exact up to 48 pixels; what lies farther away gets the distance on a map of squares of 8 x 8 pixels, off by
    some 10 pixels at most. Beyond the map's edge there is no target. Pixels that are not wanted get any number.

    Args:
        target: [y, x], a mask.
        wanted: [y, x], a mask.
        sides: height and width of a pixel, in metres.
        within: metres; what is farther away need only be farther than that.
    """
    reach = _REACH if within is None else int(within / min(sides)) + 2
    limit = np.float32(reach * min(sides))
    rough = _rough(target, sides) if within is None else None
    squares = np.arange(target.shape[1]) // _COARSE

    def read(first: int, last: int) -> NDArray[np.float32]:
        asked = wanted.read(first, last)
        near = np.full(asked.shape, limit)
        if not asked.any():
            return near
        around, own = target.around(first, last, reach)
        for left in range(0, asked.shape[1], _COLUMNS):
            _fill(near, around, asked, own.start, slice(left, left + _COLUMNS), reach, sides)
        if rough is not None:
            far = np.flatnonzero((asked & (near >= limit)).any(axis=1))
            for row in far:
                line = rough[(first + row) // _COARSE][squares]
                near[row] = np.where(near[row] < limit, near[row], np.maximum(limit, line))
        return near

    return Raster(target.shape, read)


def _fill(
    near: NDArray[np.float32], around: Mask, asked: Mask, above: int, columns: slice, reach: int,
    sides: tuple[float, float],
) -> None:  # fmt: skip
    """Put the exact distances of some columns into `near`, around the pixels that are asked for and no others."""
    part = asked[:, columns]
    rows, across = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    if not len(rows):
        return
    top, bottom = rows[0] + above, rows[-1] + 1 + above
    left, right = columns.start + across[0], columns.start + across[-1] + 1
    upper, start = max(top - reach, 0), max(left - reach, 0)
    piece = around[upper : bottom + reach, start : right + reach]
    if not piece.any():
        return
    exact = ndimage.distance_transform_edt(~piece, sampling=sides)[top - upper : bottom - upper, left - start :]
    cut = (slice(top - above, bottom - above), slice(left, right))
    near[cut] = np.minimum(exact[:, : right - left].astype(np.float32), near[cut])


def _rough(target: Raster, sides: tuple[float, float]) -> NDArray[np.float32]:
    """Return the distance of squares of pixels to the nearest one that holds a target; infinite where there is none."""
    height, width = target.shape
    held = np.zeros((-(-height // _COARSE), -(-width // _COARSE)), dtype=np.bool_)
    for first, last in target.strips():
        rows, inverse = np.unique(np.arange(first, last) // _COARSE, return_index=True)
        lines = np.logical_or.reduceat(target.read(first, last), inverse, axis=0)
        held[rows] |= np.logical_or.reduceat(lines, np.arange(0, width, _COARSE), axis=1)
    if not held.any():
        return np.full(held.shape, np.hypot(*target.shape) * max(sides), dtype=np.float32)
    y, x = ndimage.distance_transform_edt(
        ~held, sampling=(_COARSE * sides[0], _COARSE * sides[1]), return_distances=False, return_indices=True
    )
    found = np.empty(held.shape, dtype=np.float32)
    for top in range(0, len(held), _ROWS):  # the distances of all at once would take many bytes each
        cut = slice(top, top + _ROWS)
        down = (y[cut] - np.arange(top, top + len(y[cut]))[:, None]) * (_COARSE * sides[0])
        along = (x[cut] - np.arange(held.shape[1])) * (_COARSE * sides[1])
        found[cut] = np.sqrt(down * down + along * along)
    return found

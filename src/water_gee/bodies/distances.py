"""How far each pixel lies from the nearest land, in metres, in memory that does not grow by the size of the water."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Mask = NDArray[np.bool_]
_ROWS = 512  # of a strip
_REACH = 48  # pixels to which distances are exact
_COARSE = 8  # pixels a side of the squares by which longer distances are measured


def to_nearest(target: Mask, sides: tuple[float, float], within: float | None = None) -> NDArray[np.float32]:
    """Return the distance [y, x] of each pixel's centre to the nearest centre of `target`, in metres.

    It is exact up to 48 pixels, found strip by strip; what lies farther away gets the distance on a map of squares of
    8 x 8 pixels, off by some 10 pixels at most. Beyond the map's edge there is no target.

    Args:
        target: [y, x].
        sides: height and width of a pixel, in metres.
        within: metres; what is farther away need only be farther than that.
    """
    reach = _REACH if within is None else int(within / min(sides)) + 2
    limit = np.float32(reach * min(sides))
    rough = _rough(target, sides) if within is None else None
    height, width = target.shape
    squares = np.arange(width) // _COARSE
    found = np.empty(target.shape, dtype=np.float32)
    for top in range(0, height, _ROWS):
        bottom = min(top + _ROWS, height)
        first, last = max(top - reach, 0), min(bottom + reach, height)
        part = target[first:last]
        near = np.full((bottom - top, width), limit)
        if part.any():
            exact = ndimage.distance_transform_edt(~part, sampling=sides)[top - first : bottom - first]
            near = np.minimum(exact.astype(np.float32), limit)
        if rough is not None:
            beyond = rough[np.arange(top, bottom) // _COARSE][:, squares]
            near = np.where(near < limit, near, np.maximum(limit, beyond))
        found[top:bottom] = near
    return found


def _rough(target: Mask, sides: tuple[float, float]) -> NDArray[np.float32]:
    """Return the distance of squares of pixels to the nearest one that holds a target; infinite where there is none."""
    rows, columns = (-(-length // _COARSE) for length in target.shape)
    held = np.zeros((rows, columns), dtype=np.bool_)
    for row in range(rows):
        lines = np.logical_or.reduce(target[row * _COARSE : (row + 1) * _COARSE], axis=0)
        held[row] = np.logical_or.reduceat(lines, np.arange(0, target.shape[1], _COARSE))
    if not held.any():
        return np.full(held.shape, np.hypot(*target.shape) * max(sides), dtype=np.float32)
    distance = ndimage.distance_transform_edt(~held, sampling=(_COARSE * sides[0], _COARSE * sides[1]))
    return np.asarray(distance, dtype=np.float32)

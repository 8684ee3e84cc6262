"""Numbered parts of a map, and sums over them in memory that does not grow with the map."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.bodies.distances import Mask

Labels = NDArray[np.int32]
_EIGHT = np.ones((3, 3), dtype=np.int64)  # water that meets at a corner is one: narrow rivers stay whole
_ROWS = 512  # at once


def numbered(mask: Mask) -> Labels:
    """Return a number from 1 for each part of a mask [y, x] that touches itself, corners included; 0 elsewhere."""
    labels, _ = ndimage.label(mask, _EIGHT)
    return np.asarray(labels, dtype=np.int32)


def joined(mask: Mask, join: int) -> Labels:
    """Return a number for each part of a mask [y, x]; parts with at most `join` pixels between them are one."""
    if not join:
        return numbered(mask)
    labels = numbered(ndimage.maximum_filter(mask, size=join + 1))
    labels[~mask] = 0
    return labels


def sums(labels: Labels, values: NDArray[np.floating] | None = None, count: int | None = None) -> NDArray[np.float64]:
    """Return the sum of values [y, x] by number, of the pixels where there are no values; the same, however large.

    Args:
        labels: [y, x].
        values: [y, x].
        count: the highest number; unset, that of the labels.
    """
    length = int(labels.max(initial=0) if count is None else count) + 1
    total = np.zeros(length)
    for top in range(0, len(labels), _ROWS):
        weights = None if values is None else values[top : top + _ROWS].ravel()
        total += np.bincount(labels[top : top + _ROWS].ravel(), weights, length)
    return total

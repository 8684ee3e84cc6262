"""Blocks in space: pixels that lie together, and must be in the same fold of a cross-validation."""

import numpy as np
import pyproj
from numpy.typing import NDArray

from water_gee.tiles import TileData

Integer = NDArray[np.int64]
_EARTH = 6_371_000.0  # metres: the mean radius
_ROW = 2**32


def blocks(tile: TileData, kilometres: float) -> Integer:
    """Return the number [y, x] of the block that each pixel lies in, margin included.

    Blocks are squares of one lattice in the tile's crs, so that a place is in the same block in every tile and year.
    In a geographic crs a side is so long along a meridian, and shorter along a parallel.
    """
    unit = pyproj.CRS(tile.record.crs).axis_info[0].unit_conversion_factor  # metres, or radians
    side = kilometres * 1000 / unit / (_EARTH if pyproj.CRS(tile.record.crs).is_geographic else 1)
    height, width = tile.share.shape
    x = tile.transform.c + (np.arange(width) + 0.5) * tile.transform.a
    y = tile.transform.f + (np.arange(height) + 0.5) * tile.transform.e
    column, row = np.floor(x / side).astype(np.int64), np.floor(y / side).astype(np.int64)
    return np.asarray(column[None, :] * _ROW + row[:, None], dtype=np.int64)


def deal(where: Integer, water: NDArray[np.bool_], folds: int, seed: int) -> dict[int, int]:
    """Return the fold of each block, such that folds have about as many samples, and as much water, as each other.

    Args:
        where: the block of each sample.
        water: whether the sample is labelled water.
        folds: how many there are.
        seed: decides between equal blocks.
    """
    names, place = np.unique(where, return_inverse=True)
    sizes = np.stack([np.bincount(place), np.bincount(place, weights=water)])  # [samples or water, block]
    shares = (sizes / np.maximum(sizes.sum(axis=1, keepdims=True), 1)).sum(axis=0)
    order = np.lexsort((np.random.default_rng(seed).permutation(len(names)), -shares))
    held, fold_of = np.zeros(folds), {}
    for block in order:  # the largest first, each to the fold that has least
        fold = int(held.argmin())
        held[fold] += shares[block]
        fold_of[int(names[block])] = fold
    return fold_of

"""Local unmixing: how much of a pixel is water, of the water and the land around it.

A shore pixel is a mixture, and an index judges it by a threshold that fits neither the water nor the land of the
place. Here the fraction f of water follows from the linear mixing model x = f w + (1 - f) l, where w and l are the
means of sure water and of sure land in Gaussian windows around the pixel, by least squares in the metric of the land's
own variation C: f = (x - l)' C^-1 (w - l) / ((w - l)' C^-1 (w - l)). It is Fisher's linear discriminant (1936), scaled
to 0 at the land's mean and 1 at the water's. Mixed pixels of a linear model: Settle and Drake 1993.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
WATER_WINDOWS = (4, 10, 25, 40)  # pixels: standard deviations; the smallest that holds enough counts most
LAND_WINDOWS = (3, 5, 8, 20)
ENOUGH = 8.0  # pixels' weight in a window from which its mean counts in full
_TRUNCATE = 3.0  # standard deviations
_COARSE, _FACTOR = 16, 4  # windows from 16 pixels on are averaged over cells of 4: no difference that matters
_RIDGE = 1e-6  # squared reflectance, added to the land's covariance: about the sensor's noise


def fraction(bands: Float, water: Float, land: Float, fallback: NDArray[np.float64]) -> Float:
    """Return the fraction of water of every pixel [y, x]; below 0 and above 1 where the mixing model does not hold.

    Args:
        bands: reflectance [band, y, x], finite everywhere.
        water: the weight of each pixel as sure water [y, x].
        land: the weight of each pixel as sure land [y, x].
        fallback: the spectrum of water [band] where none is near; NaN if not known, and then no pixel without sure
            water in the tile is a mixture: 0.
    """
    if land.sum() < ENOUGH or (water.sum() < ENOUGH and np.isnan(fallback).any()):
        return np.zeros(water.shape, dtype=np.float32)
    near_water = local_mean(bands, water, WATER_WINDOWS, _tile_mean(bands, water, fallback))
    near_land = local_mean(bands, land, LAND_WINDOWS, _tile_mean(bands, land, np.full(len(bands), np.nan)))
    rest = (bands - near_land)[:, land > 0]
    metric = np.linalg.inv(np.cov(rest.astype(np.float64)) + _RIDGE * np.eye(len(bands))).astype(np.float32)
    apart = near_water - near_land
    weighted = np.tensordot(metric, apart, 1)
    contrast = (apart * weighted).sum(axis=0)
    along = ((bands - near_land) * weighted).sum(axis=0)
    return np.asarray(along / np.maximum(contrast, 1e-6), dtype=np.float32)


def local_mean(bands: Float, weight: Float, windows: Sequence[int], base: NDArray[np.float64]) -> Float:
    """Return the weighted mean of `bands` [band, y, x] around every pixel, from the smallest window that holds enough.

    From the widest window to the narrowest, each mean replaces the one before to the share of `ENOUGH` that its
    window holds; `base` [band] stands where no window holds anything.
    """
    mean = np.broadcast_to(base.astype(np.float32)[:, None, None], bands.shape).copy()
    for sigma in sorted(windows, reverse=True):
        around = blur(np.concatenate([weight[None], bands * weight]), sigma)
        mass, sums = around[0], around[1:]
        trust = np.clip(mass * np.float32(2 * np.pi * sigma * sigma / ENOUGH), 0, 1)
        mean += trust * (sums / np.maximum(mass, 1e-9) - mean)
    return mean


def blur(values: Float, sigma: float) -> Float:
    """Return each of `values` [n, y, x] blurred by a Gaussian of `sigma` pixels; beyond the edge is nothing."""
    if sigma < _COARSE:
        options = {"mode": "constant", "truncate": _TRUNCATE}
        return np.stack([ndimage.gaussian_filter(one, sigma, **options) for one in values])
    _, height, width = values.shape
    padded = np.pad(values, ((0, 0), (0, -height % _FACTOR), (0, -width % _FACTOR)))
    cells = padded.reshape(len(values), padded.shape[1] // _FACTOR, _FACTOR, -1, _FACTOR).mean(axis=(2, 4))
    smooth = blur(cells, sigma / _FACTOR)
    y, x = ((np.arange(size) + 0.5) / _FACTOR - 0.5 for size in (height, width))
    grid = np.meshgrid(y, x, indexing="ij")
    return np.stack([ndimage.map_coordinates(one, grid, order=1, mode="nearest") for one in smooth]).astype(np.float32)


def _tile_mean(bands: Float, weight: Float, prior: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean spectrum of the tile, held by `prior`, if there is one, as `ENOUGH` pixels would."""
    mass = float(weight.sum())
    sums = (bands * weight).sum(axis=(1, 2), dtype=np.float64)
    if np.isnan(prior).any():
        return np.asarray(sums / max(mass, 1e-9))
    return np.asarray((sums + ENOUGH * prior) / (mass + ENOUGH))

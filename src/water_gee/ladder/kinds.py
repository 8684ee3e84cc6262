"""The kinds of noise: where each is likeliest, as a ranking of the pixels.

A kind ranks the pixels that it can make wrong; the highest ranks are made wrong, as many as the rate asks for. So a
rate is met exactly, and the wrong pixels of a lower rate are among those of a higher one.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.errors import TileError
from water_gee.ladder.ground import Ground

Boolean = NDArray[np.bool_]
Float = NDArray[np.float64]
Rank = Callable[[Ground, np.random.Generator], Float]
_REACH = 2.0  # pixels by which a shore shifts at most
_PATCH = 3.0  # pixels: deviation of the smoothing that lets neighbours err together
_CLOUD = 5.0  # pixels: the same for clouds, some 300 m across at 30 m
_SHIFT = (10.0, 25.0)  # pixels from a cloud to its shadow: 0.4 to 1 km of height under a sun 55 degrees high
_SUN = (130.0, 160.0)  # degrees east of north: the sun of a morning pass north of the tropics
_SQUARE = 16  # pixels a side of a missing block


@dataclass(frozen=True)
class Kind:
    """One kind of noise.

    `rank` returns the rank of each pixel [y, x], -inf where the kind makes none wrong. `partial` noise comes of one
    look of several: its label is wrong by the fewest looks that make it so, and fades out around. `lost` noise leaves
    one look of all.
    """

    rank: Rank
    partial: bool = False
    lost: bool = False


def shadow(ground: Ground, random: np.random.Generator) -> Float:
    """Rank dark land off the shore: terrain and cloud shadow, lava, burns, conifers taken for water.

    The darker in NIR and SWIR1, the steeper and the less lit, the likelier; patches err together. All in deviations
    from the mean of the land.
    """
    land = (ground.truth == LAND) & (ground.shore > _REACH)
    rank = -_sum(ground, land, {"nir": 1.0, "swir1": 1.0})
    rank += _sum(ground, land, {"slope": 0.5, "illumination": -0.5}, needed=False)
    return _only(land, rank + _smooth(random, land.shape, _PATCH))


def turbid(ground: Ground, random: np.random.Generator) -> Float:
    """Rank bright and narrow water: sediment, reeds and shallows, rivers of a pixel or two taken for land.

    The brighter in red and NIR and the nearer to land on the other side too, the likelier; patches err together.
    """
    water = ground.truth == WATER
    width = ndimage.maximum_filter(np.where(water & np.isfinite(ground.shore), ground.shore, 0.0), size=5)
    narrow = 2.0 * np.exp(-np.maximum(width - 1.0, 0.0))  # 1 a pixel or two wide; wide water is far from any shore
    return _only(water, _sum(ground, water, {"red": 1.0, "nir": 1.0}) + narrow + _smooth(random, water.shape, _PATCH))


def shore(ground: Ground, random: np.random.Generator) -> Float:
    """Rank the pixels within 2 pixels of the shore, where it has shifted furthest: outwards here, inwards there.

    A smooth field is the shift; its sign says to which side. The first pixel from the shore goes before the second.
    """
    shift = _smooth(random, ground.truth.shape, 2 * _PATCH)
    moved = np.where(ground.truth == LAND, shift > 0, shift < 0) & (ground.truth != UNKNOWN) & (ground.shore <= _REACH)
    return _only(moved, np.abs(shift) - 0.7 * (ground.shore - 1.0))


def cloud_shadow(ground: Ground, random: np.random.Generator) -> Float:
    """Rank the land below the shadows of clouds: whole soft-edged blobs, off the clouds away from the sun.

    Clouds are likelier where the quality band has hidden looks, and thick in their middle. All shadows of a year lie
    to one side, at one distance. Dark ground is likelier to be taken for water, but a blob stays whole.
    """
    land = ground.truth == LAND
    seen = ground.looks[ground.labelled]
    hidden = (ground.looks < (seen.max() if seen.size else 0)).astype(np.float64)
    cloud = _smooth(random, land.shape, _CLOUD) + 0.5 * ndimage.gaussian_filter(hidden, _CLOUD)
    azimuth, distance = np.deg2rad(random.uniform(*_SUN)), random.uniform(*_SHIFT)
    away = (distance * np.cos(azimuth), -distance * np.sin(azimuth))  # (south, east): the shadow points from the sun
    thick = ndimage.shift(cloud, np.round(away), order=0, mode="reflect")
    dark = ndimage.gaussian_filter(np.nan_to_num(_sum(ground, land, {"nir": 1.0})), _CLOUD)
    return _only(land, thick - 0.3 * dark)


def blocks(ground: Ground, random: np.random.Generator) -> Float:
    """Rank the water of whole squares of 16 pixels a side, in no order: blocks missing from all looks but one."""
    top, left = random.integers(0, _SQUARE, size=2)
    rows, columns = np.arange(ground.truth.shape[0]) + top, np.arange(ground.truth.shape[1]) + left
    order = random.permutation((rows[-1] // _SQUARE + 1) * (columns[-1] // _SQUARE + 1)).astype(np.float64)
    cell = (rows // _SQUARE)[:, None] * (columns[-1] // _SQUARE + 1) + columns // _SQUARE
    within = (rows % _SQUARE)[:, None] * _SQUARE + columns % _SQUARE  # the last square ends at a row
    return _only(ground.truth == WATER, order[cell] - within / _SQUARE**2)


def flips(ground: Ground, random: np.random.Generator) -> Float:
    """Rank all pixels in no order: the one kind that depends on nothing."""
    return _only(ground.truth != UNKNOWN, random.random(ground.truth.shape))


KINDS: Mapping[str, Kind] = {
    "shadow": Kind(shadow),
    "turbid": Kind(turbid),
    "shore": Kind(shore),
    "cloud_shadow": Kind(cloud_shadow, partial=True),
    "blocks": Kind(blocks, lost=True),
    "flips": Kind(flips),
}


def _only(where: Boolean, rank: Float) -> Float:
    return np.where(where & ~np.isnan(rank), rank, -np.inf)


def _smooth(random: np.random.Generator, shape: Sequence[int], deviation: float) -> Float:
    """Return a smooth random field [y, x] of mean 0 and deviation 1."""
    field = ndimage.gaussian_filter(random.normal(size=tuple(shape)), deviation)
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-12))


def _sum(ground: Ground, where: Boolean, weights: Mapping[str, float], *, needed: bool = True) -> Float:
    """Return the weighted sum of bands [y, x], each in deviations from its mean over the labelled pixels of `where`.

    Raises:
        TileError: the tiles hold none of the bands, and one is needed.
    """
    total, found = np.zeros(where.shape), False
    for name, weight in weights.items():
        values = ground.band(name)
        if values is None:
            continue
        found = True
        known = values[where & ground.labelled]
        if known.size and known.std() > 0:
            total += weight * (values - known.mean()) / known.std()
    if needed and not found:
        raise TileError(
            f"the tiles hold none of the bands {', '.join(weights)}; add one to features.names or labels.beside and "
            "run: water-gee tiles"
        )
    return total

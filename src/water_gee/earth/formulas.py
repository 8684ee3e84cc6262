"""The features that can be made of others, on arrays: the same numbers as `features` makes in Earth Engine."""

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import TileError

Float = NDArray[np.float32]


def normalised_difference(one: Float, other: Float) -> Float:
    """Return (one - other) / (one + other), negative values taken as 0; 0 where both are 0, NaN where either is."""
    a, b = np.maximum(one.astype(np.float64), 0), np.maximum(other.astype(np.float64), 0)
    total = a + b
    ratio: NDArray[np.float64] = np.divide(a - b, total, out=np.zeros_like(total), where=total != 0)
    ratio[np.isnan(total)] = np.nan
    return ratio.astype(np.float32)


def line_enhancement(mndwi: Float) -> Float:
    """Return the maximum over 4 directions of 2c - a - b, a and b two pixels either side, of [y, x].

    A direction with a NaN neighbour, or one beyond the array, does not count; 0 where none is left.
    """
    height, width = mndwi.shape
    padded = np.pad(mndwi.astype(np.float64), 2, constant_values=np.nan)
    best = np.full(mndwi.shape, -np.inf)
    for x, y in ((2, 0), (0, 2), (2, 2), (2, -2)):
        a = padded[2 + y : 2 + y + height, 2 + x : 2 + x + width]
        b = padded[2 - y : 2 - y + height, 2 - x : 2 - x + width]
        best = np.fmax(best, 2 * mndwi - a - b)
    best[np.isinf(best)] = 0
    best[np.isnan(mndwi)] = np.nan
    return best.astype(np.float32)


_DERIVED: dict[str, tuple[tuple[str, ...], Callable[..., Float]]] = {
    "ndvi": (("nir", "red"), normalised_difference),
    "ndwi": (("green", "nir"), normalised_difference),
    "mndwi": (("green", "swir1"), normalised_difference),
    "leb": (("mndwi",), line_enhancement),
}


def derive(name: str, bands: Mapping[str, Float]) -> Float:
    """Return the feature `name` [y, x]: the band itself, or made of others where it is not among `bands`.

    Raises:
        TileError: a band that it needs is not there.
    """
    if name in bands:
        return bands[name]
    if name not in _DERIVED:
        raise TileError(f"the tiles have no band {name!r}; add it to features.names and run: water-gee tiles")
    needs, formula = _DERIVED[name]
    return formula(*(derive(need, bands) for need in needs))

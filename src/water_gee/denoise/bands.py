"""The seven bands that water_gee v1.0 cleaned its labels with."""

import numpy as np
from numpy.typing import NDArray

from water_gee.earth import ELEVATION_SCALE, derive
from water_gee.tiles import TileData

SEVEN = ("blue", "green", "red", "nir", "ndvi", "mndwi", "elevation")


def seven_bands(tile: TileData) -> NDArray[np.float32]:
    """Return blue, green, red, NIR, NDVI, MNDWI and elevation (in 4,000 m), [7, y, x], NaN where masked.

    Raises:
        TileError: the tile lacks a band that they are, or are made of.
    """
    bands = dict(zip(tile.names, tile.features, strict=True))
    return np.stack([derive(name, bands) for name in SEVEN])


def metres(tile: TileData) -> NDArray[np.float32]:
    """Return the elevation [y, x] in metres.

    Raises:
        TileError: the tile has no elevation.
    """
    return np.asarray(tile.band("elevation") * ELEVATION_SCALE, dtype=np.float32)

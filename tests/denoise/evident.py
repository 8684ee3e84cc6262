"""Tiles made in memory whose pixels are mixtures of known fractions, with the evidence that their reflectance gives."""

from dataclasses import replace

import numpy as np

from denoise.synthetic import make_tile
from water_gee.earth import SLOPE_SCALE
from water_gee.tiles import TileData

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
# Surface reflectance of six covers: plausible round numbers, each chosen for what the tests say of it.
COVERS = {
    "water": (0.05, 0.06, 0.04, 0.02, 0.01, 0.005),
    "turbid": (0.10, 0.14, 0.15, 0.13, 0.04, 0.02),  # bright: CFMask's rule leaves it out
    "land": (0.04, 0.07, 0.06, 0.26, 0.18, 0.10),
    "dark": (0.02, 0.025, 0.036, 0.038, 0.06, 0.05),  # lava or shadow: CFMask's rule takes it for water
    "snow": (0.60, 0.62, 0.60, 0.50, 0.06, 0.04),
}


def evident(
    fraction: np.ndarray,
    *,
    of: str = "water",
    covers: dict[str, np.ndarray] | None = None,
    bit: np.ndarray | None = None,
    slope: np.ndarray | float = 0.0,
    snow: np.ndarray | None = None,
    masked: np.ndarray | None = None,
    noise: float = 0.002,
    seed: int = 0,
    area: str = "train",
    column: int = 1,
) -> TileData:
    """Return a tile of mixtures of land and `fraction` [y, x] of the water `of`.

    Args:
        fraction: of water, margin included.
        of: which water, a name of `COVERS`.
        covers: where [y, x] another cover of `COVERS` stands instead, by its name.
        bit: the raw label's water [y, x]; CFMask's rule if not given.
        slope: of the ground in degrees.
        snow: where the quality band has its snow bit.
        masked: where nothing is seen.
        noise: standard deviation of each band.
        seed: of the noise.
        area: whose tile it is.
        column: of the tile.
    """
    water, land = (np.array(COVERS[name])[:, None, None] for name in (of, "land"))
    bands = fraction * water + (1 - fraction) * land
    for name, where in (covers or {}).items():
        bands[:, where] = np.array(COVERS[name])[:, None]
    bands = bands + np.random.default_rng(seed).normal(scale=noise, size=bands.shape)
    blue, green, red, nir, swir1, swir2 = bands
    ndvi, mndwi = (nir - red) / (nir + red), (green - swir1) / (green + swir1)
    rule = ((ndvi < 0.01) & (nir < 0.11)) | ((ndvi < 0.1) & (nir < 0.05))
    awei = blue + 2.5 * green - 1.5 * (nir + swir1) - 0.25 * swir2
    first, second, third = mndwi > 0.124, green + red > nir + swir1, awei > 0
    fourth = (mndwi > -0.44) & (swir1 < 0.09) & (nir < 0.15) & (ndvi < 0.7)
    fifth = (mndwi > -0.5) & (blue < 0.1) & (swir1 < 0.3) & (swir2 < 0.1) & (nir < 0.22)
    passed = first.astype(int) + second + third + fourth + fifth
    shares = {
        "mndwi": mndwi > 0,
        "ndwi": green > nir,
        "awei": third,
        "wi2015": 1.7204 + 171 * green + 3 * red - 70 * nir - 45 * swir1 - 71 * swir2 > 0,
        "dswe": passed >= 3,
        "dswe_partial": (passed >= 2) | fifth,
    }
    tile = make_tile(fraction > 0.5, rule if bit is None else bit, masked=masked, area=area, column=column)
    seen = ~np.isnan(tile.share)
    floats = {name: np.where(seen, share, np.nan).astype(np.float32) for name, share in shares.items()}
    features = tile.features.copy()
    features[:5] = np.where(seen, bands[:5], np.nan)
    features[5] = np.where(seen, mndwi, np.nan)
    beside = {
        "swir2": swir2,
        "slope": np.broadcast_to(slope, seen.shape) / SLOPE_SCALE,
        "snow": np.zeros(seen.shape) if snow is None else snow,
    }
    beside = {name: np.where(seen, values, np.nan).astype(np.float32) for name, values in beside.items()}
    return replace(tile, features=features, evidence={**floats, "qa": tile.share}, beside=beside)


def disc(side: int, radius: float, *, at: tuple[float, float] | None = None) -> np.ndarray:
    """Return how much of each pixel [y, x] a round lake covers, from a grid of 10 x 10 points in it."""
    fine = (np.arange(side * 10) + 0.5) / 10
    y, x = np.meshgrid(fine, fine, indexing="ij")
    row, column = at or (side / 2, side / 2)
    inside = np.hypot(y - row, x - column) < radius
    return inside.reshape(side, 10, side, 10).mean(axis=(1, 3))

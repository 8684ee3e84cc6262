"""What free sources say of a tile, side by side: the quality band's bit, spectral tests, snow and terrain."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise.labels import usable
from water_gee.earth import SLOPE_SCALE
from water_gee.tiles import WATER_SHARE, TileData

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
TESTS = ("mndwi", "ndwi", "awei", "wi2015", "dswe")  # each says water or not of a clear look
MIXED = ("green", "red", "nir", "swir1")  # reflectance in which a shore pixel is taken for a mixture
ALL = len(TESTS)


@dataclass(frozen=True)
class Evidence:
    """A tile's evidence, margin included; every array is [y, x] but `bands`.

    `seen` is where a pixel may be used at all, and to judge others by; `bit` is the raw label's water; `votes` counts
    the spectral tests that call at least half of the clear looks water, of `ALL`; `partial` is where DSWE sees at least
    some water; `snow` is where at least a third of the looks have the quality band's snow bit; `slope` is in degrees;
    `bands` [4, y, x] is the reflectance of `MIXED`, 0 where nothing was seen.
    """

    seen: Boolean
    bit: Boolean
    votes: NDArray[np.int8]
    partial: Boolean
    snow: Boolean
    slope: Float
    bands: Float

    @classmethod
    def of(cls, tile: TileData, radius: int) -> "Evidence":
        """Return the evidence of `tile`, where the whole window of `radius` is visible.

        Raises:
            TileError: the tile lacks a source or a band that is read; the message says which key to mend.
        """
        bands = np.stack([tile.band(name) for name in MIXED])
        seen = usable(tile, radius) & ~np.isnan(bands).any(axis=0)
        votes = sum((_says_water(tile.share_by(name)).astype(np.int8) for name in TESTS), np.int8(0))
        snow = np.nan_to_num(tile.beside["snow"]) > 0.3 if "snow" in tile.beside else np.zeros(seen.shape, dtype=bool)
        return cls(
            seen=seen,
            bit=_says_water(tile.share) & seen,
            votes=np.where(seen, votes, 0).astype(np.int8),
            partial=_says_water(tile.share_by("dswe_partial")) & seen,
            snow=snow & seen,
            slope=np.nan_to_num(tile.band("slope") * SLOPE_SCALE).astype(np.float32),
            bands=np.where(seen, bands, 0).astype(np.float32),
        )

    @property
    def agreed(self) -> Boolean:
        """Where the bit and all tests see water."""
        return np.asarray(self.bit & (self.votes == ALL))

    @property
    def dry(self) -> Boolean:
        """Where nothing at all sees water, not even in part."""
        return np.asarray(self.seen & ~self.bit & (self.votes == 0) & ~self.partial)


def _says_water(share: Float) -> Boolean:
    return np.asarray(np.nan_to_num(share) >= WATER_SHARE)

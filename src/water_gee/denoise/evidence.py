"""What the label sources say of a tile's pixels, the raw label among them."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from water_gee.config.base import Names
from water_gee.denoise.labels import Boolean, usable
from water_gee.tiles import TileData

Sources = Annotated[Names, Field(max_length=9)]
SOURCES = ("qa", "mndwi", "awei", "wi2015", "ndwi", "dswe")


def shares(tile: TileData, sources: Sequence[str]) -> NDArray[np.float32]:
    """Return the share of clear looks that each source calls water, [source, y, x], NaN where one says nothing.

    Raises:
        TileError: the tile lacks the evidence of a source.
    """
    return np.stack([tile.share_by(source) for source in sources])


def heard(tile: TileData, said: NDArray[np.float32], radius: int) -> tuple[Boolean, Boolean]:
    """Return where a pixel may be used, and where moreover a source says something, both [y, x].

    Args:
        tile: the tile.
        said: the sources' shares, [source, y, x].
        radius: a pixel's whole window must be visible.
    """
    used = usable(tile, radius)
    return used, used & ~np.isnan(said).all(axis=0)

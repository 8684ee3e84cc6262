"""The majority of the label sources."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from water_gee.denoise.evidence import SOURCES, Sources, heard, shares
from water_gee.denoise.labels import CleanLabel, Reason, agreement, assemble
from water_gee.denoise.method import Radius, TileByTile
from water_gee.tiles import WATER_SHARE, TileData


@dataclass(frozen=True)
class Vote(TileByTile):
    """A pixel is water where the sources on average call at least half of its clear looks water.

    Every source has one vote, the share of clear looks that it calls water; a source that says nothing of a pixel
    does not vote there. Where the average is closer to one half than `margin`, the label abstains. Its confidence
    is the average share of the winning side, drawn towards one half where looks are few, as `agreement` does it.

    Sources that go wrong together, as all rules on the same reflectance do, outvote one that does not.
    """

    radius: Radius = 3
    sources: Sources = SOURCES
    margin: Annotated[float, Field(ge=0, lt=0.5)] = 0.1
    heavy: ClassVar[bool] = False

    def __call__(self, tile: TileData, seed: int = 0, learned: None = None) -> CleanLabel:
        """Return the clean labels of `tile`; neither `seed` nor `learned` is used.

        Raises:
            TileError: the tile lacks the evidence of a source.
        """
        said = shares(tile, self.sources)
        used, spoken = heard(tile, said, self.radius)
        votes = (~np.isnan(said)).sum(axis=0)
        share = (np.nansum(said, axis=0, dtype=np.float64) / np.maximum(votes, 1)).astype(np.float32)
        unsure = ~spoken | (np.abs(share - WATER_SHARE) < self.margin)
        confidence = agreement(share, tile.looks)
        return assemble(tile, used, share >= WATER_SHARE, confidence, flip=Reason.EVIDENCE, unsure=unsure)


METHOD = Vote

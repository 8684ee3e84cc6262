"""The label sources weighed by how reliable each is, which nobody has to tell."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, ClassVar

import numpy as np
from pydantic import Field

from water_gee.config.base import Count
from water_gee.denoise.dawid_skene import Reliability, encode, fit, fit_area
from water_gee.denoise.evidence import SOURCES, Sources, heard, shares
from water_gee.denoise.labels import CleanLabel, Reason, assemble
from water_gee.denoise.method import Radius, Survey
from water_gee.tiles import WATER_SHARE, TileData, TileRecord


@dataclass(frozen=True)
class LabelModel:
    """The probability of water given what all sources say, by Dawid and Skene's model of independent observers.

    A source says water of a pixel where it calls at least half of its clear looks so. From how often each pattern of
    such votes occurs in an area, the share of water and each source's sensitivity and specificity are estimated by
    expectation maximisation; then for each tile again, with the area's estimate as a prior that is worth `prior_pixels`
    pixels of each class, so that a source that fails in one tile loses its say there. Labels less probable than
    `confidence_at_least` abstain.

    Rules on the same reflectance are not independent. Each source's likelihood is raised to one over the effective
    number of sources that say the same, by the correlation of errors in the area (`dawid_skene.weights`), so that five
    rules do not outvote a better source five times. Limits: the powers are no model of how the sources depend; what
    all of them get wrong alike stays wrong, as nothing in their agreement gives it away; where all are cuts along one
    scale, as water indices are, the estimate takes one of the cuts for the truth and is far too sure of it; and
    the number of looks is not used, a pixel being one observation.
    """

    radius: Radius = 3
    sources: Sources = SOURCES
    confidence_at_least: Annotated[float, Field(ge=0.5, lt=1)] = 0.8
    prior_pixels: Count = 1000
    heavy: ClassVar[bool] = False
    surveys: ClassVar[bool] = True

    def survey(self, tile: TileData, seed: int) -> Survey | None:
        """Return how many of the tile's own pixels have each pattern, None where nobody says anything.

        Raises:
            TileError: the tile lacks the evidence of a source.
        """
        said = shares(tile, self.sources)
        _, spoken = heard(tile, said, self.radius)
        own = spoken[tile.core]
        if not own.any():
            return None
        codes = encode(said[:, *tile.core], WATER_SHARE)[own]
        return {"patterns": np.bincount(codes, minlength=3 ** len(self.sources))}

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> Reliability:
        """Return how reliable each source is in the area."""
        counts = np.zeros(3 ** len(self.sources), dtype=np.int64)
        for _, survey in surveys:
            counts += survey["patterns"].astype(np.int64)
        return fit_area(counts)

    def __call__(self, tile: TileData, seed: int, learned: Reliability | None = None) -> CleanLabel:
        """Return the clean labels of `tile`; its notes say each source's reliability here, in thousandths."""
        said = shares(tile, self.sources)
        used, spoken = heard(tile, said, self.radius)
        codes = encode(said, WATER_SHARE)
        own = codes[tile.core][spoken[tile.core]]
        counts = np.bincount(own, minlength=3 ** len(self.sources))
        here = fit(counts, learned or Reliability.guess(len(self.sources)), self.prior_pixels)
        chance = here.chance()[codes].astype(np.float32)
        water = chance >= 0.5
        confidence = np.where(water, chance, 1 - chance)
        unsure = ~spoken | (confidence < self.confidence_at_least)
        return assemble(tile, used, water, confidence, self._notes(here), flip=Reason.EVIDENCE, unsure=unsure)

    def _notes(self, here: Reliability) -> dict[str, int]:
        notes = {"water": round(1000 * here.water)}
        for source, land, water, weight in zip(self.sources, *here.right, here.weight, strict=True):
            notes |= {
                f"sensitivity_{source}": round(1000 * water),
                f"specificity_{source}": round(1000 * land),
                f"weight_{source}": round(1000 * weight),
            }
        return notes


METHOD = LabelModel

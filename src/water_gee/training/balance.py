"""Class balance: all water of a tile, and at most a few times as many other pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise import ABSTAIN


@dataclass(frozen=True)
class Balance:
    """A tile's labelled pixels, and how many of the others an epoch uses."""

    water: int
    other: int
    drawn: int  # of the others

    @property
    def other_weight(self) -> float:
        """What one of the others counts where all of them are used: the chance that it would be drawn."""
        return self.drawn / self.other if self.other else 0.0

    @property
    def total(self) -> int:
        """Pixels of the tile that an epoch counts."""
        return self.water + self.drawn


def balance(labels: NDArray[np.uint8], other_per_water: float, least_other: int) -> Balance:
    """Return the balance of a tile's labels [y, x]: all water, up to `other_per_water` times as many others.

    As in water_gee v1.0, but for `least_other`: a tile with little or no water still gives so many others,
    so that shadow and dark land are seen in training too.
    """
    water = int(np.count_nonzero(labels == 1))
    other = int(np.count_nonzero(labels == 0))
    return Balance(water, other, min(other, max(round(water * other_per_water), least_other)))


def draw(labels: NDArray[np.uint8], of: Balance, random: np.random.Generator) -> NDArray[np.int64]:
    """Return flat positions of all water and of `of.drawn` others, drawn without replacement."""
    flat = labels.ravel()
    if of.drawn == of.other:
        return np.flatnonzero(flat != ABSTAIN)
    others = random.permutation(np.flatnonzero(flat == 0))[: of.drawn]
    return np.concatenate([np.flatnonzero(flat == 1), others])

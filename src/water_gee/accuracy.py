"""Accuracy of a water map from its confusion counts."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike

METRICS = ("iou", "f1", "precision", "recall", "kappa", "accuracy")


@dataclass(frozen=True)
class Confusion:
    """Pixels by what was predicted and what is true; water is the positive class.

    Every measure is 0 where its denominator is 0 (no water predicted and none there): never NaN, so that it
    can be written as JSON; `pixels` says what it rests on.
    """

    tp: int = 0  # water, predicted water
    fp: int = 0  # land, predicted water: commission
    fn: int = 0  # water, predicted land: omission
    tn: int = 0  # land, predicted land

    @classmethod
    def of(cls, predicted: ArrayLike, truth: ArrayLike, valid: ArrayLike = True) -> Self:
        """Count `predicted` against `truth` where `valid`; arrays of one shape, true or non-zero = water."""
        chosen = np.broadcast_to(np.asarray(valid, dtype=bool), np.shape(truth))
        water = np.asarray(predicted)[chosen].astype(bool)
        real = np.asarray(truth)[chosen].astype(bool)
        tp = int(np.count_nonzero(water & real))
        fp = int(np.count_nonzero(water)) - tp
        fn = int(np.count_nonzero(real)) - tp
        return cls(tp, fp, fn, water.size - tp - fp - fn)

    def __add__(self, other: "Confusion") -> "Confusion":
        return Confusion(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    @property
    def pixels(self) -> int:
        """The number of pixels counted."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def iou(self) -> float:
        """Intersection over union of water (Jaccard)."""
        return _ratio(self.tp, self.tp + self.fp + self.fn)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall of water (Dice)."""
        return _ratio(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def precision(self) -> float:
        """Share of the predicted water that is water (1 - commission error)."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall(self) -> float:
        """Share of the water that was predicted (1 - omission error)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def accuracy(self) -> float:
        """Share of the pixels that are right."""
        return _ratio(self.tp + self.tn, self.pixels)

    @property
    def kappa(self) -> float:
        """Agreement beyond chance (Cohen, 1960)."""
        chance = (self.tp + self.fp) * (self.tp + self.fn) + (self.fn + self.tn) * (self.fp + self.tn)
        total = self.pixels * self.pixels
        return _ratio(self.pixels * (self.tp + self.tn) - chance, total - chance)

    def metrics(self) -> dict[str, float | int]:
        """Return every measure by name, and the number of `pixels`."""
        return {**{name: float(getattr(self, name)) for name in METRICS}, "pixels": self.pixels}


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else 0.0

"""Validation scores as two histograms of logits, from which threshold, calibration and curves are read.

A network's margin is its water logit less its land logit; the probability is sigmoid(margin / temperature).
The histograms take the same memory for ten tiles as for ten thousand.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from water_gee.accuracy import Confusion

_BINS = 4000
_LIMIT = 20.0  # beyond it a probability is 0 or 1 to 9 digits
_WIDTH = 2 * _LIMIT / _BINS
CENTRES = (np.arange(_BINS) + 0.5) * _WIDTH - _LIMIT
THRESHOLDS = np.arange(1, 100) / 100


@dataclass(frozen=True)
class Scores:
    """Pixels by margin, water and land apart: int64 counts [bin]."""

    water: NDArray[np.int64]
    land: NDArray[np.int64]

    @classmethod
    def none(cls) -> Self:
        """Return the scores of no pixel."""
        return cls(np.zeros(_BINS, dtype=np.int64), np.zeros(_BINS, dtype=np.int64))

    @classmethod
    def of(cls, margin: NDArray[np.float32], is_water: NDArray[np.bool_]) -> Self:
        """Count pixels by margin; both arrays are flat and hold labelled pixels only."""
        bins = np.clip(np.floor((margin + _LIMIT) / _WIDTH), 0, _BINS - 1).astype(np.int64)
        return cls(np.bincount(bins[is_water], minlength=_BINS), np.bincount(bins[~is_water], minlength=_BINS))

    def __add__(self, other: "Scores") -> "Scores":
        return Scores(self.water + other.water, self.land + other.land)

    def confusions(self, temperature: float = 1.0) -> list[Confusion]:
        """Return the confusion at each of `THRESHOLDS`, to the resolution of the bins."""
        edges = np.log(THRESHOLDS / (1 - THRESHOLDS)) * temperature
        first = np.clip(np.rint((edges + _LIMIT) / _WIDTH), 0, _BINS).astype(np.int64)
        above_water = np.append(np.cumsum(self.water[::-1])[::-1], 0)
        above_land = np.append(np.cumsum(self.land[::-1])[::-1], 0)
        tp, fp = above_water[first], above_land[first]
        fn, tn = above_water[0] - tp, above_land[0] - fp
        return [Confusion(*(int(count) for count in counts)) for counts in zip(tp, fp, fn, tn, strict=True)]

    def best_threshold(self, temperature: float = 1.0) -> float:
        """Return the threshold of the highest IoU, and so of the highest F1: the one rises with the other.

        Of equally good ones it is the nearest to 0.5.
        """
        ious = np.array([confusion.iou for confusion in self.confusions(temperature)])
        best = THRESHOLDS[ious >= ious.max() - 1e-12]
        return float(best[np.argmin(np.abs(best - 0.5))])

    def best(self) -> Confusion:
        """Return the confusion at the best threshold."""
        return self.confusions()[round(self.best_threshold() * 100) - 1]

    def loss(self, temperature: float = 1.0) -> float:
        """Return the mean negative log likelihood a pixel, in nats."""
        margins = CENTRES / temperature
        total = self.water @ np.logaddexp(0.0, -margins) + self.land @ np.logaddexp(0.0, margins)
        return float(total / max(1, self.water.sum() + self.land.sum()))

    def temperature(self) -> float:
        """Return the temperature of the least negative log likelihood (Guo et al., 2017), within 1/20 to 20."""
        found = minimize_scalar(lambda log: self.loss(float(np.exp(log))), bounds=(-3.0, 3.0), method="bounded")
        return round(float(np.exp(found.x)), 4)

    def average_precision(self) -> float:
        """Return the area under the precision-recall curve, as the mean precision over the water pixels."""
        precision, recall = self.precision_recall()
        return float(np.sum(precision * np.diff(recall, prepend=0.0)))

    def precision_recall(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return precision and recall [bin], from the highest margin down."""
        tp, fp = np.cumsum(self.water[::-1]), np.cumsum(self.land[::-1])
        found = tp + fp > 0
        precision = np.where(found, tp / np.maximum(tp + fp, 1), 1.0)
        return precision, tp / max(1, int(tp[-1]))

    def reliability(self, temperature: float, bins: int = 20) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return (mean probability, share of water, pixels) of `bins` equal steps of probability."""
        probability = 1 / (1 + np.exp(-CENTRES / temperature))
        step = np.minimum((probability * bins).astype(np.int64), bins - 1)
        pixels = np.bincount(step, self.water + self.land, bins)
        water = np.bincount(step, self.water, bins)
        mean = np.bincount(step, (self.water + self.land) * probability, bins)
        counted = np.maximum(pixels, 1)
        return mean / counted, water / counted, pixels

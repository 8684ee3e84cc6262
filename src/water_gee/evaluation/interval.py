"""How sure the figures are: bootstrap over places."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_LEVEL = (2.5, 97.5)  # percentiles of a 95 % interval


@dataclass(frozen=True)
class Interval:
    """A 95 % interval, and the share of the resamples above zero."""

    low: float
    high: float
    above_zero: float

    @classmethod
    def of(cls, samples: NDArray[np.float64]) -> "Interval":
        """Return the interval of bootstrap samples."""
        low, high = (float(value) for value in np.percentile(samples, _LEVEL))
        return cls(low, high, float(np.mean(samples > 0)))


def resampled_iou(counts: NDArray[np.int64], *, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the IoU [resample, method] of `counts` [place, method, tp/fp/fn/tn] under resampling of the places.

    The bootstrap of Efron (1979) with places, not pixels, as its units, since neighbouring pixels err
    together. All methods are resampled alike, so that differences between columns are paired.
    """
    generator = np.random.default_rng(seed)
    places = counts.shape[0]
    weights = generator.multinomial(places, np.full(places, 1 / places), size=resamples)
    sums = np.tensordot(weights, counts, axes=1)
    union = sums[..., 0] + sums[..., 1] + sums[..., 2]
    iou: NDArray[np.float64] = np.divide(sums[..., 0], union, out=np.zeros(union.shape), where=union > 0)
    return iou

"""How sure an accuracy is: places or tiles, not pixels, drawn with replacement.

The bootstrap of Efron (1979) with blocks of ground as its units, since neighbouring pixels err together. All that is
compared gets the same draws, so that what is hard for all cancels in a difference.
"""

from dataclasses import dataclass
from typing import Any

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
        """Return the interval of bootstrap samples, of those that are numbers; 0 to 0 where none is."""
        known = samples[~np.isnan(samples)]
        if not known.size:
            return cls(0.0, 0.0, 0.0)
        low, high = (float(value) for value in np.percentile(known, _LEVEL))
        return cls(low, high, float(np.mean(known > 0)))


def resampled(counts: NDArray[Any], *, resamples: int, seed: int) -> NDArray[Any]:
    """Return the sums [resample, ...] of `counts` [unit, ...] under resampling of the units."""
    units = len(counts)
    draws = np.random.default_rng(seed).multinomial(units, np.full(units, 1 / units), size=resamples)
    return np.tensordot(draws, counts, axes=1)


def resampled_iou(counts: NDArray[np.int64], *, resamples: int, seed: int) -> NDArray[np.float64]:
    """Return the IoU [resample, ...] of `counts` [unit, ..., tp/fp/fn/tn] under resampling of the units.

    It is NaN of a resample in which there is no water: that one says nothing, and not that the IoU is 0.
    """
    return iou(resampled(counts, resamples=resamples, seed=seed), none=np.nan)


def iou(counts: NDArray[np.int64], none: float = 0.0) -> NDArray[np.float64]:
    """Return the intersection over union of water of counts [..., tp/fp/fn/tn]; `none` where there is none."""
    union = counts[..., :3].sum(axis=-1)
    value: NDArray[np.float64] = np.divide(counts[..., 0], union, out=np.full(union.shape, none), where=union > 0)
    return value

"""Estimates with a standard error and a 95 % interval that holds for accuracies near 1 and areas near 0 too."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Z = 1.959963984540054  # of the normal distribution, two-sided 95 %
_ROUNDING = 1e-12  # by which a sum of shares may miss 0 or 1


@dataclass(frozen=True)
class Estimated:
    """A measure of one sample, or of many: value, standard error and bounds of one shape."""

    value: Float
    error: Float
    low: Float
    high: Float

    @property
    def margin(self) -> Float:
        """What is printed after +-: 1.96 standard errors."""
        return 1.96 * self.error

    def at(self, number: int) -> "Estimated":
        """Return one measure, or class, of the last axis."""
        return Estimated(*(one[..., number] for one in (self.value, self.error, self.low, self.high)))

    def times(self, unit: float) -> "Estimated":
        """Return the same in another unit."""
        return Estimated(*(one * unit for one in (self.value, self.error, self.low, self.high)))


def of_proportion(value: Float, variance: Float, effective: Float) -> Estimated:
    """Return an estimated proportion with Wilson's interval (1927), its points counted by what they are worth.

    The number of points that Wilson's interval takes is the one that a simple random sample of this variance would
    have, value (1 - value) / variance (Korn and Graubard 1998); where the sample shows no error at all, so that the
    variance is 0 and the usual interval has no width, it is `effective`.

    Args:
        value: the proportion, NaN where it is not defined.
        variance: of the value.
        effective: by how many points of a simple random sample the points are worth as much, were all strata alike.
    """
    value = np.where(np.abs(value) < _ROUNDING, 0.0, np.where(np.abs(value - 1) < _ROUNDING, 1.0, value))
    variance = np.where(variance < _ROUNDING**2, 0.0, variance)
    spread = value * (1 - value)
    with np.errstate(invalid="ignore", divide="ignore"):
        points = np.where((variance > 0) & (spread > 0), spread / variance, effective)
        low, high = wilson(value, points)
    return Estimated(value, np.sqrt(variance), low, high)


def of_sum(parts: Float, shares: Float, drawn: NDArray[np.int64], left: Float, variance: Float) -> Estimated:
    """Return a share of the ground that is a sum over strata.

    Args:
        parts: the share of each stratum's points [..., stratum].
        shares: of the ground [stratum].
        drawn: the points [..., stratum].
        left: the share of a stratum that was not drawn, [..., stratum].
        variance: of the sum [...].
    """
    value = np.einsum("...h,h->...", parts, shares)
    with np.errstate(divide="ignore"):  # where every pixel was drawn, the points are worth any number
        effective = 1 / np.einsum("h,...h->...", shares**2, left / drawn)
    return of_proportion(value, variance, np.broadcast_to(effective, value.shape))


def symmetric(value: Float, variance: Float, least: float, most: float) -> Estimated:
    """Return an estimate with the usual interval of 1.96 standard errors, cut to what is possible."""
    error = np.sqrt(variance)
    return Estimated(value, error, np.maximum(value - Z * error, least), np.minimum(value + Z * error, most))


def wilson(value: Float, points: Float) -> tuple[Float, Float]:
    """Return the bounds of Wilson's score interval (1927) of a proportion among so many points."""
    scale = 1 + Z**2 / points
    centre = (value + Z**2 / (2 * points)) / scale
    half = Z / scale * np.sqrt(value * (1 - value) / points + Z**2 / (4 * points**2))
    low, high = np.where(value <= 0, 0.0, centre - half), np.where(value >= 1, 1.0, centre + half)  # to the last digit
    return np.clip(low, 0, 1), np.clip(high, 0, 1)

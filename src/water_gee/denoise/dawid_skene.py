"""How reliable label sources are, estimated from where they agree, without truth.

A. P. Dawid and A. M. Skene, "Maximum likelihood estimation of observer error-rates using the EM algorithm", Applied
Statistics 28 (1979). What a pixel's sources say is its pattern; all that the estimate needs is how often each pattern
occurs, 3^k counts for k sources.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

Double = NDArray[np.float64]
Integer = NDArray[np.int64]
_SILENT = 2  # in a pattern, beside 0 land and 1 water: the source says nothing of the pixel
_ROUNDS, _STEPS, _CLOSE = 20, 1000, 1e-7
_GUESS, _GUESSED = 0.8, 10.0  # before anything is known: a source is right so often, worth so many pixels


@dataclass(frozen=True)
class Reliability:
    """What is known of k label sources.

    `water` is the share of pixels that are water. `right` [class, source] is the chance that a source is right where
    there is land (its specificity, first row) and where there is water (its sensitivity). `weight` [source] is the
    power to which its likelihood is raised, 1 for a source whose errors are independent of the others'.
    """

    water: float
    right: Double
    weight: Double

    @classmethod
    def guess(cls, sources: int) -> Self:
        """Return what is assumed of sources of which nothing is known."""
        return cls(0.5, np.full((2, sources), _GUESS), np.ones(sources))

    def chance(self) -> Double:
        """Return the probability of water [pattern]: Bayes's rule, each source's likelihood raised to its weight."""
        said = patterns(len(self.weight))
        with np.errstate(divide="ignore"):
            share, right, wrong = np.log([1 - self.water, self.water]), np.log(self.right), np.log(1 - self.right)
        land = np.where(said == 0, right[0], wrong[0])
        water = np.where(said == 1, right[1], wrong[1])
        evidence = np.where(said == _SILENT, 0.0, self.weight * (water - land)).sum(axis=1)
        odds = np.clip(share[1] - share[0] + evidence, -700, 700)
        return np.asarray(1 / (1 + np.exp(-odds)), dtype=np.float64)


def patterns(sources: int) -> NDArray[np.int8]:
    """Return what each source says in each pattern, [pattern, source]: 0 land, 1 water, 2 nothing."""
    return np.stack([axis.ravel() for axis in np.indices((3,) * sources, dtype=np.int8)], axis=1)


def encode(said: NDArray[np.float32], water_share: float) -> Integer:
    """Return the number of each pixel's pattern, in the order of `patterns`.

    Args:
        said: the share of looks that each source calls water, [source, ...]; NaN where it says nothing.
        water_share: from this share on, a source says water.
    """
    votes = np.where(np.isnan(said), _SILENT, said >= water_share)
    weights = 3 ** np.arange(len(said) - 1, -1, -1, dtype=np.int64)
    return np.asarray(np.tensordot(weights, votes, axes=1), dtype=np.int64)


def fit_area(counts: Integer) -> Reliability:
    """Return the reliability of sources and their weights, estimated from an area's counts [pattern].

    It starts from a guess under which the majority decides, and so takes for water what most sources call so.
    """
    sources = _sources(counts)
    known = guess = Reliability.guess(sources)
    for _ in range(_ROUNDS):
        known = fit(counts, Reliability(guess.water, guess.right, known.weight), _GUESSED)
        weight = weights(counts, known)
        settled = float(np.abs(weight - known.weight).max()) < 1e-3
        known = Reliability(known.water, known.right, weight)
        if settled:
            break
    return known


def fit(counts: Integer, before: Reliability, pixels: float) -> Reliability:
    """Return the reliability of sources by expectation maximisation, from what was known `before` and new counts.

    What was known counts as so many `pixels` of each class (a Beta prior on each chance) and goes into every step's
    means; the weights stay. Without a count, what was known is returned.

    Args:
        counts: how many pixels have each pattern, [pattern].
        before: what was known, also where the search starts.
        pixels: what that is worth.
    """
    said, total = patterns(_sources(counts)), counts.sum()
    now = before
    for _ in range(_STEPS):
        water = counts * now.chance()
        right = np.stack([_mean(counts - water, said, 0, before, pixels), _mean(water, said, 1, before, pixels)])
        share = float((water.sum() + pixels * before.water) / (total + pixels))
        moved = max(abs(share - now.water), float(np.abs(right - now.right).max()))
        now = Reliability(share, right, before.weight)
        if moved < _CLOSE:
            break
    return now


def weights(counts: Integer, known: Reliability) -> Double:
    """Return each source's weight: one over the effective number of sources that say what it says.

    The number is 1 plus the positive correlations of the source's errors with those of the others, which for m sources
    with a common correlation r is Kish's design effect 1 + (m - 1) r (L. Kish, "Survey sampling", 1965): m copies of
    a source count as one, independent ones fully. Errors are what a source says less its mean in the class, pixels
    being in both classes by their probability.

    What all sources get wrong together cannot be seen in their agreement: where most err alike, the estimate takes
    their error for the truth, and their correlation for none.
    """
    said, chance = patterns(len(known.weight)), known.chance()
    spoken = (said != _SILENT).astype(np.float64)
    products, squares = np.zeros((2, len(known.weight), len(known.weight)))
    for share, mean in ((1 - chance, 1 - known.right[0]), (chance, known.right[1])):
        errors = spoken * ((said == 1) - mean)
        members = (counts * share)[:, None]
        products += errors.T @ (members * errors)
        squares += (errors**2).T @ (members * spoken)  # of the one, where the other speaks too
    scale = np.sqrt(squares * squares.T)
    correlation = np.divide(products, scale, out=np.zeros_like(scale), where=scale > 0)
    np.fill_diagonal(correlation, 0)
    return np.asarray(1 / (1 + np.clip(correlation, 0, 1).sum(axis=1)), dtype=np.float64)


def _mean(members: Double, said: NDArray[np.int8], one: int, before: Reliability, pixels: float) -> Double:
    """Return how often each source says the class `one` in the members of that class, what was known included."""
    agreeing, speaking = members @ (said == one), members @ (said != _SILENT)
    return np.asarray((agreeing + pixels * before.right[one]) / (speaking + pixels), dtype=np.float64)


def _sources(counts: Integer) -> int:
    """Return k of 3^k counts."""
    return round(math.log(len(counts), 3))

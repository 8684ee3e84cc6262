"""Accuracy and area from a stratified random sample of labelled points, with standard errors and 95 % intervals.

The estimators are those of Stehman (2014, International Journal of Remote Sensing 35, 4923-4939) for strata that need
not be the classes of the map. Where they are, these are the estimators of Olofsson et al. (2014, Remote Sensing of
Environment 148, 42-57, equations 1 to 11). All follow from one rule: the share of the ground in each cell (class of the
map, class in truth) is the sum over the strata of a stratum's share of the ground times the cell's share of the
stratum's points; a measure is a function of these shares; and its variance is that of the function's linear part (the
delta method), stratum by stratum.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from water_gee.errors import WaterGeeError
from water_gee.survey.intervals import Estimated, of_proportion, of_sum, symmetric

Float = NDArray[np.float64]
_SMALL = 0.05  # share of a stratum that is sampled, up to which its being finite is not counted (Cochran 1977, 2.6)
FEWEST = 2  # points of a stratum without which its variance is not known


@dataclass(frozen=True)
class Estimates:
    """What a sample says of a map and of the ground.

    Every array begins with the shape [...] of `counts` before its last three axes: one sample, or many simulated ones.
    What is not defined (the user's accuracy of a class that no point of the map has) is NaN.
    """

    overall: Estimated  # [...] share of the ground on which the map is right
    users: Estimated  # [..., class] share of what the map calls a class that is of it: 1 - commission error
    producers: Estimated  # [..., class] share of a class on the ground that the map calls so: 1 - omission error
    share: Estimated  # [..., class] share of the ground that is of a class, by the labels and not by the map
    mapped: Float  # [..., class] the same by the map
    iou: Estimated  # [..., class] intersection over union (Jaccard)
    f1: Estimated  # [..., class] harmonic mean of user's and producer's accuracy (Dice)
    kappa: Estimated  # [...] agreement beyond chance (Cohen 1960)
    cells: Float  # [..., map, truth] shares of the ground
    total: float  # the strata together, in the unit of `sizes`

    @property
    def area(self) -> Estimated:
        """The area [..., class] of each class on the ground, in the unit of the strata's sizes."""
        return self.share.times(self.total)


def estimate(counts: ArrayLike, sizes: Sequence[float], pixels: Sequence[int] | None = None) -> Estimates:
    """Return what a stratified random sample says.

    Args:
        counts: points [..., stratum, class of the map, class in truth], whole numbers.
        sizes: the area of each stratum, in any one unit: every part of a stratum was as likely to be drawn.
        pixels: how many pixels a stratum has, of which the points were drawn without replacement. Where more than 5 %
            of a stratum's were, its variance is smaller by the share that was (the finite population correction).

    Raises:
        WaterGeeError: a stratum has fewer than two points, so that its variance is not known, or no area.
    """
    points, areas = np.asarray(counts), np.asarray(sizes, dtype=np.float64)
    _check(points, areas)
    shares = areas / areas.sum()  # [stratum]
    drawn = points.sum(axis=(-1, -2))  # [..., stratum]
    sample = _Sample(points / drawn[..., None, None], shares, drawn, _left(drawn, pixels))
    cells = sample.cells
    classes = points.shape[-1]
    mapped, true = cells.sum(axis=-1), cells.sum(axis=-2)  # [..., class]
    right = np.diagonal(cells, axis1=-2, axis2=-1)
    own, row, column = (np.stack([_where(classes, number, kind) for number in range(classes)]) for kind in "cmt")
    iou = sample.ratio(own, np.maximum(row, column))
    return Estimates(
        overall=sample.sum(np.eye(classes)[None]).at(0),
        users=sample.ratio(own, row),
        producers=sample.ratio(own, column),
        share=sample.sum(column),
        mapped=mapped,
        iou=iou,
        f1=_f1(iou),
        kappa=_kappa(sample, mapped, true, right),
        cells=cells,
        total=float(areas.sum()),
    )


@dataclass(frozen=True)
class _Sample:
    """Shares of each stratum's points [..., stratum, map, truth], and what the strata are."""

    parts: Float
    shares: Float  # [stratum] of the ground
    drawn: NDArray[np.int64]  # [..., stratum] points
    left: Float  # [..., stratum] share of the stratum that was not drawn, 1 where hardly any was

    @property
    def cells(self) -> Float:
        """Shares of the ground [..., map, truth]."""
        cells: Float = np.einsum("h,...hij->...ij", self.shares, self.parts)
        return cells

    def variance(self, weights: Float) -> Float:
        """Return the variance [..., measure] of sums of cells' shares, by weights [..., measure, map, truth]."""
        mean = np.einsum("...hij,...kij->...kh", self.parts, weights)
        square = np.einsum("...hij,...kij->...kh", self.parts, weights**2)
        factor = self.shares**2 * self.left / (self.drawn - 1)  # the sample's variance over n is p (1 - p) / (n - 1)
        variance: Float = np.einsum("...kh,...h->...k", np.maximum(square - mean**2, 0), factor)
        return variance

    def sum(self, members: Float) -> Estimated:
        """Return shares of the ground [..., measure], those of the cells in `members` [measure, map, truth]."""
        parts = np.einsum("...hij,kij->...kh", self.parts, members)
        variance = self.variance(members)
        return of_sum(parts, self.shares, self.drawn[..., None, :], self.left[..., None, :], variance)

    def ratio(self, part: Float, whole: Float) -> Estimated:
        """Return the cells of `part` as shares of those of `whole`, both [measure, map, truth]."""
        above, below = (np.einsum("...ij,kij->...k", self.cells, one) for one in (part, whole))
        with np.errstate(invalid="ignore", divide="ignore"):
            value = above / below
            weights = (part - value[..., None, None] * whole) / below[..., None, None]
            variance = self.variance(weights)
            # Points of the class, each worth its stratum's share of the ground a point (Kish's effective number).
            within = np.einsum("...hij,kij->...kh", self.parts, whole)
            worth = self.shares / self.drawn
            squares = np.einsum("...kh,...h->...k", within, self.shares * worth)
            effective = below**2 / squares
        return of_proportion(value, variance, effective)


def _kappa(sample: _Sample, mapped: Float, true: Float, right: Float) -> Estimated:
    """Return Cohen's kappa, (o - c) / (1 - c) of the agreement o and of what chance c would give."""
    agreed, chance = right.sum(axis=-1), (mapped * true).sum(axis=-1)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
        # d kappa / d cell ij = [is i = j] / (1 - c) - (true_i + mapped_j) (1 - o) / (1 - c)^2
        slope = np.eye(true.shape[-1]) / (1 - chance)[..., None, None]
        slope = (
            slope - (true[..., :, None] + mapped[..., None, :]) * ((1 - agreed) / (1 - chance) ** 2)[..., None, None]
        )
        variance = sample.variance(slope[..., None, :, :])[..., 0]
    return symmetric(value, variance, -1.0, 1.0)


def _f1(iou: Estimated) -> Estimated:
    """Return the F1 of an IoU, 2 IoU / (1 + IoU): it rises with it, so that the bounds of the one are the other's."""
    value, low, high = (2 * one / (1 + one) for one in (iou.value, iou.low, iou.high))
    return Estimated(value, 2 * iou.error / (1 + iou.value) ** 2, low, high)


def _where(classes: int, number: int, kind: str) -> Float:
    """Return 1 in the cells [map, truth] of a class: [c]alled so and so, all [m]apped so, or [t]ruly so."""
    cells = np.zeros((classes, classes))
    cells[number if kind in "cm" else slice(None), number if kind in "ct" else slice(None)] = 1
    return cells


def _left(drawn: NDArray[np.int64], pixels: Sequence[int] | None) -> Float:
    if pixels is None:
        return np.ones(drawn.shape)
    share = np.minimum(drawn / np.asarray(pixels, dtype=np.float64), 1)
    left: Float = np.where(share > _SMALL, 1 - share, 1.0)
    return left


def _check(points: NDArray[np.int64], areas: Float) -> None:
    if points.ndim < 3 or points.shape[-1] != points.shape[-2] or points.shape[-3] != areas.size:
        raise ValueError(f"counts of shape {points.shape} are not [..., stratum, map, truth] of {areas.size} strata")
    if not (np.isfinite(areas).all() and (areas > 0).all()):
        raise WaterGeeError("a stratum of the sample has no area; leave it out")
    few = points.sum(axis=(-1, -2)) < FEWEST
    if few.any():
        number = int(np.argwhere(few)[0][-1])
        raise WaterGeeError(
            f"stratum {number + 1} of the sample has fewer than {FEWEST} labelled points, so that its variance is not "
            "known; label more, or merge it with another"
        )

"""Intervals by resampling, of ground of which most has no water."""

import numpy as np

from water_gee.bootstrap import Interval, iou, resampled_iou
from water_gee.evaluation import compare

WET, DRY = (900, 50, 50, 9_000), (0, 0, 0, 10_000)
COUNTS = np.array([WET, WET, *[DRY] * 8])  # two lakes in ten places


def test_a_resample_without_water_says_nothing_of_the_iou() -> None:
    """One in nine draws neither lake; what they find of the lakes does not depend on that."""
    drawn = resampled_iou(COUNTS, resamples=2000, seed=0)
    assert 0.08 < np.isnan(drawn).mean() < 0.14
    found = Interval.of(drawn)
    assert found.low == found.high == iou(COUNTS.sum(axis=0)) == 0.9
    assert found.above_zero == 1


def test_the_comparison_of_runs_neither() -> None:
    places = {(0, number): np.array(counts) for number, counts in enumerate(COUNTS)}
    (one,) = compare({"model": [places]}, "model", resamples=500, seed=0)
    assert (one.iou, one.interval.low, one.interval.high) == (0.9, 0.9, 0.9)
    assert (one.difference_interval.low, one.difference_interval.high) == (0, 0)


def test_where_there_is_no_water_at_all_the_iou_is_0() -> None:
    dry = np.array([DRY] * 5)
    assert iou(dry.sum(axis=0)) == 0 and Interval.of(resampled_iou(dry, resamples=100, seed=0)) == Interval(0, 0, 0)

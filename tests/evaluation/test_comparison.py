"""Several models with several seeds against one reference."""

import numpy as np
import pytest

from water_gee.errors import TileError
from water_gee.evaluation import compare

PLACES = [(row, column) for row in range(4) for column in range(5)]


def counted(share, seed=0, pixels=1000):
    """Counts by place of a method that finds so much of the water, more in some places than in others."""
    random = np.random.default_rng(seed)
    found = np.clip(share + random.normal(0, 0.05, len(PLACES)), 0, 1)
    half = pixels // 2
    return {
        place: np.array([round(half * one), 0, half - round(half * one), half])
        for place, one in zip(PLACES, found, strict=True)
    }


def compared(contenders):
    return {one.name: one for one in compare(contenders, "label", resamples=500, seed=0)}


def test_a_method_differs_from_itself_by_nothing():
    found = compared({"label": [counted(0.7)], "same": [counted(0.7)]})
    assert found["same"].difference == 0
    assert (found["same"].difference_interval.low, found["same"].difference_interval.high) == (0, 0)
    assert found["same"].interval == found["label"].interval


def test_the_mean_over_the_seeds_and_an_interval_that_holds_it():
    seeds = [counted(share, seed) for seed, share in enumerate((0.80, 0.84, 0.88))]
    one = compared({"label": [counted(0.7)], "network": seeds})["network"]
    ious = [sum(count[0] for count in each.values()) / (500 * len(PLACES)) for each in seeds]
    assert one.iou == pytest.approx(np.mean(ious)) and one.deviation == pytest.approx(np.std(ious, ddof=1))
    assert one.interval.low < one.iou < one.interval.high
    assert 0 < one.difference_interval.low < one.difference < one.difference_interval.high


def test_seeds_that_differ_widen_the_interval():
    equal, apart = [counted(0.8, 1)] * 3, [counted(share, 1) for share in (0.7, 0.8, 0.9)]
    found = compared({"label": [counted(0.7)], "equal": equal, "apart": apart})

    def width(name):
        return found[name].interval.high - found[name].interval.low

    assert width("apart") > 1.5 * width("equal")


def test_other_pixels_do_not_compare():
    with pytest.raises(TileError, match="same pixels"):
        compared({"label": [counted(0.7)], "other": [counted(0.7, pixels=900)]})
    with pytest.raises(TileError, match="same places"):
        compared({"label": [counted(0.7)], "other": [dict(list(counted(0.7).items())[1:])]})

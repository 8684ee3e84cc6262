"""The 95 % intervals of 5,000 samples of 500 points on the sample study hold the truth as often as they say."""

import pytest

from benchmarks.coverage import STRATA, coverage


@pytest.mark.parametrize("year", STRATA)
def test_intervals_hold_the_truth(year) -> None:
    found = coverage(year)
    assert sum(STRATA[year][2]) == 500
    for name in ("overall accuracy", "area of water"):
        assert 0.93 <= found[name][0] <= 0.97, (name, found)
    for held, usual in found.values():
        assert 0.93 <= held <= 0.98
        assert usual < held + 0.01, "the usual interval is no better"

"""Layers over the years, by hand and by the definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from water_gee.maps.entropy import uncertainty
from water_gee.maps.layers import GAINED, INTERMITTENT, LOST, NEVER, PERMANENT
from water_gee.maps.years import over_years

L, W, U = 0, 1, 255  # land, water, unseen


def of(*series: list[int]):
    """Return the layers of pixels [series] whose classes are given year by year, from 2018 on."""
    table = np.array(series, np.uint8)
    return over_years((2018 + number, table[:, number][None]) for number in range(table.shape[1]))


@pytest.mark.parametrize(
    ("series", "occurrence", "change", "first", "last"),
    [
        ([L, L, L, L], 0, NEVER, 0, 0),
        ([W, W, W, W], 100, PERMANENT, 2018, 2021),
        ([L, L, W, W], 50, GAINED, 2020, 2021),
        ([W, L, L, L], 25, LOST, 2018, 2018),
        ([L, W, L, L], 25, INTERMITTENT, 2019, 2019),
        ([W, L, W, W], 75, INTERMITTENT, 2018, 2021),
        ([U, U, U, U], 255, 255, 65535, 65535),
        ([U, W, U, U], 100, PERMANENT, 2019, 2019),
        ([U, L, U, U], 0, NEVER, 0, 0),
        ([W, U, W, L], 67, LOST, 2018, 2020),  # 2 of 3: the unseen year is neither
        ([U, L, U, W], 50, GAINED, 2021, 2021),
        ([W, U, U, W], 100, PERMANENT, 2018, 2021),
    ],
)
def test_a_pixel_by_hand(series, occurrence, change, first, last) -> None:
    made = of(series)
    assert [int(layer[0, 0]) for layer in vars(made).values()] == [occurrence, change, first, last]
    assert [layer.dtype for layer in vars(made).values()] == ["uint8", "uint8", "uint16", "uint16"]


@given(st.lists(st.lists(st.sampled_from([L, W, U]), min_size=5, max_size=5), min_size=1, max_size=30))
def test_unseen_years_tell_nothing(table) -> None:
    """Every pixel is what its seen years alone say, in their order."""
    together = of(*table)
    for place, series in enumerate(table):
        seen = [(2018 + number, value) for number, value in enumerate(series) if value != U]
        if not seen:
            assert together.change[0, place] == 255
            continue
        alone = over_years((year, np.array([[value]], np.uint8)) for year, value in seen)
        for name, layer in vars(alone).items():
            assert vars(together)[name][0, place] == layer[0, 0]


@given(st.lists(st.sampled_from([L, W]), min_size=1, max_size=12))
def test_time_turned_round_turns_gained_into_lost(series) -> None:
    there, back = of(series).change[0, 0], of(series[::-1]).change[0, 0]
    assert back == {GAINED: LOST, LOST: GAINED}.get(there, there)


def test_a_single_year_says_what_its_map_says() -> None:
    made = of([L], [W], [U])
    assert made.change.tolist() == [[NEVER, PERMANENT, 255]] and made.occurrence.tolist() == [[0, 100, 255]]
    assert made.first_year.tolist() == made.last_year.tolist() == [[0, 2018, 65535]]


def test_years_out_of_order_are_refused() -> None:
    one = np.zeros((1, 1), np.uint8)
    with pytest.raises(ValueError, match="2019 comes after 2020"):
        over_years([(2020, one), (2019, one)])
    with pytest.raises(ValueError, match="no year"):
        over_years([])


def test_uncertainty_is_shannons_entropy_in_percent() -> None:
    # 1/4: -(1/4)(-2) - (3/4) log2(3/4) = .5 + .3113 bit
    given = np.array([[0, 1, 0.5, 0.25, 0.75, np.nan, 1e-30, 1 - 6e-8, 0.11]], np.float32)
    assert uncertainty(given).tolist() == [[0, 0, 100, 81, 81, 255, 0, 0, 50]]
    assert uncertainty(given).dtype == np.uint8

"""Imagery in other units is refused by tile, and odd pixels are not."""

import numpy as np
import pytest

from water_gee.earth import composite_spec, foreign, impossible, possible_ranges

BANDS = ("nir", "mndwi", "water_share")


@pytest.fixture
def judged(settings):
    """A function from the band nir [y, x] to what is impossible of it, beside bands that are well."""
    ranges = possible_ranges(composite_spec(settings()))

    def judge(nir, ranges=ranges):
        nir = np.asarray(nir, np.float32)
        values = np.stack([nir, np.zeros_like(nir), np.ones_like(nir)])
        return impossible(values, BANDS, ranges) or foreign(values, BANDS)

    return judge


def ground(shape=(100, 100)):
    return np.random.default_rng(2).uniform(0, 0.4, shape)


def test_ground_and_snow_are_reflectance(judged):
    assert judged(ground()) == ""
    assert judged(ground() * 0.2 - 0.04) == "" and judged(ground() + 0.75) == ""
    assert judged(np.full((8, 8), np.nan)) == ""


@pytest.mark.parametrize("wrong", [lambda r: r * 1e4 * 2.75e-5 - 0.2, lambda r: r * 2.75e-5 - 0.2, lambda r: r + 0.9])
def test_a_median_that_no_ground_has_is_refused(judged, wrong):
    text = judged(wrong(ground()))
    assert text.startswith("the band nir is no reflectance: its median is ") and "multiply and add" in text


def test_single_pixels_beyond_are_kept_and_one_in_a_hundred_is_not(judged, settings):
    ranges = possible_ranges(composite_spec(settings("sensor.valid=null")))
    nir = ground()
    nir[:, 0] = np.nan  # of the pixels seen: one in a hundred of these are 99
    nir[:99, 1] = 1.7
    assert judged(nir, ranges) == ""
    nir[99, 1] = 1.7
    assert "1% of its pixels lie outside of -0.2 to 1.6" in judged(nir, ranges)


def test_a_damaged_value_is_found_where_the_sensor_bounds_no_numbers(judged, settings):
    ranges = possible_ranges(composite_spec(settings("sensor.valid=null")))
    nir = ground()
    nir[5, 5] = 3e26
    assert "the band nir holds 3e+26 in 1 pixels" in judged(nir, ranges)

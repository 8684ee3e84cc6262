"""The registry, its names, and its mirror on arrays."""

import ee
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from memory_catalog import MemoryCatalog, MemoryImage, client, pixels
from scenes import direct_leb
from water_gee.earth import FEATURES, composite_spec, derive, line_enhancement, normalised_difference
from water_gee.earth.indices import normalised
from water_gee.errors import ConfigError, TileError

FLOATS = arrays(np.float32, (5, 6), elements=st.floats(-0.25, 1.75, width=32) | st.just(np.nan))


def test_every_feature_says_where_it_comes_from():
    for name, feature in FEATURES.items():
        assert name in {"blue", "green", "red", "nir", "swir1", "swir2"} or feature.build.__doc__


def test_an_unknown_feature_is_named_with_the_nearest(settings):
    with pytest.raises(ConfigError, match=r"no feature 'mdnwi'; did you mean mndwi\?.*known: blue"):
        composite_spec(settings("features.names=[blue,mdnwi]"))


def test_a_feature_needs_its_bands(settings):
    with pytest.raises(ConfigError, match="mndwi needs the band swir1"):
        composite_spec(settings("~sensor.bands.swir1", "features.names=[blue,mndwi]"))


def test_negative_reflectance_counts_as_0():
    """Dark water: unclipped, the first pair is -5, the far end of land, and the service's own function masks it."""
    one, other = np.array([0.01, -0.02, -0.02, 0, 0.03]), np.array([-0.015, 0.01, -0.01, 0, 0.01])
    expected = [1, -1, 0, 0, 0.5]
    np.testing.assert_allclose(normalised_difference(one, other), expected, rtol=1e-6)
    asset = MemoryImage("look", {"a": one[None], "b": other[None]})
    with client():
        look = ee.Image("look")
        ours = normalised(look.select("a"), look.select("b"))
        found = [pixels(MemoryCatalog(asset), image) for image in (ours, look.normalizedDifference())]
    np.testing.assert_allclose(found[0].bands[0].values[0], expected)
    assert found[0].bands[0].mask.all()
    np.testing.assert_array_equal(found[1].bands[0].mask[0], [False, False, False, True, True])


@given(FLOATS, FLOATS)
def test_normalised_differences_lie_within_one(one, other):
    values = normalised_difference(one, other)
    known = ~(np.isnan(one) | np.isnan(other))
    assert (np.isnan(values) == ~known).all()
    assert (np.abs(values[known]) <= 1).all()
    np.testing.assert_allclose(values, -normalised_difference(other, one))


@given(arrays(np.float32, (9, 8), elements=st.floats(-1, 1, width=32) | st.just(np.nan)))
def test_line_enhancement_equals_scipys_shifts(index):
    np.testing.assert_allclose(line_enhancement(index), direct_leb(index.astype(float)), atol=1e-6)


def test_features_are_derived_from_others():
    bands = {"nir": np.full((3, 3), 0.3, np.float32), "red": np.full((3, 3), 0.1, np.float32)}
    np.testing.assert_allclose(derive("ndvi", bands), 0.5, atol=1e-6)
    assert derive("nir", bands) is bands["nir"]
    with pytest.raises(TileError, match="no band 'green'"):
        derive("mndwi", bands)

"""Where pixels lie: independent of how an area is cut, and equal to rasterio's and scipy's resampling."""

import ee
import numpy as np
import pytest
import rasterio.warp
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.enums import Resampling
from scipy import ndimage

from eelocal.errors import EEError
from eelocal.evaluator import Evaluator, plan
from memory_catalog import NORTH_UP, MemoryCatalog, MemoryImage, grid, pixels, value

RANDOM = np.random.default_rng(5)
HERE = RANDOM.integers(0, 1000, (70, 80)).astype(np.uint16)
ROUGH = RANDOM.normal(size=(40, 40))
HALF = (
    30.0,
    0.0,
    NORTH_UP[2] + 15.0,
    0.0,
    -30.0,
    NORTH_UP[5] + 15.0,
)  # every pixel centre is on a corner of the other grid
COARSE = (47.3, 0.0, NORTH_UP[2] - 31.7, 0.0, -47.3, NORTH_UP[5] + 11.1)
LONLAT = (0.0004, 0.0, 104.995, 0.0, -0.0004, 51.455)
CATALOG = MemoryCatalog(
    MemoryImage("c/here", {"v": HERE}, {"v": RANDOM.random(HERE.shape) < 0.9}),
    MemoryImage("c/half", {"v": ROUGH}, transform=HALF),
    MemoryImage("c/coarse", {"v": ROUGH}, {"v": RANDOM.random(ROUGH.shape) < 0.9}, transform=COARSE),
    MemoryImage("c/degrees", {"v": ROUGH}, crs="EPSG:4326", transform=LONLAT),
)


def everything():
    """Images of four grids, composed, convolved, reprojected and clipped."""
    images = ee.ImageCollection("c")
    median, last = images.median(), images.mosaic()
    fixed = last.reproject("EPSG:32648", list(COARSE)).convolve(ee.Kernel.square(1))
    smooth = ee.Image("c/coarse").resample("bilinear")
    region = ee.Geometry.Polygon([[[105.003, 51.448], [105.02, 51.4505], [105.012, 51.436]]])
    around = (
        median.unmask(0).neighborhoodToArray(ee.Kernel.square(2)).arrayReduce(ee.Reducer.sum(), [0, 1]).arrayGet([0, 0])
    )
    slope = ee.Terrain.slope(median.setDefaultProjection("EPSG:32648", list(COARSE)))
    bands = [median, last, fixed, smooth, median.clip(region), around, ee.Image.pixelLonLat(), slope]
    return ee.Image.cat(bands)


@pytest.fixture(scope="module")
def whole():
    return pixels(CATALOG, everything(), grid(90, 80, -5, -5))


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_no_result_depends_on_how_an_area_is_cut(whole, data):
    left, top = data.draw(st.integers(-5, 84)), data.draw(st.integers(-5, 74))
    width, height = data.draw(st.integers(1, 85 - left)), data.draw(st.integers(1, 75 - top))
    part = pixels(CATALOG, everything(), grid(width, height, left, top))
    for one, all_ in zip(part.bands, whole.bands, strict=True):
        window = (slice(top + 5, top + 5 + height), slice(left + 5, left + 5 + width))
        np.testing.assert_array_equal(one.mask, all_.mask[window])
        np.testing.assert_allclose(one.values, all_.values[window], rtol=1e-12, atol=1e-12)


def test_the_bands_that_are_cut_hold_something(whole):
    assert all(0.05 < band.mask.mean() <= 1 for band in whole.bands)


@pytest.mark.parametrize("size", [1, 90, 91, 1000])
def test_no_result_depends_on_the_strips(whole, size, monkeypatch):
    strips = plan.strips
    monkeypatch.setattr(plan, "strips", lambda window: strips(window, size))
    again = pixels(CATALOG, everything(), grid(90, 80, -5, -5))
    for one, other in zip(again.bands, whole.bands, strict=True):
        np.testing.assert_array_equal(one.mask, other.mask)
        np.testing.assert_allclose(one.values, other.values, rtol=1e-12, atol=1e-12)


@settings(max_examples=30, deadline=None)
@given(
    scale=st.floats(5, 90),
    x=st.floats(-500, 2500),
    y=st.floats(-2500, 500),
    width=st.integers(1, 40),
    height=st.integers(1, 40),
)
def test_any_grid_takes_the_nearest_pixel(scale, x, y, width, height):
    base = (scale, 0.0, NORTH_UP[2] + x, 0.0, -scale, NORTH_UP[5] + y)
    out = pixels(CATALOG, ee.Image("c/here"), grid(width, height, base=base)).bands[0]
    right, down = x + scale * (np.arange(width) + 0.5), -y + scale * (np.arange(height) + 0.5)
    columns, rows = np.floor(right / 30).astype(int), np.floor(down / 30).astype(int)
    inside = ((rows >= 0) & (rows < 70))[:, None] & ((columns >= 0) & (columns < 80))[None]
    picked = HERE[np.clip(rows, 0, 69)[:, None], np.clip(columns, 0, 79)]
    mask = CATALOG.known["c/here"].masks["v"][np.clip(rows, 0, 69)[:, None], np.clip(columns, 0, 79)] & inside
    # Where a centre is within rounding of an edge, either pixel is right.
    safe = _away(right)[None] & _away(down)[:, None]
    np.testing.assert_array_equal(out.mask[safe], mask[safe])
    np.testing.assert_array_equal(out.values[safe & mask], picked[safe & mask])


def _away(position):
    part = (position / 30) % 1
    return (part > 1e-4) & (part < 1 - 1e-4)


def warped(source, transform, crs, base, shape, resampling):
    out = np.full(shape, np.nan)
    rasterio.warp.reproject(
        source.astype(float), out, src_transform=Affine(*transform), src_crs=crs, dst_transform=Affine(*base),
        dst_crs="EPSG:32648", resampling=resampling, dst_nodata=np.nan, tolerance=0,
    )  # fmt: skip
    return out


def test_another_system_equals_rasterio():
    base = (30.0, 0.0, 499_800.0, 0.0, -30.0, 5_700_400.0)
    out = pixels(CATALOG, ee.Image("c/degrees"), grid(30, 40, base=base)).bands[0]
    expected = warped(ROUGH, LONLAT, "EPSG:4326", base, (40, 30), Resampling.nearest)
    assert np.isfinite(expected).mean() > 0.5
    same = (out.values == expected) | (~out.mask & np.isnan(expected))
    assert same.mean() > 0.998  # GDAL approximates the transform to a fraction of a pixel


def test_bilinear_equals_scipy():
    base = (30.0, 0.0, NORTH_UP[2] + 200.0, 0.0, -30.0, NORTH_UP[5] - 200.0)
    out = pixels(CATALOG, ee.Image("c/half").resample("bilinear"), grid(25, 25, base=base)).bands[0]
    x = (200.0 - 15.0) / 30 + np.arange(25)
    y = (200.0 + 15.0) / 30 + np.arange(25)
    expected = ndimage.map_coordinates(ROUGH, np.meshgrid(y, x, indexing="ij"), order=1)
    np.testing.assert_allclose(out.values, expected, atol=1e-7)  # pixels lie to a hundred-millionth of their size


def test_reproject_fixes_the_grid_of_what_is_below():
    coarse = ee.Image("c/here").reproject("EPSG:32648", [60, 0, NORTH_UP[2], 0, -60, NORTH_UP[5]])
    out = (
        pixels(CATALOG, coarse.unmask(0).convolve(ee.Kernel.fixed(3, 1, [[1, 0, 0]])), grid(40, 30, 4, 4))
        .bands[0]
        .values
    )
    below = pixels(
        CATALOG,
        ee.Image("c/here").unmask(0).convolve(ee.Kernel.fixed(3, 1, [[1, 0, 0]])).reproject(
            "EPSG:32648", [60, 0, NORTH_UP[2], 0, -60, NORTH_UP[5]]
        ),
        grid(40, 30, 4, 4),
    ).bands[0].values  # fmt: skip
    filled = np.where(CATALOG.known["c/here"].masks["v"], HERE, 0)
    sampled = np.repeat(np.repeat(filled[1::2, 1::2], 2, 0), 2, 1)
    np.testing.assert_array_equal(out, sampled[4:34, 3:43])  # a neighbour is one pixel of the grid asked for
    np.testing.assert_array_equal(below, sampled[4:34, 2:42])  # a neighbour is one pixel of the fixed grid


def test_an_image_has_its_own_grid():
    out = pixels(CATALOG, ee.Image("c/coarse"))
    assert (out.grid.transform, out.grid.width, out.grid.height) == (COARSE, 40, 40)
    np.testing.assert_array_equal(out.bands[0].values[out.bands[0].mask], ROUGH[out.bands[0].mask])


def test_a_clipped_image_has_the_grid_of_its_footprint():
    left, top = NORTH_UP[2], NORTH_UP[5]
    region = ee.Geometry.Rectangle([left + 90, top - 300, left + 330, top - 60], "EPSG:32648", False)
    out = pixels(CATALOG, ee.Image("c/here").clip(region))
    assert abs(out.grid.width - 8) <= 1 and abs(out.grid.height - 8) <= 1
    assert out.grid.transform[2] % 30 == NORTH_UP[2] % 30


def test_a_composite_has_no_grid():
    with pytest.raises(EEError, match="projection"):
        pixels(CATALOG, ee.ImageCollection("c").median())
    info = value(CATALOG, ee.ImageCollection("c").median())
    assert info["bands"][0]["crs"] == "EPSG:4326"
    assert info["bands"][0]["crs_transform"] == [1, 0, 0, 0, 1, 0]
    placed = ee.ImageCollection("c").median().setDefaultProjection("EPSG:32648", list(NORTH_UP))
    assert value(CATALOG, placed.projection())["transform"] == list(NORTH_UP)


def test_projections():
    assert value(CATALOG, ee.Projection("EPSG:4326").nominalScale()) == pytest.approx(111319.49079327357)
    assert value(CATALOG, ee.Image("c/coarse").projection().nominalScale()) == pytest.approx(47.3)
    told = value(CATALOG, ee.Projection("EPSG:32648", [30, 0, 477585, 0, -30, 5628015.5]).transform())
    elements = 'PARAMETER["elt_0_0", 30.0], PARAMETER["elt_0_2", 477585.0], PARAMETER["elt_1_1", -30.0]'
    size = 'PARAMETER["num_row", 3], PARAMETER["num_col", 3]'
    assert told == f'PARAM_MT["Affine", {size}, {elements}, PARAMETER["elt_1_2", 5628015.5]]'
    assert value(CATALOG, ee.Projection("EPSG:32648").atScale(30).nominalScale()) == pytest.approx(30)
    with pytest.raises(EEError, match="could not be parsed"):
        value(CATALOG, ee.Projection("EPSG:0"))


def test_pixel_area_and_position():
    out = pixels(CATALOG, ee.Image.pixelArea().addBands(ee.Image.pixelLonLat()), grid(3, 3)).bands
    # Near the central meridian of UTM the scale is 0.9996.
    np.testing.assert_allclose(out[0].values, 900 / 0.9996**2, rtol=1e-6)
    assert out[1].values[0, 0] == pytest.approx(105.0, abs=1e-3)
    degrees = pixels(
        CATALOG, ee.Image.pixelArea(), grid(1, 1, base=(0.01, 0, 105, 0, -0.01, 52), crs="EPSG:4326")
    ).bands[0]
    cell = ee.Geometry.Rectangle([105, 51.99, 105.01, 52], None, False)
    assert degrees.values[0, 0] == pytest.approx(value(CATALOG, cell.area()), rel=1e-5)


def test_the_evaluator_needs_a_grid_with_pixels():
    with pytest.raises(EEError, match="positive"):
        pixels(CATALOG, ee.Image(1), grid(0, 5))
    assert Evaluator(CATALOG).catalog is CATALOG

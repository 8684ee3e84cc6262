"""References as people have them: read by what is said of them, or refused in one line that names the setting."""

from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
from rasterio import Affine
from rasterio.enums import ColorInterp

from water_gee.config.reference import ReferenceSettings
from water_gee.errors import WaterGeeError
from water_gee.evaluation import Reference
from water_gee.study import Grid, Window

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(13_300, -193_300, 40, 30)
SHAPE = (WINDOW.height, WINDOW.width)
HERE = GRID.transform(WINDOW)
TRUTH = (np.arange(1200).reshape(SHAPE) % 7 < 3).astype(np.uint8)
SPREAD = np.linspace(0, 1, 1200).reshape(SHAPE)


def store(path: Path, values: np.ndarray, *, bands: tuple[str, ...] = (), scale: float = 1, **profile) -> Path:
    """Write values [y, x] or [band, y, x] as a GeoTIFF."""
    stack = values if values.ndim == 3 else values[None]
    whole = {"driver": "GTiff", "height": SHAPE[0], "width": SHAPE[1], "count": len(stack), "dtype": stack.dtype}
    with rasterio.open(path, "w", **{**whole, "crs": GRID.crs, "transform": HERE, **profile}) as file:
        file.write(stack)
        file.descriptions = bands or file.descriptions
        if scale != 1:
            file.scales = (scale,) * len(stack)
    return path


def reference(path: Path | str, folder: Path = Path(), **options) -> Reference:
    return Reference.of("truth", ReferenceSettings(path=str(path), **options), folder)


def sample(path: Path | str, year: int = 2020, **options) -> np.ndarray:
    found = reference(path, **options)
    found.check([year])
    return found.sample(year, GRID.crs, HERE, SHAPE)


def refusal(path: Path | str, **options) -> str:
    with pytest.raises(WaterGeeError) as caught:
        sample(path, **options)
    text = str(caught.value)
    assert text.startswith("study.references.truth") and "\n" not in text and str(path) in text
    return text


def test_global_surface_water_by_year(tmp_path) -> None:
    """0 nodata, 1 not water, 2 seasonal, 3 permanent."""
    values = np.random.default_rng(0).choice(np.array([0, 1, 2, 3], np.uint8), SHAPE)
    path = store(tmp_path / "yearly.tif", values)
    assert "holds the values 2, 3; say by study.references.truth.values or ranges" in refusal(path)
    chosen = {"water": [2, 3], "land": [1], "unknown": [0]}
    np.testing.assert_array_equal(sample(path, values=chosen), np.array([255, 0, 1, 1])[values])
    store(path, values, nodata=0)
    del chosen["unknown"]
    np.testing.assert_array_equal(sample(path, values=chosen), np.array([255, 0, 1, 1])[values])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_classes_of_any_type(tmp_path, dtype) -> None:
    """As those of a cover of land, 80 water; where 255 is a class it is no nodata."""
    values = np.where(TRUTH, 80, 10).astype(dtype)
    path = store(tmp_path / "cover.tif", values)
    np.testing.assert_array_equal(sample(path, values={"water": [80], "land": [10, 20, 30]}), TRUTH)
    assert "holds the values 10, 80" in refusal(path)
    np.testing.assert_array_equal(sample(store(path, TRUTH.astype(dtype))), TRUTH)
    if np.dtype(dtype).itemsize > 1:
        values = np.where(TRUTH, 255, 1210).astype(dtype)
        np.testing.assert_array_equal(sample(store(path, values), values={"water": [255], "land": [1210]}), TRUTH)


def test_a_mask_of_0_and_255(tmp_path) -> None:
    path = store(tmp_path / "mask.tif", TRUTH * np.uint8(255))
    np.testing.assert_array_equal(sample(path, values={"water": [255], "land": [0]}), TRUTH)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_fractions_indices_and_probabilities(tmp_path, dtype) -> None:
    values = SPREAD.astype(dtype)
    values[3, :9] = np.nan
    values[0, 0], values[0, 1], values[0, 2] = 0.7, np.nextafter(values.dtype.type(0.7), values.dtype.type(0)), 1
    path = store(tmp_path / "fraction.tif", values)
    text = refusal(path)
    assert "and others; say by study.references.truth.values or ranges" in text
    found = sample(path, ranges={"land": [0, 0.7], "water": [0.7, 1]})
    expected = np.where(np.isnan(values), 255, values >= values.dtype.type(0.7))
    np.testing.assert_array_equal(found, expected)
    assert found[0, :3].tolist() == [1, 0, 1]
    found = sample(path, ranges={"land": [0, 0.25], "unknown": [0.25, 0.75], "water": [0.75, 1]})
    assert set(np.unique(found)) == {0, 1, 255} and (found == 255).sum() > 600
    assert "holds the value 1;" in refusal(path, ranges={"land": [0, 0.7], "water": [0.7, 0.9999]})
    values[5, 5] = -9999
    store(path, values)
    ranges = {"land": [0, 0.7], "water": [0.7, 1]}
    assert "holds the value -9999;" in refusal(path, ranges=ranges)
    store(path, values, nodata=-9999)
    expected[5, 5] = 255
    np.testing.assert_array_equal(sample(path, ranges=ranges), expected)


def test_percent_of_a_year(tmp_path) -> None:
    """0 to 100, and 255 where nothing is known, by nodata or not."""
    values = np.round(SPREAD * 100).astype(np.uint8)
    values[:2] = 255
    ranges = {"land": [0, 50], "water": [50, 100]}
    expected = np.where(values == 255, 255, values >= 50)
    for profile in ({}, {"nodata": 255}):
        found = sample(store(tmp_path / "percent.tif", values, **profile), ranges=ranges)
        np.testing.assert_array_equal(found, expected)
    assert "names 0 as its nodata, so that all land" in refusal(
        store(tmp_path / "a.tif", values, nodata=0), ranges=ranges
    )
    wide = values.astype(np.int16)
    assert "holds the value 255;" in refusal(store(tmp_path / "wide.tif", wide), ranges=ranges)
    found = sample(tmp_path / "wide.tif", ranges=ranges, values={"unknown": [255]})
    np.testing.assert_array_equal(found, expected)


def test_scaled_numbers_are_those_that_the_scale_makes(tmp_path) -> None:
    values = np.round(SPREAD * 100).astype(np.uint8)
    values[0, 0], values[2] = 35, 200
    path = store(tmp_path / "scaled.tif", values, scale=0.01, nodata=200)
    found = sample(path, ranges={"land": [0, 0.35], "water": [0.35, 1]})
    np.testing.assert_array_equal(found, np.where(values == 200, 255, values >= 35))
    (said,) = reference(path, ranges={"land": [0, 35], "water": [36, 100]}).remarks([2020], GRID.crs, HERE)
    assert "scaled.tif has a scale of 0.01 and an offset of 0: values and ranges are of the numbers that" in said
    assert "holds the value 0.01" in refusal(store(tmp_path / "classes.tif", TRUTH, scale=0.01))


@pytest.mark.parametrize("profile", [{"nbits": 1}, {"nbits": 1, "photometric": "miniswhite"}, {"nbits": 2}])
def test_bits(tmp_path, profile) -> None:
    np.testing.assert_array_equal(sample(store(tmp_path / "bits.tif", TRUTH, **profile)), TRUTH)


def test_a_palette_is_how_classes_look_and_not_what_they_are(tmp_path) -> None:
    path = store(tmp_path / "palette.tif", TRUTH)
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {0: (90, 60, 30, 255), 1: (0, 0, 255, 255)})
    np.testing.assert_array_equal(sample(path), TRUTH)


def test_of_several_bands_one_is_named(tmp_path) -> None:
    stack = np.stack([np.full(SHAPE, 5, np.uint8), TRUTH])
    path = store(tmp_path / "bands.tif", stack, bands=("looks", "water"))
    assert "has the bands looks, water; name the one to read as study.references.truth.band" in refusal(path)
    for band in (2, "water"):
        np.testing.assert_array_equal(sample(path, band=band), TRUTH)
    assert "has no band 3; it has 2" in refusal(path, band=3)
    assert "has no band mask; it has looks, water" in refusal(path, band="mask")


def test_a_picture_is_refused_and_transparency_hides(tmp_path) -> None:
    picture = np.stack([TRUTH * np.uint8(200)] * 3 + [np.full(SHAPE, 255, np.uint8)])
    path = store(tmp_path / "picture.tif", picture, photometric="rgb")
    assert "is a picture" in refusal(path)
    hidden = np.zeros(SHAPE, bool)
    hidden[4:9] = True
    path = store(tmp_path / "grey.tif", np.stack([TRUTH, np.where(hidden, 0, 255).astype(np.uint8)]), alpha="yes")
    with rasterio.open(path) as file:
        assert file.colorinterp[1] == ColorInterp.alpha
    np.testing.assert_array_equal(sample(path), np.where(hidden, 255, TRUTH))


def test_a_band_a_year(tmp_path) -> None:
    path = store(tmp_path / "years.tif", np.stack([TRUTH, 1 - TRUTH]), bands=("y2019", "y2020"))
    found = reference(path, band="y{year}")
    found.check([2019, 2020, 2021])
    for year, expected in ((2019, TRUTH), (2020, 1 - TRUTH), (2021, np.full(SHAPE, 255))):
        np.testing.assert_array_equal(found.sample(year, GRID.crs, HERE, SHAPE), expected)
    (said,) = found.remarks([2019, 2020, 2021], GRID.crs, HERE)
    assert said == "study.references.truth: no band for 2021, which is measured without it"
    with pytest.raises(WaterGeeError, match="no file has a band of any of the years"):
        found.check([2021])


def test_complex_numbers_are_none(tmp_path) -> None:
    assert "complex numbers" in refusal(store(tmp_path / "radar.tif", TRUTH.astype(np.complex64)))


def test_a_value_beside_a_nodata_value_stays_what_it_is(tmp_path) -> None:
    """GDAL's warper moves values that equal its nodata value to the next: 255 became 254."""
    values = np.random.default_rng(1).choice(np.array([0, 1, 99, 255], np.uint8), SHAPE)
    found = sample(store(tmp_path / "a.tif", values, nodata=99))
    np.testing.assert_array_equal(found, np.where(values == 99, 255, values))


def test_in_another_crs_the_pixel_is_the_one_that_holds_the_centre(tmp_path) -> None:
    """To the last pixel: what GDAL warps is up to an eighth of a pixel off, and took the neighbour of 2 % of them."""
    across, down = HERE.c + (np.arange(SHAPE[1]) + 0.5) * 30, HERE.f - (np.arange(SHAPE[0]) + 0.5) * 30
    to_degrees = pyproj.Transformer.from_crs(GRID.crs, "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(*np.meshgrid(across, down))
    step, west, north = 0.0002, longitude.min() - 0.00107, latitude.max() + 0.00107
    side = (int((north - latitude.min()) / step) + 9, int((longitude.max() - west) / step) + 9)
    values = np.random.default_rng(0).integers(0, 2, side, dtype=np.uint8)
    place = {
        "height": side[0],
        "width": side[1],
        "crs": "EPSG:4326",
        "transform": Affine(step, 0, west, 0, -step, north),
    }
    expected = values[((north - latitude) / step).astype(int), ((longitude - west) / step).astype(int)]
    np.testing.assert_array_equal(sample(store(tmp_path / "degrees.tif", values, **place)), expected)

"""References that would give wrong figures without a word: refused, or named with what they cannot tell."""

import shutil

import numpy as np
import pytest
import rasterio
from rasterio import Affine
from rasterio.shutil import copy as copy_raster

from water_gee.config.reference import ReferenceSettings
from water_gee.errors import ConfigError, TileError
from water_gee.evaluation import Reference
from water_gee.study import Grid, Window
from water_gee.tiles import write_raster

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(13_300, -193_300, 40, 30)
SHAPE = (WINDOW.height, WINDOW.width)
HERE = GRID.transform(WINDOW)
TRUTH = (np.arange(1200).reshape(SHAPE) % 7 < 3).astype(np.uint8)


def store(folder, values=TRUTH, name="water_2020", **profile) -> Reference:
    place = {"crs": GRID.crs, "transform": HERE, **profile}
    write_raster(folder / f"{name}.tif", values[None], ["water"], **place)
    return Reference("truth", "water_{year}*.tif", folder)


def sample(reference: Reference, window: Window = WINDOW, grid: Grid = GRID) -> np.ndarray:
    return reference.sample(2020, grid.crs, grid.transform(window), (window.height, window.width))


@pytest.mark.parametrize(("nodata", "name"), [(0, "land"), (1, "water")])
def test_a_class_cannot_be_what_stands_for_nothing(tmp_path, nodata, name) -> None:
    with pytest.raises(ConfigError) as caught:
        store(tmp_path, nodata=nodata).check([2020])
    text = str(caught.value)
    assert text.startswith("study.references.truth: ") and f"all {name} in it would be unknown" in text
    assert "gdal_edit.py -unsetnodata" in text and "\n" not in text


def test_any_other_value_may_stand_for_nothing(tmp_path) -> None:
    values = np.where(np.arange(40) < 20, TRUTH, np.uint8(99))
    reference = store(tmp_path, values, nodata=99)
    reference.check([2020])
    np.testing.assert_array_equal(sample(reference), np.where(values == 99, 255, values))


def test_values_of_another_product_have_the_class_that_they_are_given(tmp_path) -> None:
    values = np.random.default_rng(1).choice(np.array([0, 1, 2, 80, 255], np.uint8), SHAPE)
    store(tmp_path, values, nodata=0)
    chosen = {"water": [2, 80], "land": [1]}
    reference = Reference.of("truth", ReferenceSettings(path="water_{year}.tif", values=chosen), tmp_path)
    reference.check([2020])
    np.testing.assert_array_equal(sample(reference), np.select([values == 1, np.isin(values, (2, 80))], [0, 1], 255))
    chosen["land"] = [0]
    with pytest.raises(ConfigError, match="names 0 as its nodata, so that all land in it would be unknown"):
        Reference.of("truth", ReferenceSettings(path="water_{year}.tif", values=chosen), tmp_path).check([2020])
    store(tmp_path, values, name="water_2021")
    other = Reference.of("truth", ReferenceSettings(path="water_2021.tif", values=chosen), tmp_path)
    with pytest.raises(TileError, match=r"holds the value 1; say by study\.references\.truth\.values"):
        sample(other)


def test_a_raster_without_a_crs(tmp_path) -> None:
    with pytest.raises(ConfigError, match=r"study.references.truth: .*water_2020.tif has no crs"):
        store(tmp_path, crs=None).check([2020])


def test_a_file_that_is_no_raster(tmp_path) -> None:
    (tmp_path / "water_2020.tif").write_text("mine", encoding="utf-8")
    with pytest.raises(TileError, match=r"water_2020.tif cannot be read"):
        Reference("truth", "water_{year}.tif", tmp_path).check([2020])


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            TRUTH * 2,
            "holds the value 2; say by study.references.truth.values or ranges what is water and what is land (unsaid: "
            "1 water, 0 land, 255 unknown)",
        ),
        (TRUTH * 100, "holds the value 100;"),
        (np.arange(1200).reshape(SHAPE).astype(np.uint8), "holds the values 2, 3, 4 and others;"),
        (TRUTH / np.float32(2), "holds the value 0.5;"),
        (TRUTH.astype(np.int16) * -300, "holds the value -300;"),
    ],
    ids=["2", "100", "many", "fractions", "int16"],
)
def test_other_values(tmp_path, values, said) -> None:
    with pytest.raises(TileError) as caught:
        sample(store(tmp_path, values))
    assert said in str(caught.value) and "water_2020.tif" in str(caught.value)


@pytest.mark.parametrize("kind", ["inside", "beside"])
def test_what_a_mask_hides_is_unknown(tmp_path, kind) -> None:
    store(tmp_path)
    hidden = np.zeros(SHAPE, bool)
    hidden[5:9, 3:17] = True
    path = tmp_path / "water_2020.tif"
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=kind == "inside"):
        copy_raster(path, tmp_path / "copy.tif", driver="GTiff")
        shutil.move(tmp_path / "copy.tif", path)
        with rasterio.open(path, "r+") as file:
            file.write_mask(~hidden)
    assert (tmp_path / "water_2020.tif.msk").exists() == (kind == "beside")
    reference = Reference("truth", "water_2020.tif", tmp_path)
    np.testing.assert_array_equal(sample(reference), np.where(hidden, 255, TRUTH))
    part = Window(WINDOW.left + 4, WINDOW.top + 3, 50, 10)
    expected = np.full((10, 50), 255)
    expected[:, :36] = np.where(hidden, 255, TRUTH)[3:13, 4:]
    np.testing.assert_array_equal(sample(reference, part), expected)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ({}, None),
        ({"transform": HERE @ Affine.translation(64, -3)}, None),
        ({"transform": HERE @ Affine.translation(0.5, 0.5)}, "the same pixels, moved by 0.5 and 0.5 of one"),
        ({"transform": HERE @ Affine.scale(8)}, "pixels of 240 and not of 30"),
        ({"crs": "EPSG:32649"}, "EPSG:32649, not EPSG:32648"),
    ],
    ids=["the study's", "elsewhere on it", "half a pixel off", "coarser", "another crs"],
)
def test_another_grid_is_said(tmp_path, profile, said) -> None:
    store(tmp_path, name="water_2020_b", **profile)
    reference = store(tmp_path, name="water_2020_a", **profile)
    remarks = list(reference.remarks([2020], GRID.crs, HERE))
    assert [f"water_2020_a.tif and 1 more has another grid than the study ({said})" in one for one in remarks] == [
        True
    ] * bool(said)


def test_a_year_without_a_file_is_said(tmp_path) -> None:
    remarks = list(store(tmp_path).remarks([2019, 2020, 2021], GRID.crs, HERE))
    assert remarks == ["study.references.truth: no file for 2019, 2021, which is measured without it"]


EAST = Grid("EPSG:32601", 30.0)
ACROSS = Window(11_958, -241_161, 60, 50)  # 180 degrees pass through its middle


@pytest.mark.parametrize("west", [179.9, -180.1, -180.0, 0.0], ids=["past 180", "before -180", "the globe", "from 0"])
@pytest.mark.parametrize("masked", [False, True])
def test_across_the_antimeridian_a_reference_in_degrees_falls_where_it_belongs(tmp_path, west, masked) -> None:
    from pyproj import Transformer

    step, north = 0.01, 65.4
    width = 20 if west in (179.9, -180.1) else 36_000
    rows, columns = np.arange(40)[:, None], np.arange(width)
    turned = (west + (columns + 0.5) * step) % 360
    values = np.where(turned < 180, 0, 1).astype(np.uint8) + np.zeros_like(rows, np.uint8)
    if masked:
        values = np.where(rows % 2 < 1, np.uint8(255), values)
    transform = Affine(step, 0, west, 0, -step, north)
    write_raster(tmp_path / "water.tif", values[None], ["water"], crs="EPSG:4326", transform=transform, nodata=255)
    found = sample(Reference("truth", "water.tif", tmp_path), ACROSS, EAST)
    x = (ACROSS.left + np.arange(ACROSS.width) + 0.5) * 30
    y = -(ACROSS.top + np.arange(ACROSS.height) + 0.5) * 30
    longitude, latitude = Transformer.from_crs("EPSG:32601", "EPSG:4326", always_xy=True).transform(*np.meshgrid(x, y))
    expected = np.where(longitude > 0, 0, 1)
    if masked:
        expected[np.floor((north - latitude) / step) % 2 < 1] = 255
    sure = np.abs(np.abs(longitude) - 180) > 1e-6
    assert {0, 1} <= set(np.unique(expected))
    np.testing.assert_array_equal(found[sure], expected[sure])


def test_a_reference_of_the_neighbouring_zone_across_the_antimeridian(tmp_path) -> None:
    from pyproj import Transformer

    left, bottom, right, top = EAST.bounds(ACROSS)
    over = Transformer.from_crs("EPSG:32601", "EPSG:32660", always_xy=True)
    west, south, east, north = over.transform_bounds(left, bottom, right, top)
    transform = Affine(30, 0, west - 300, 0, -30, north + 300)
    values = np.ones((1, int((north - south) / 30) + 20, int((east - west) / 30) + 20), np.uint8)
    write_raster(tmp_path / "water.tif", values, ["water"], crs="EPSG:32660", transform=transform)
    assert (sample(Reference("truth", "water.tif", tmp_path), ACROSS, EAST) == 1).all()

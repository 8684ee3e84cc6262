"""The whole service on real scenes: composite, parallel requests, an export read back."""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import rasterio

import eelocal
from eelocal.catalog import Catalog

SCENES = "LANDSAT/LC08/C02/T1_L2"
STRIP = 135
BANDS = ["SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6"]


@pytest.fixture(scope="module")
def running(real_scenes, tmp_path_factory):
    root = tmp_path_factory.mktemp("real") / "catalog"
    shutil.copytree(real_scenes / "catalog", root, copy_function=shutil.copyfile)
    with eelocal.Server(root) as server:
        yield server


def composite(ee):
    """The cloud-free median of a summer, as reflectance."""

    def clear(image):
        return image.updateMask(image.select("QA_PIXEL").bitwiseAnd(0b11110).eq(0))

    season = ee.ImageCollection(SCENES).filter(ee.Filter.eq("WRS_PATH", STRIP)).filterDate("2020-06-01", "2020-09-01")
    return season.map(clear).select(BANDS).median().multiply(2.75e-5).add(-0.2).toFloat()


def grid(left, top, width, height):
    affine = {"scaleX": 30, "translateX": 300000 + 30 * left, "scaleY": -30, "translateY": 5800000 - 30 * top}
    return {"crsCode": "EPSG:32648", "affineTransform": affine, "dimensions": {"width": width, "height": height}}


def ask(ee, image, where):
    return ee.data.computePixels({"expression": image, "fileFormat": "NUMPY_NDARRAY", "grid": where})


@pytest.fixture(scope="module")
def expected(real_scenes):
    """The composite by numpy alone: one scene in the season, so its clear pixels; NaN elsewhere."""
    (path,) = (real_scenes / "catalog" / SCENES).glob(f"*_{STRIP}023_*.tif")
    with rasterio.open(path) as dataset:
        bands = dict(zip(dataset.descriptions, dataset.read(), strict=True))
    clear = bands["QA_PIXEL"] & 0b11110 == 0
    return {
        name: np.where(clear & (bands[name] != 0), bands[name] * 2.75e-5 - 0.2, np.nan).astype(np.float32)
        for name in BANDS
    }


def test_a_composite_equals_numpy(running, expected):
    ee = eelocal.connect(running.url)
    pixels = ask(ee, composite(ee), grid(0, 0, 1152, 1152))
    assert list(pixels.dtype.names) == BANDS
    for name in BANDS:
        np.testing.assert_allclose(pixels[name], np.nan_to_num(expected[name]), rtol=0, atol=1e-7)
    mask = ask(ee, composite(ee).mask().toByte(), grid(0, 0, 1152, 1152))
    for name in BANDS:
        np.testing.assert_array_equal(mask[name], ~np.isnan(expected[name]))


def test_tiles_asked_for_at_once_equal_the_whole(running, expected):
    ee = eelocal.connect(running.url)
    image = composite(ee)
    corners = [(x, y) for y in range(-50, 1152, 256) for x in range(-50, 1152, 256)]
    with ThreadPoolExecutor(10) as pool:
        tiles = list(pool.map(lambda corner: ask(ee, image, grid(*corner, 256, 256)), corners))
    whole = np.zeros((1300, 1300), np.float32)
    for (x, y), tile in zip(corners, tiles, strict=True):
        whole[y + 50 : y + 306, x + 50 : x + 306] = tile["SR_B4"][: 1300 - y - 50, : 1300 - x - 50]
    np.testing.assert_allclose(whole[50:1202, 50:1202], np.nan_to_num(expected["SR_B4"]), rtol=0, atol=1e-7)
    assert not whole[:50].any() and not whole[:, :50].any()


def test_an_export_reads_back_equal(running, expected):
    ee = eelocal.connect(running.url)
    corner = {"crs": "EPSG:32648", "crsTransform": [30, 0, 300000, 0, -30, 5800000], "dimensions": "1152x1152"}
    task = ee.batch.Export.image.toAsset(composite(ee), "composite", "projects/local/assets/composite", **corner)
    task.start()
    while task.active():
        time.sleep(0.05)
    assert task.status()["state"] == "COMPLETED", task.status()
    stored = ee.Image("projects/local/assets/composite")
    pixels = ask(ee, stored, grid(0, 0, 1152, 1152))
    mask = ask(ee, stored.mask(), grid(0, 0, 1152, 1152))
    for name in BANDS:
        np.testing.assert_allclose(pixels[name], np.nan_to_num(expected[name]), rtol=0, atol=1e-7)
        np.testing.assert_array_equal(mask[name] != 0, ~np.isnan(expected[name]))


def test_usgs_products_as_they_are_shipped(real_scenes):
    images = {image.properties["system:index"]: image for image in Catalog(real_scenes).images("usgs")}
    assert sorted(images) == ["LC08_001070_20190114", "LC08_008059_20191201", "LC08_043024_20200802"]
    image = images["LC08_008059_20191201"]
    assert image.properties["CLOUD_COVER"] == 81.02
    values, mask = image.read("QA_PIXEL", 0, 0, 512, 512)
    assert 0.2 < (~mask).mean() < 0.4 and not (values[mask] & 1).any()
    with eelocal.Server(real_scenes) as server:
        ee = eelocal.connect(server.url)
        clear = ee.Image(image.id).select("QA_PIXEL").bitwiseAnd(0b11111).eq(0).rename("clear")
        pixels = ee.data.computePixels({"expression": clear, "fileFormat": "NUMPY_NDARRAY"})
        np.testing.assert_array_equal(pixels["clear"] == 1, mask & (values & 0b11111 == 0))

"""Pixels through the genuine client: formats, types, masks, grids."""

import json
import threading

import numpy as np
import pytest
import rasterio

import eelocal

SCENES = "LANDSAT/LC08/C02/T1_L2"
SCENE = f"{SCENES}/LC08_131023_20200715"
AFFINE = {"scaleX": 30, "translateX": 400000, "scaleY": -30, "translateY": 5800000}
GRID = {"crsCode": "EPSG:32648", "affineTransform": AFFINE, "dimensions": {"width": 50, "height": 40}}


def ask(ee, image, file_format="NUMPY_NDARRAY", **options):
    return ee.data.computePixels({"expression": image, "fileFormat": file_format, "grid": GRID} | options)


def raw(folder, band):
    with rasterio.open(folder / f"{SCENE}.tif") as dataset:
        return dataset.read(dataset.descriptions.index(band) + 1)


def test_npy_has_a_field_for_each_band_in_its_own_type(ee, folder):
    image = ee.Image(SCENE)
    mixed = ee.Image.cat(
        image.select("SR_B4"),
        image.select("SR_B4").multiply(2.0).toFloat().rename("float"),
        image.select("SR_B4").toDouble().rename("double"),
        image.select("SR_B4").gt(100).rename("flag"),
        image.select("SR_B4").toInt16().rename("int16"),
        image.select("SR_B4").toInt32().rename("int32"),
    )
    pixels = ask(ee, mixed)
    assert pixels.shape == (40, 50)
    assert [(name, pixels.dtype[name].str) for name in pixels.dtype.names] == [
        ("SR_B4", "<u2"), ("float", "<f4"), ("double", "<f8"), ("flag", "|u1"), ("int16", "<i2"), ("int32", "<i4"),
    ]  # fmt: skip
    values = raw(folder, "SR_B4")
    np.testing.assert_array_equal(pixels["SR_B4"], values)
    np.testing.assert_array_equal(pixels["float"], values.astype(np.float32) * 2)
    np.testing.assert_array_equal(pixels["flag"], values > 100)


def test_masked_pixels_are_zero(ee, folder):
    pixels = ask(ee, ee.Image(SCENE).select("SR_B1").add(5))
    assert (pixels["SR_B1"][:5, :7] == 0).all() and pixels["SR_B1"].min(where=pixels["SR_B1"] > 0, initial=9) > 5


def test_a_geotiff_has_names_and_place(ee, folder):
    image = ee.Image(SCENE).select(["SR_B2", "SR_B3"]).multiply(2.75e-5).toFloat()
    with rasterio.MemoryFile(ask(ee, image, "GEO_TIFF")) as memory, memory.open() as dataset:
        assert dataset.driver == "GTiff" and dataset.crs == "EPSG:32648" and dataset.nodata is None
        assert dataset.transform[:6] == (30, 0, 400000, 0, -30, 5800000)
        assert dataset.descriptions == ("SR_B2", "SR_B3") and dataset.dtypes == ("float32", "float32")
        np.testing.assert_array_equal(dataset.read(1), ask(ee, image)["SR_B2"])


def test_a_geotiff_has_one_type(ee):
    image = ee.Image(SCENE).select("SR_B2")
    with pytest.raises(ee.EEException, match=r"inconsistent types: UInt16 and Float64\."):
        ask(ee, image.addBands(image.toDouble().rename("x")), "GEO_TIFF")


def test_a_window_of_the_grid(ee, folder):
    grid = GRID | {
        "affineTransform": AFFINE | {"translateX": 400000 + 10 * 30, "translateY": 5800000 - 7 * 30},
        "dimensions": {"width": 60, "height": 5},
    }
    pixels = ask(ee, ee.Image(SCENE).select("SR_B7"), grid=grid)
    np.testing.assert_array_equal(pixels["SR_B7"][:, :40], raw(folder, "SR_B7")[7:12, 10:])
    assert (pixels["SR_B7"][:, 40:] == 0).all()


def test_without_a_grid_it_is_the_images_own(ee, folder):
    pixels = ee.data.computePixels({"expression": ee.Image(SCENE), "fileFormat": "NPY"})
    assert pixels.startswith(b"\x93NUMPY")
    stored = ee.data.getPixels({"assetId": SCENE, "fileFormat": "NUMPY_NDARRAY", "bandIds": ["QA_PIXEL", "SR_B1"]})
    assert stored.dtype.names == ("QA_PIXEL", "SR_B1")
    np.testing.assert_array_equal(stored["QA_PIXEL"], raw(folder, "QA_PIXEL"))


def sized(width, height=5):
    """A grid of another size."""
    return {"grid": GRID | {"dimensions": {"width": width, "height": height}}}


def placed(**affine):
    """A grid of another transform."""
    return {"grid": GRID | {"affineTransform": AFFINE | affine}}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"fileFormat": "PNG"}, "does not implement the file format PNG"),
        ({"fileFormat": "ZIPPED_GEO_TIFF"}, "does not implement the file format ZIPPED_GEO_TIFF"),
        ({"fileFormat": "BANANA"}, r"'file_format' \(type.googleapis.com/.*ImageFileFormat\), \"BANANA\""),
        ({"visualizationOptions": {"ranges": [{"min": 0, "max": 1}]}}, "visualizationOptions"),
        ({"bandIds": ["absent"]}, "absent"),
        ({"bandIds": "SR_B1"}, "Invalid value at 'band_ids'"),
        ({"bandIds": [5]}, r"'band_ids\[0\]' \(TYPE_STRING\), 5"),
        ({"scale": 30}, 'Unknown name "scale": Cannot find field'),
        ({"grid": {"dimensions": {"width": 5, "height": 5}}}, "grid without crsCode or crsWkt"),
        ({"grid": [1]}, "Invalid value at 'grid'"),
        ({"grid": GRID | {"scale": 30}}, "Unknown name \"scale\" at 'grid': Cannot find field"),
        ({"grid": GRID | {"crsWkt": "PROJCS[]"}}, "Only one of 'crsCode' and 'crsWkt'"),
        ({"grid": GRID | {"dimensions": 5}}, r"Invalid value at 'grid.dimensions'"),
        (sized("x"), r"'grid.dimensions.width' \(TYPE_INT32\), \"x\""),
        (sized(100.5), r"'grid.dimensions.width' \(TYPE_INT32\), 100.5"),
        (sized(True), r"\(TYPE_INT32\), true"),
        (sized(2**31), r"\(TYPE_INT32\), 2147483648"),
        (sized(0), "must be positive"),
        (sized(-5), r"dimensions \(-5x5\) must be positive"),
        ({"grid": GRID | {"affineTransform": {"scaleX": 30}}}, "cannot be inverted"),
        (placed(scaleX=0), "cannot be inverted"),
        (placed(scaleX="wide"), r"'grid.affine_transform.scale_x' \(TYPE_DOUBLE\), \"wide\""),
        (placed(scaleX="NaN"), r"\(TYPE_DOUBLE\), \"NaN\""),
        (placed(scaleX=float("nan")), "NaN is not a JSON number"),
        (placed(translateX=1e300), "too far from the origin"),
        (placed(scaleX=1e-300), "too far from the origin"),
    ],
)
def test_requests_that_are_wrong(ee, change, reason):
    with pytest.raises(ee.EEException, match=reason):
        ask(ee, ee.Image(SCENE), **({"fileFormat": "NPY"} | change))


@pytest.mark.parametrize(
    "crs",
    [
        "EPSG:999999", "hello", "", "4326", "WGS 84", "+proj=utm +zone=48", "urn:ogc:def:crs:EPSG::32648", "OGC:CRS84",
        "EPSG:5773", "EPSG:4978", "EPSG:4979", "PROJCS[]", 'PROJCS["x"', "EPSG:" + "9" * 400,
    ],
)  # fmt: skip
def test_coordinate_systems_are_codes_or_wkt_of_flat_systems(ee, crs):
    image = ee.Image(SCENE)
    grids = [GRID | {"crsCode": crs}, {**GRID, "crsWkt": crs}]
    grids[1].pop("crsCode")
    for grid in grids:
        with pytest.raises(ee.EEException, match=r"could not be parsed|grid without crsCode"):
            ask(ee, image, grid=grid)
    for moved in (
        lambda: image.reproject(crs, list(rasterio.Affine(30, 0, 4e5, 0, -30, 58e5)[:6])),
        lambda: image.reproject(ee.Projection(crs), None, 30),
        lambda: image.setDefaultProjection(crs, None, 30),
        lambda: image.addBands(image.reproject(ee.Projection(crs, [30, 0, 4e5, 0, -30, 58e5]))),
    ):
        with pytest.raises(ee.EEException, match="could not be parsed"):
            ask(ee, moved())


def test_a_system_can_be_given_as_wkt(ee):
    wkt = rasterio.crs.CRS.from_epsg(32648).to_wkt()
    grid = {**GRID, "crsWkt": wkt}
    with pytest.raises(ee.EEException, match="could not be parsed"):
        ask(ee, ee.Image(SCENE), grid=GRID | {"crsCode": wkt})
    grid.pop("crsCode")
    np.testing.assert_array_equal(ask(ee, ee.Image(SCENE), grid=grid), ask(ee, ee.Image(SCENE)))
    assert ask(ee, ee.Image(SCENE).reproject(wkt, None, 30)).shape == (40, 50)


def test_bands_that_are_asked_for_twice_count_twice(folder):
    with eelocal.Server(folder, limits=eelocal.Limits(pixels=50 * 40 * 3)) as server:
        ee = eelocal.connect(server.url)
        assert ask(ee, ee.Image(SCENE), bandIds=["SR_B1"]).shape == (40, 50)
        with pytest.raises(ee.EEException, match="Total request size"):
            ask(ee, ee.Image(SCENE), bandIds=["SR_B1", "SR_B1"])


def test_images_and_collections_print(ee):
    info = ee.Image(SCENE).getInfo()
    assert info["id"] == SCENE and info["bands"][0]["dimensions"] == [50, 40]
    assert info["bands"][0]["crs_transform"] == [30, 0, 400000, 0, -30, 5800000]
    collection = ee.ImageCollection(SCENES).filter(ee.Filter.eq("WRS_PATH", 131)).getInfo()
    assert [feature["id"] for feature in collection["features"]] == [f"{SCENES}/LC08_131023_20200615", SCENE]
    with pytest.raises(ee.EEException, match="absent"):
        ee.Image("absent").getInfo()


def test_many_threads_get_what_one_gets(ee, server):
    image = ee.ImageCollection(SCENES).filter(ee.Filter.eq("WRS_PATH", 131)).median().select("SR_B.")
    expected = ask(ee, image)
    results: dict[int, np.ndarray] = {}

    def work(index):
        results[index] = ask(ee, image)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 30
    for pixels in results.values():
        np.testing.assert_array_equal(pixels, expected)
    assert all(entry["status"] == 200 for entry in server.requests)


def test_a_scene_that_arrives_later_is_seen(tmp_path, write_tif):
    values = np.full((4, 4), 3, np.uint8)
    write_tif(tmp_path / "c/a.tif", {"v": values})
    with eelocal.Server(tmp_path) as server:
        ee = eelocal.connect(server.url)
        assert ee.ImageCollection("c").size().getInfo() == 1
        write_tif(tmp_path / "c/b.tif", {"v": values})
        (tmp_path / "c/b.json").write_text(json.dumps({"year": 2020}), encoding="utf-8")
        assert ee.ImageCollection("c").aggregate_array("system:index").getInfo() == ["a", "b"]
        assert ee.Image("c/b").get("year").getInfo() == 2020

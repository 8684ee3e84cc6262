"""The folder catalog: ids, bands, properties, windows, and inputs that are broken."""

import json
import os

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st

from eelocal.catalog import Catalog, asset_id, asset_name
from eelocal.errors import EEError
from eelocal.files import content_version
from eelocal.raster import BandInfo

TRANSFORM = (30.0, 0.0, 400000.0, 0.0, -30.0, 5800000.0)

SCENES = "LANDSAT/LC08/C02/T1_L2"


def test_paths_are_ids(folder):
    catalog = Catalog(folder)
    assert catalog.kind("LANDSAT") == "FOLDER"
    assert catalog.kind(SCENES) == "IMAGE_COLLECTION"
    assert catalog.kind("projects/earthengine-public/assets/NASA/DEM") == "IMAGE"
    assert catalog.children("LANDSAT") == ["LANDSAT/LC08"]
    assert [image.id for image in catalog.images(SCENES)] == [
        f"{SCENES}/LC08_131023_20200615",
        f"{SCENES}/LC08_131023_20200715",
        f"{SCENES}/LC08_135023_20200801",
    ]


def test_an_image_has_bands_and_properties(folder):
    image = Catalog(folder).image(f"{SCENES}/LC08_131023_20200715")
    assert image.bands[0] == BandInfo("SR_B1", "uint16", "EPSG:32648", TRANSFORM, 50, 40)
    assert [band.name for band in image.bands][-1] == "QA_PIXEL"
    version = image.properties["system:version"]
    assert image.properties == {
        "system:version": version,
        "system:index": "LC08_131023_20200715",
        "system:time_start": 1594771200000,  # midnight UTC of the day in the name
        "SPACECRAFT_ID": "LANDSAT_8",
        "WRS_PATH": 131,
        "WRS_ROW": 23,
        "DATE_ACQUIRED": "2020-07-15",
        "CLOUD_COVER": 0.2,
    }


def test_the_properties_file_wins_over_the_name(folder):
    sidecar = folder / SCENES / "LC08_131023_20200715.json"
    sidecar.write_text(json.dumps({"system:time_start": 5, "WRS_ROW": 99, "system:index": "other"}), encoding="utf-8")
    properties = Catalog(folder).image(f"{SCENES}/LC08_131023_20200715").properties
    assert (properties["system:time_start"], properties["WRS_ROW"], properties["system:index"]) == (5, 99, "other")


def test_a_name_that_says_nothing_gives_no_time(folder):
    assert set(Catalog(folder).image("NASA/DEM").properties) == {"system:index", "system:version"}


def test_the_version_follows_the_content_and_not_the_time(folder):
    scene = folder / SCENES / "LC08_131023_20200715.tif"

    def version():
        return Catalog(folder).image(f"{SCENES}/LC08_131023_20200715").properties["system:version"]

    first = version()
    os.utime(scene, (1, 1))
    assert version() == first
    with rasterio.open(scene, "r+") as file:
        band = file.read(1)
        band[0, 0] += 1
        file.write(band, 1)
    assert version() != first


def test_the_version_of_a_large_file_does_not_read_all_of_it(tmp_path):
    path = tmp_path / "large.tif"
    with path.open("wb") as file:
        file.truncate(20 * 2**20)
    first = content_version([path])
    with path.open("r+b") as file:
        file.seek(-5, os.SEEK_END)
        file.write(b"x")
    assert content_version([path]) != first


def test_bands_without_descriptions_are_b1_b2(tmp_path, write_tif):
    write_tif(tmp_path / "x.tif", {"p": np.ones((2, 2), np.uint8), "q": np.ones((2, 2), np.uint8)}, named=False)
    assert [band.name for band in Catalog(tmp_path).image("x").bands] == ["b1", "b2"]


@settings(max_examples=60, deadline=None)
@given(column=st.integers(-8, 16), row=st.integers(-8, 16), width=st.integers(0, 20), height=st.integers(0, 20))
def test_any_window_equals_a_cut_of_the_whole(tmp_path_factory, write_tif, column, row, width, height):
    root = tmp_path_factory.getbasetemp() / "windows"
    values = np.arange(1, 97, dtype=np.int16).reshape(8, 12)
    values[2:4, 3:6] = -9999
    if not (root / "x.tif").exists():
        write_tif(root / "x.tif", {"v": values}, nodata=-9999)
    read, mask = Catalog(root).image("x").read("v", column, row, width, height)
    padded = np.pad(np.where(values == -9999, 0, values), 40)
    expected = padded[40 + row : 40 + row + height, 40 + column : 40 + column + width]
    assert read.dtype == np.int16
    np.testing.assert_array_equal(read, expected)
    np.testing.assert_array_equal(mask, expected != 0)


@pytest.mark.parametrize(
    ("dtype", "nodata", "bad"),
    [("float32", float("nan"), np.nan), ("float32", -3.4028234663852886e38, np.float32(-3.4028235e38)),
     ("float32", None, np.nan), ("uint8", 255, 255), ("float64", -1.5, -1.5)],
)  # fmt: skip
def test_no_data_is_masked(tmp_path, dtype, nodata, bad, write_tif):
    values = np.ones((3, 3), dtype)
    values[1, 2] = bad
    write_tif(tmp_path / "x.tif", {"v": values}, nodata=nodata)
    read, mask = Catalog(tmp_path).image("x").read("v", 0, 0, 3, 3)
    assert (~mask).sum() == 1 and not mask[1, 2] and read[1, 2] == 0


def test_an_internal_mask_is_the_mask(tmp_path, write_tif):
    path = write_tif(tmp_path / "x.tif", {"v": np.full((3, 3), 7, np.uint8)})
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "r+") as dataset:
        dataset.write_mask(np.array([[1, 0, 1], [1, 1, 1], [1, 1, 1]], bool))
    _, mask = Catalog(tmp_path).image("x").read("v", 0, 0, 3, 3)
    assert mask.sum() == 8 and not mask[0, 1]


def test_a_changed_file_is_read_again(tmp_path, write_tif):
    catalog = Catalog(tmp_path)
    write_tif(tmp_path / "x.tif", {"v": np.full((3, 3), 7, np.uint8)})
    assert catalog.image("x").read("v", 0, 0, 1, 1)[0][0, 0] == 7
    write_tif(tmp_path / "x.tif", {"w": np.full((4, 3), 9, np.uint8)})
    assert catalog.image("x").bands[0].name == "w"
    assert catalog.image("x").read("w", 0, 0, 1, 1)[0][0, 0] == 9
    (tmp_path / "x.json").write_text('{"a": 1}', encoding="utf-8")
    assert catalog.image("x").properties["a"] == 1
    (tmp_path / "x.tif").unlink()
    with pytest.raises(EEError, match="not found"):
        catalog.image("x")


@pytest.mark.parametrize("options", [{"compress": "deflate"}, {}, {"tiled": True, "blockxsize": 64, "blockysize": 64}])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.95, 0.999])
def test_a_truncated_file_is_an_error_that_names_it(tmp_path, options, share, write_tif):
    values = np.random.default_rng(0).integers(1, 60000, (300, 300), dtype=np.uint16)
    path = write_tif(tmp_path / "scene.tif", {"v": values}, **options)
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(EEError) as caught:
        Catalog(tmp_path).image("scene").read("v", 0, 0, 300, 300)
    assert "scene.tif" in caught.value.message and "\n" not in caught.value.message


@pytest.mark.parametrize("content", ["{", "[1]", '{"a": NaN}', "\x00"])
def test_a_broken_properties_file_is_an_error_that_names_it(tmp_path, content, write_tif):
    write_tif(tmp_path / "scene.tif", {"v": np.ones((3, 3), np.uint8)})
    (tmp_path / "scene.json").write_text(content, encoding="utf-8")
    with pytest.raises(EEError, match=r"scene\.json"):
        Catalog(tmp_path).image("scene")


def test_files_that_cannot_be_assets(tmp_path, write_tif):
    write_tif(tmp_path / "nowhere.tif", {"v": np.ones((3, 3), np.uint8)}, crs=None)
    write_tif(tmp_path / "complex.tif", {"v": np.ones((3, 3), np.complex64)})
    write_tif(tmp_path / "twice.tif", {"v": np.ones((3, 3), np.uint8), "w": np.ones((3, 3), np.uint8)})
    with rasterio.open(tmp_path / "twice.tif", "r+") as dataset:
        dataset.descriptions = ("v", "v")
    (tmp_path / "empty.tif").touch()
    write_tif(tmp_path / "flat.tif", {"v": np.ones((3, 3), np.uint8)}, transform=(1, 0, 0, 0, 1, 0))
    reasons = {
        "nowhere": "reference system",
        "flat": "georeference",
        "complex": "complex64",
        "twice": "named v",
        "empty": "",
    }
    for id, reason in reasons.items():
        with pytest.raises(EEError, match=rf"{id}\.tif.*{reason}"):
            Catalog(tmp_path).image(id)


@pytest.mark.parametrize("id", ["../x", "a/../../etc/passwd", ".eelocal/operations", "a//b", "a\\b", "a/./b"])
def test_ids_cannot_leave_the_folder(tmp_path, id):
    with pytest.raises(EEError, match="not valid"):
        Catalog(tmp_path).kind(id)


def test_names_and_ids():
    for name, id in (
        ("projects/earthengine-public/assets/LANDSAT/LC08", "LANDSAT/LC08"),
        ("projects/earthengine-legacy/assets/projects/local/assets/x", "projects/local/assets/x"),
        ("projects/my-project/assets/x/y", "projects/my-project/assets/x/y"),
        ("projects/earthengine-public/assets/", ""),
    ):
        assert asset_id(name) == id
    assert asset_name("LANDSAT/LC08") == "projects/earthengine-public/assets/LANDSAT/LC08"
    assert asset_name("projects/local/assets/x") == "projects/local/assets/x"


def test_a_missing_catalog_is_one_line(tmp_path):
    with pytest.raises(EEError, match="is not a folder"):
        Catalog(tmp_path / "absent")


def test_open_files_are_bounded(tmp_path, write_tif):
    for index in range(60):
        write_tif(tmp_path / f"c/i{index}.tif", {"v": np.full((2, 2), index, np.uint8)})
    before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else None
    for image in Catalog(tmp_path).images("c"):
        image.read("v", 0, 0, 2, 2)
    if before is not None:
        assert len(os.listdir("/proc/self/fd")) - before <= 24

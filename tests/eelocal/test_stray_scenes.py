"""What people put into a catalog's folder: bundles are read as they are, and what is no image is said."""

import json
import tarfile

import numpy as np
import pytest
import rasterio

from eelocal.catalog import Catalog
from eelocal.errors import EEError
from landsat_product import FIELDS, NAME, write_product

SCENES = "LANDSAT/LC08/C02/T1_L2"
LEVEL_1 = "LC08_L1TP_043024_20200802_20200914_02_T1"


@pytest.fixture
def collection(tmp_path):
    """The collection's folder in an empty catalog."""
    folder = tmp_path / SCENES
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def product(tmp_path_factory, write_tif):
    """A product's folder outside of the catalog."""
    folder = write_product(write_tif, tmp_path_factory.mktemp("download"))
    (folder / f"{NAME}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": FIELDS}), encoding="utf-8")
    return folder


def pack(path, folder, mode="w", prefix=""):
    with tarfile.open(path, mode) as archive:
        for file in sorted(folder.iterdir(), reverse=True):
            archive.add(file, f"{prefix}{file.name}")
    return path


def level_1(write_tif, folder, name=LEVEL_1):
    for band in ("B2", "B10", "QA_PIXEL"):
        write_tif(folder / f"{name}_{band}.TIF", {"x": np.ones((4, 4), np.uint16)}, named=False)
    return folder


def scene(write_tif, folder, name="LC08_043024_20200717"):
    return write_tif(folder / f"{name}.tif", {"SR_B2": np.ones((4, 4), np.uint16)})


def images(root):
    return [image.id for image in Catalog(root).images(SCENES)]


def refusal(root):
    with pytest.raises(EEError, match=r"^[^\n]*$") as told:
        Catalog(root).images(SCENES)
    return told.value.message


@pytest.mark.parametrize("prefix", ["", "./", f"{NAME}/"])
def test_a_bundle_is_the_image_that_its_unpacked_folder_is(tmp_path, collection, product, prefix):
    pack(collection / f"{NAME}.tar", product, prefix=prefix)
    product.rename(tmp_path / NAME)
    catalog = Catalog(tmp_path)
    bundle, folder = catalog.image(f"{SCENES}/{NAME}"), catalog.image(NAME)
    assert images(tmp_path) == [bundle.id] and catalog.kind(SCENES) == "IMAGE_COLLECTION"
    assert bundle.bands == folder.bands
    different = {name for name in folder.properties if bundle.properties[name] != folder.properties[name]}
    assert different <= {"system:version"} and bundle.properties["WRS_PATH"] == 43
    for band in ("SR_B1", "QA_PIXEL"):
        for one, other in zip(bundle.read(band, -2, 3, 9, 9), folder.read(band, -2, 3, 9, 9), strict=True):
            np.testing.assert_array_equal(one, other)


def test_a_bundle_beside_scenes_is_one_of_them_and_a_folder_of_its_name_is_it_only_once(
    collection, tmp_path, product, write_tif
):
    scene(write_tif, collection)
    pack(collection / f"{NAME}.tar", product)
    assert images(tmp_path) == [f"{SCENES}/LC08_043024_20200717", f"{SCENES}/{NAME}"]
    (collection / NAME).mkdir()  # begun to be unpacked
    assert images(tmp_path) == [f"{SCENES}/LC08_043024_20200717", f"{SCENES}/{NAME}"]
    (collection / NAME).rmdir()
    product.rename(collection / NAME)
    assert images(tmp_path) == [f"{SCENES}/LC08_043024_20200717", f"{SCENES}/{NAME}"]


def test_a_bundle_that_changes_is_read_again_and_gives_the_client_its_pixels(collection, tmp_path, product):
    import eelocal

    pack(collection / f"{NAME}.tar", product)
    with eelocal.Server(tmp_path) as server:
        ee = eelocal.connect(server.url, seconds=180)
        first = ee.ImageCollection(SCENES).first()
        grid = {"dimensions": {"width": 10, "height": 10}, "crsCode": "EPSG:32648", "affineTransform": {
            "scaleX": 30, "translateX": 400000, "scaleY": -30, "translateY": 5800000}}  # fmt: skip
        ask = {"expression": first.select("SR_B2"), "fileFormat": "NUMPY_NDARRAY", "grid": grid}
        before = ee.data.computePixels(ask)["SR_B2"]
        assert before[3, 4] == 34
        with rasterio.open(product / f"{NAME}_SR_B2.TIF", "r+") as file:
            file.write(file.read(1) + 1, 1)
        pack(collection / f"{NAME}.tar", product)
        assert ee.data.computePixels(ask)["SR_B2"][3, 4] == 35
        assert [one["id"] for one in ee.data.listAssets(SCENES)["assets"]] == [f"{SCENES}/{NAME}"]


def test_a_bundle_that_was_not_downloaded_whole_is_named(collection, tmp_path, product):
    content = pack(collection / f"{NAME}.tar", product).read_bytes()
    whole = -(-len(content.rstrip(b"\0")) // 512) * 512
    for size in (*range(600, whole, 711), *range(1024, whole, 512), whole):
        (collection / f"{NAME}.tar").write_bytes(content[:size])
        assert refusal(tmp_path).startswith(f"Cannot read {collection / NAME}.tar: it"), size
    (collection / f"{NAME}.tar").write_bytes(b"")
    assert f"{NAME}.tar: it is no uncompressed tar archive" in refusal(tmp_path)


def test_a_bundle_is_read_whatever_letters_its_folder_has(tmp_path, product):
    root = tmp_path / "1_2,a=b (50%25) what? é 湖 #;&"
    (root / SCENES).mkdir(parents=True)
    pack(root / SCENES / f"{NAME}.tar", product)
    (image,) = Catalog(root).images(SCENES)
    assert image.read("SR_B2", 4, 3, 1, 1)[0] == 34


def test_links_in_a_bundle_are_not_followed(collection, tmp_path, product):
    path = pack(collection / f"{NAME}.tar", product)
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo(f"{NAME}_SR_B4.TIF")
        link.type, link.linkname = tarfile.SYMTYPE, str(product / f"{NAME}_SR_B1.TIF")
        archive.addfile(link)
    assert "SR_B4" not in {band.name for band in Catalog(tmp_path).image(f"{SCENES}/{NAME}").bands}


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    "kind", ["gz", "disguised", "level 1", "level 1 tar", "partial", "deep", "deep scene", "loose 1"]
)
def test_a_scene_that_is_no_image_is_said_beside_good_ones_and_alone(
    collection, tmp_path, product, write_tif, kind, beside
):
    if beside:
        scene(write_tif, collection)
    words = {
        "gz": f"{NAME}.tar.gz is compressed; unpack it",
        "disguised": f"{NAME}.tar: it is no uncompressed tar archive",
        "level 1": f"{LEVEL_1} is a Level-1 product; get the Level-2 product of the scene",
        "level 1 tar": f"{LEVEL_1}.tar is a Level-1 product; get the Level-2 product",
        "partial": f"{NAME} lacks the product's files of surface reflectance",
        "deep": f"2020/{NAME} lies too deep; move it up into {collection}",
        "deep scene": f"2020/LC08_043024_20200803.tif lies too deep; move it up into {collection}",
        "loose 1": "is of a Level-1 product",
    }[kind]
    if kind in ("gz", "disguised"):
        pack(collection / f"{NAME}.tar{'.gz' if kind == 'gz' else ''}", product, "w:gz")
    elif kind == "level 1":
        level_1(write_tif, collection / LEVEL_1)
    elif kind == "level 1 tar":
        pack(collection / f"{LEVEL_1}.tar", level_1(write_tif, tmp_path.with_name(f"{tmp_path.name}l1")))
    elif kind == "partial":
        write_tif(collection / NAME / f"{NAME}_QA_PIXEL.TIF", {"x": np.ones((4, 4), np.uint16)})
    elif kind == "deep":
        (collection / "2020").mkdir()
        product.rename(collection / "2020" / NAME)
    elif kind == "deep scene":
        scene(write_tif, collection / "2020", "LC08_043024_20200803")
    else:
        level_1(write_tif, collection)
    assert words in refusal(tmp_path)


def test_loose_files_of_a_product_are_to_have_their_own_folder(collection, tmp_path, product, write_tif):
    for file in product.iterdir():
        file.rename(collection / file.name)
    words = f"loose files of the product {NAME}; move them into a folder of their own, {NAME}"
    assert words in refusal(tmp_path) and "not an ImageCollection" in refusal(tmp_path)
    scene(write_tif, collection)
    assert words in refusal(tmp_path)


@pytest.mark.parametrize("where", [".", "downloads/2020"])
@pytest.mark.parametrize("form", ["folder", "tar", "scene", "loose"])
def test_scenes_that_lie_elsewhere_are_found(tmp_path, product, write_tif, where, form):
    place = tmp_path / where
    place.mkdir(parents=True, exist_ok=True)
    if form == "tar":
        pack(place / f"{NAME}.tar", product)
    elif form == "scene":
        scene(write_tif, place)
    elif form == "folder":
        product.rename(place / NAME)
    else:
        for file in product.iterdir():
            file.rename(place / file.name)
    found = {"folder": NAME, "tar": f"{NAME}.tar", "scene": "LC08_043024_20200717.tif", "loose": ""}[form]
    told = Catalog(tmp_path).elsewhere(SCENES)
    assert found in told and told.endswith(
        f"lies elsewhere; move what belongs to the collection into {tmp_path / SCENES}"
    )
    assert Catalog(tmp_path).elsewhere("LANDSAT/LC09/C02/T1_L2") is None, "it is of another satellite"


def test_a_collection_that_is_not_there_says_where_its_scenes_are(tmp_path, write_tif):
    import eelocal

    scene(write_tif, tmp_path)
    with eelocal.Server(tmp_path) as server:
        ee = eelocal.connect(server.url, seconds=180)
        with pytest.raises(ee.EEException, match=r"not found \(.*LC08_043024_20200717.tif lies elsewhere; move"):
            ee.ImageCollection(SCENES).size().getInfo()


def test_other_files_and_folders_beside_scenes_are_left_alone(collection, tmp_path, write_tif):
    scene(write_tif, collection)
    for name in ("notes.txt", "LC08_043024_20200717.json", "LC08_043024_20200717_MTL.txt", "backup.tar.gz", "x.zip"):
        (collection / name).write_text("{}", encoding="utf-8")
    with tarfile.open(collection / "notes.tar", "w") as archive:
        archive.add(collection / "notes.txt", "notes.txt")
    (collection / "quicklooks").mkdir()
    (collection / "quicklooks" / "LC08_043024_20200717.jpg").touch()
    (collection / ".trash").mkdir()
    scene(write_tif, collection / ".trash", "LC08_043024_20200701")
    assert images(tmp_path) == [f"{SCENES}/LC08_043024_20200717"]


def test_a_folder_of_folders_of_images_says_that_they_lie_too_deep(tmp_path, write_tif):
    write_tif(tmp_path / "COPERNICUS/DEM/GLO30/N52/tile.tif", {"DEM": np.ones((4, 4), np.float32)})
    with pytest.raises(EEError, match=r"found FOLDER\): .*N52/tile.tif lies too deep; move it up into .*GLO30\."):
        Catalog(tmp_path).images("COPERNICUS/DEM/GLO30")
    (tmp_path / "empty").mkdir()
    with pytest.raises(EEError, match=r"empty holds no image\."):
        Catalog(tmp_path).images("empty")
    with pytest.raises(EEError, match=r"found IMAGE\): it is one image; name the folder that it lies in"):
        Catalog(tmp_path).images("COPERNICUS/DEM/GLO30/N52/tile")

"""Folders of USGS products as images."""

import json
from datetime import UTC, datetime

import numpy as np
import pytest

from eelocal.catalog import Catalog
from eelocal.errors import EEError
from eelocal.usgs import properties_from_name
from landsat_product import FIELDS, NAME, write_product


def as_text(fields):
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, members in fields.items():
        lines.append(f"  GROUP = {group}")
        for key, value in members.items():
            quoted = value if value.replace(".", "").isdigit() else f'"{value}"'
            lines.append(f"    {key} = {quoted}")
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END"])


@pytest.mark.parametrize("form", ["json", "txt"])
def test_a_product_is_an_image(tmp_path, form, write_tif):
    folder = write_product(write_tif, tmp_path)
    if form == "json":
        (folder / f"{NAME}_MTL.json").write_text(json.dumps({"LANDSAT_METADATA_FILE": FIELDS}), encoding="utf-8")
    else:
        (folder / f"{NAME}_MTL.txt").write_text(as_text(FIELDS), encoding="utf-8")
    catalog = Catalog(tmp_path)
    assert catalog.kind("scenes") == "IMAGE_COLLECTION"
    assert catalog.kind(f"scenes/{NAME}") == "IMAGE"
    (image,) = catalog.images("scenes")
    assert image.id == f"scenes/{NAME}"
    expected = ["SR_B1", "SR_B2", "SR_QA_AEROSOL", "ST_B10", "QA_PIXEL", "QA_RADSAT"]
    assert [band.name for band in image.bands] == expected
    properties = image.properties
    assert properties["system:index"] == "LC08_043024_20200802"
    assert properties["LANDSAT_PRODUCT_ID"] == NAME
    assert (properties["WRS_PATH"], properties["WRS_ROW"]) == (43, 24)
    assert (properties["CLOUD_COVER"], properties["SUN_AZIMUTH"], properties["SUN_ELEVATION"]) == (3.1, 152.1, 52.5)
    moment = datetime(2020, 8, 2, 18, 32, 20, 506000, UTC)
    assert properties["system:time_start"] == round(moment.timestamp() * 1000)


def test_fill_is_masked_though_the_files_do_not_declare_it(tmp_path, write_tif):
    write_product(write_tif, tmp_path, "tif")
    image = Catalog(tmp_path).image(f"scenes/{NAME}")
    _, mask = image.read("SR_B1", 0, 0, 10, 10)
    assert not mask[0, 0] and mask.sum() == 99
    _, mask = image.read("QA_PIXEL", 0, 0, 10, 10)
    assert mask.sum() == 97
    _, mask = image.read("QA_RADSAT", 0, 0, 10, 10)
    assert mask.all()


def test_without_metadata_the_name_tells(tmp_path, write_tif):
    write_product(write_tif, tmp_path)
    properties = Catalog(tmp_path).image(f"scenes/{NAME}").properties
    assert properties["system:index"] == "LC08_043024_20200802"
    assert properties["WRS_PATH"] == 43 and properties["DATE_ACQUIRED"] == "2020-08-02"


def test_two_products_in_one_folder_are_refused(tmp_path, write_tif):
    folder = write_product(write_tif, tmp_path)
    other = NAME.replace("043024", "043025")
    write_tif(folder / f"{other}_SR_B1.TIF", {"x": np.ones((2, 2), np.uint16)})
    with pytest.raises(EEError, match="give each its own folder"):
        Catalog(tmp_path).image(f"scenes/{NAME}")


@pytest.mark.parametrize("content", ["GROUP = X\nEND", "not an MTL"])
def test_a_broken_mtl_is_named(tmp_path, content, write_tif):
    folder = write_product(write_tif, tmp_path)
    (folder / f"{NAME}_MTL.txt").write_text(content, encoding="utf-8")
    with pytest.raises(EEError, match=r"MTL\.txt"):
        Catalog(tmp_path).image(f"scenes/{NAME}")


def test_names():
    assert properties_from_name("LE07_131023_20010203")["SPACECRAFT_ID"] == "LANDSAT_7"
    assert properties_from_name("LT05_L2SP_131023_19990230_20200914_02_T1") == {}  # no such day
    assert properties_from_name("S2A_MSIL2A_20200101") == {}

"""Scenes that cannot be used: each ends the command in one line that names the scene or file, and the fix."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rasterio

import scenes


@pytest.fixture
def catalog(world: Path, tmp_path: Path) -> Path:
    """A copy of the tiny catalog, to be broken."""
    return Path(shutil.copytree(world / "catalog", tmp_path / "catalog"))


def scene(catalog: Path) -> Path:
    return catalog / scenes.LANDSAT / "LC08_131023_20200713.tif"


def test_a_missing_catalog(failing, tmp_path):
    text = failing(f"earth.catalog={tmp_path / 'nowhere'}")
    assert "earth.catalog" in text and "nowhere does not exist; name the folder of scenes" in text


def test_a_catalog_without_the_collection(failing, tmp_path):
    (tmp_path / "bare").mkdir()
    text = failing(f"earth.catalog={tmp_path / 'bare'}")
    assert scenes.LANDSAT in text and "not found" in text


def test_a_catalog_with_no_scene_in_the_season(failing):
    text = failing("study.months=[3,4]")
    assert "study.areas.train.strips" in text and "months 3-4" in text and "widen study.months" in text


def test_a_scene_that_lacks_a_band(failing, catalog):
    with rasterio.open(scene(catalog)) as file:
        profile, values, names = file.profile, file.read(), list(file.descriptions)
    index = names.index("SR_B6")
    profile["count"] = 7
    with rasterio.open(scene(catalog), "w", **profile) as file:
        file.write(values[[i for i in range(8) if i != index]])
        file.descriptions = [name for name in names if name != "SR_B6"]
    text = failing(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")
    assert "LC08_131023_20200713" in text and "SR_B6" in text and "remove or replace that scene" in text


def test_a_truncated_geotiff(failing, catalog):
    content = scene(catalog).read_bytes()
    scene(catalog).write_bytes(content[: len(content) // 2])
    text = failing(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")
    assert "LC08_131023_20200713.tif" in text and "Replace the file" in text


def test_a_file_that_is_no_geotiff(failing, catalog):
    scene(catalog).write_bytes(b"not a picture")
    text = failing(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")
    assert "LC08_131023_20200713.tif" in text


def test_broken_properties(failing, catalog):
    scene(catalog).with_suffix(".json").write_text("{", encoding="utf-8")
    assert "LC08_131023_20200713.json" in failing(f"earth.catalog={catalog}")


def test_a_scene_without_its_strip_is_not_of_the_strip(tiles, catalog, tmp_path):
    path = scene(catalog).with_suffix(".json")
    properties = json.loads(path.read_text(encoding="utf-8"))
    del properties["WRS_PATH"]
    path.write_text(json.dumps(properties), encoding="utf-8")
    tiles(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")


def test_an_unknown_feature(failing):
    assert "did you mean mndwi?" in failing("features.names=[blue,mndwy]")


def test_a_missing_elevation_model(failing, catalog):
    shutil.rmtree(catalog / "COPERNICUS")
    text = failing(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")
    assert scenes.GLO30 in text and "not found" in text


@pytest.mark.parametrize("convert", [lambda numbers: numbers * 2.75e-5 - 0.2, lambda numbers: numbers // 3])
def test_scenes_in_other_units_are_refused_and_not_taken_for_unseen(failing, catalog, convert):
    """Reflectance where digital numbers are expected, and numbers that are scaled otherwise."""
    for path in (catalog / scenes.LANDSAT).glob("*2020*.tif"):
        with rasterio.open(path) as file:
            profile, values, names = file.profile, file.read(), file.descriptions
        converted = np.where(values[:-1] == 0, 0, convert(values[:-1]))
        values = np.concatenate([converted, values[-1:]]).astype("float32")
        with rasterio.open(path, "w", **(profile | {"dtype": "float32"})) as file:
            file.write(values)
            file.descriptions = names
    text = failing(f"earth.catalog={catalog}", "study.years=[2020]", "tiles.areas=[train]")
    assert "is no reflectance: its median is -0." in text and "choose the sensor of these scenes" in text

"""The script for the Code Editor, run in Node by the genuine JavaScript client, makes the same pixels."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import ee
import numpy as np
import pytest
import torch

from export import local
from export import networks as drawn
from water_gee.export import export_network, to_earth_engine
from water_gee.export.cost import count_calls
from water_gee.export.script import StudyText, code_editor, first_zoom
from water_gee.models import PixelCNN, PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
NAMES = ("blue", "green", "nir", "swir1", "mndwi")


def node_modules() -> str | None:
    """The folder that holds `@google/earthengine`, if there is one."""
    folders = [*os.environ.get("NODE_PATH", "").split(os.pathsep), str(REPOSITORY / "node_modules")]
    return next((folder for folder in folders if folder and (Path(folder) / "@google" / "earthengine").is_dir()), None)


needs_node = pytest.mark.skipif(
    shutil.which("node") is None or node_modules() is None,
    reason="needs node and the npm package @google/earthengine (1.7.45) in node_modules or on NODE_PATH",
)


def run(script: str, folder: Path) -> dict:
    (folder / "code_editor.js").write_text(script, encoding="utf-8")
    algorithms = Path(ee.__file__).parent / "tests" / "algorithms.json"
    done = subprocess.run(
        ["node", HERE / "run_script.js", folder / "code_editor.js", algorithms],
        env={**os.environ, "NODE_PATH": node_modules() or ""}, capture_output=True, timeout=120,
        encoding="utf-8",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture
def world(tmp_path):
    """Three looks at a place, as a collection, with holes."""
    for index in range(3):
        look = drawn.holey_image(4, (30, 34), seed=index, share=0.3)
        folder = tmp_path / "looks" / f"look{index}"
        folder.parent.mkdir(exist_ok=True)
        scaled = np.where(np.isnan(look), np.nan, np.abs(look) * 1e4)
        local.write_features(tmp_path, scaled.astype(np.float32), ("B2", "B3", "B5", "B6"))
        (tmp_path / "features.tif").rename(folder.with_suffix(".tif"))
        start = 1593561600000 + index * 86400000 * 40  # from 1 July 2020, 40 days apart
        folder.with_suffix(".json").write_text(
            json.dumps({"system:time_start": start, "CLOUD_COVER": index}), encoding="utf-8"
        )
    return tmp_path


def features():
    """A composite with all that the study's has: filters, a mapped function, a reducer, neighbours, a lattice."""
    season = ee.Filter.And(
        ee.Filter.date("2020-06-01", "2020-09-01"),
        ee.Filter.Or(ee.Filter.eq("CLOUD_COVER", 0), ee.Filter.eq("CLOUD_COVER", 1)),
    )

    def look(scene):
        scene = scene.select(["B2", "B3", "B5", "B6"], ["blue", "green", "nir", "swir1"])
        return scene.updateMask(scene.gt(0).And(scene.lt(30000)).reduce(ee.Reducer.min()))

    median = ee.ImageCollection("looks").filter(season).map(look).median().multiply(1e-4).add(-0.2)
    composite = median.reproject(crs=local.CRS, crsTransform=list(local.TRANSFORM))
    mndwi = composite.normalizedDifference(["green", "swir1"]).rename("mndwi")
    area = ee.Geometry.Polygon(
        [[[599900, 5399500], [601200, 5399500], [601200, 5400100], [599900, 5400100]]], local.CRS, False
    )
    return composite.addBands(mndwi).clip(area).toFloat()


def coarse():
    """A look at water at any scale: without the lattice."""
    return ee.ImageCollection("looks").median().normalizedDifference(["B3", "B6"]).rename("mndwi")


def network():
    torch.manual_seed(2)
    standardise = Standardise([0.4, 0.3, 0.5, 0.2, 0.0], [0.4, 0.3, 0.5, 0.2, 0.5])
    return PixelNetwork(standardise, PixelCNN(5, widths=(6, 7, 8, 9)), NAMES).eval()


STUDY = StudyText(
    name="here", area="map", year=2020, begin="2020-06-01", end="2020-09-01", crs=local.CRS,
    transform=local.TRANSFORM, bounds=(600000.0, 5399100.0, 601020.0, 5400000.0), from_zoom=10,
)  # fmt: skip


@needs_node
@pytest.mark.parametrize("form", ["array", "kernel"])
def test_the_script_makes_the_pixels_that_python_makes(world, form):
    exported = export_network(network(), NAMES, form=form)
    result = run(code_editor(exported, features(), coarse(), STUDY), world)
    task = result["exports"][0]
    assert task["crs"] == local.CRS and task["crsTransform"] == list(local.TRANSFORM)
    assert [layer["name"] for layer in result["layers"]] == [
        "features",
        "probability of water",
        "water",
        "preview: MNDWI above 0",
    ]
    ours = local.pixels(world, exported.image(features()), (30, 34))
    theirs = local.pixels_of(world, task["image"], (30, 34))
    assert list(theirs) == ["water", "probability"]
    assert 300 < np.isfinite(ours["probability"]).sum() < 30 * 34
    for band in ours:
        np.testing.assert_array_equal(theirs[band], ours[band])


@needs_node
def test_a_changed_season_changes_the_script_in_one_place(world):
    exported = export_network(network(), NAMES)
    script = code_editor(exported, features(), coarse(), STUDY)
    later = script.replace("var BEGIN = '2020-06-01'", "var BEGIN = '2020-08-01'")
    assert later != script and script.count("2020-06-01") == 1
    theirs = local.pixels_of(world, run(later, world)["exports"][0]["image"], (30, 34))
    ours = local.pixels(world, exported.image(features()), (30, 34))
    assert not np.array_equal(theirs["probability"], ours["probability"], equal_nan=True)


def test_the_script_reads_like_one(world):
    script = code_editor(export_network(network(), NAMES), features(), coarse(), STUDY)
    for line in (
        "var BEGIN = '2020-06-01';  // first day of the season",
        "ee.Filter.date(BEGIN, END)",
        "var body_conv1_weights = ee.Image(ee.Array([",
        "Export.image.toAsset({",
        "//   body.conv3 (Conv2d)",
    ):
        assert line in script
    assert max(map(len, script.splitlines())) < 250


@needs_node
def test_zoomed_out_the_preview_shows_in_place_of_the_network(world):
    result = run(code_editor(export_network(network(), NAMES), features(), coarse(), STUDY), world)
    assert result["centred"] == 10
    for zoom, shown in result["atZoom"].items():
        near = int(zoom) >= 10
        assert shown == (["features", "water"] if near else ["preview: MNDWI above 0"]), zoom
    graph = json.dumps(result["layers"][3]["graph"])
    assert "Image.reproject" not in graph and "neighborhood" not in graph


def test_the_network_shows_from_the_zoom_at_which_a_tile_of_the_map_holds_a_thousand_pixels_a_side():
    assert (
        first_zoom(30, 0) == 11
    )  # at the equator a tile of zoom 11 covers 19.6 km, of zoom 10 39 km; 30.7 km are held
    assert first_zoom(30, 52) == 10
    assert first_zoom(10, 0) == 12 and first_zoom(500_000, 0) == 0


@needs_node
def test_a_network_alone_is_a_function_that_makes_the_same_pixels(world):
    exported = to_earth_engine(network(), list(NAMES))
    script = (
        exported.code_editor()
        + "Export.image.toAsset({image: network(ee.Image('looks/x')), region: ee.Geometry.Point(0, 0)});"
    )
    theirs = run(script, world)["exports"][0]["image"]
    ours = json.loads(exported.image(ee.Image("looks/x")).serialize())
    assert count_calls(theirs) == count_calls(ours)
    image = drawn.holey_image(5, (30, 34), seed=7)
    local.write_features(world, image, NAMES)
    (world / "features.tif").rename(world / "looks" / "x.tif")
    for band, values in local.pixels_of(world, ours, (30, 34)).items():
        np.testing.assert_array_equal(local.pixels_of(world, theirs, (30, 34))[band], values)

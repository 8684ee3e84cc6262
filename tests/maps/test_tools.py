"""The maps open in the tools that people have: GDAL, rio-cogeo, geotiff.js of two versions, QGIS's style format."""

import json
import os
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np
import pytest
import rasterio
from rasterio.enums import ColorInterp
from shapely.geometry import box

from water_gee.maps.layers import LAYERS, OVER_YEARS, YEARLY, Layer, classes_of, file_name
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.study import Grid, Window

HERE, REPOSITORY = Path(__file__).parent, Path(__file__).parents[2]
GRID = Grid("EPSG:32648", 30)
YEARS = [2018, 2019, 2020]
WINDOW = Window(13_333, -193_336, 900, 600)
RASTERS = [*((layer, year) for year in YEARS for layer in YEARLY), *((layer, None) for layer in OVER_YEARS)]


def lake(piece):
    """A lake that grows with the years; the east is unseen, so that whole blocks of the file hold nothing."""
    window = piece.window
    x = np.arange(window.left, window.right) - WINDOW.left
    y = np.arange(window.top, window.bottom)[:, None] - WINDOW.top
    probability = 1 / (1 + np.exp((np.hypot(x - 200, y - 250) - 60 - 20 * (piece.year - 2018)) / 8))
    probability = np.where(x + 0 * y < 380, probability, np.nan).astype(np.float32)
    return probability, probability >= 0.5, np.where(np.isnan(probability), 0, 3 + (x + y) % 4).astype(np.uint16)


@pytest.fixture(scope="module")
def maps(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("tools")
    plan = Plan.of("map", box(*GRID.bounds(WINDOW)), GRID, YEARS, size=512)
    assert plan.window == WINDOW
    store = PartStore(folder / "work", GRID)
    predict_pieces(plan, lake, store, workers=1)
    publish(plan, store, folder / "maps", {"study": "a", "threshold": "0.5", "commit": "1a2b"})
    return folder / "maps"


def values(maps: Path, layer: str, year: int | None = None) -> np.ndarray:
    with rasterio.open(maps / file_name(layer, year)) as file:
        return file.read(1)


def test_the_layers_agree_with_each_other(maps) -> None:
    water = np.stack([values(maps, "water", year) for year in YEARS])
    probability = values(maps, "probability", 2020)
    assert np.array_equal(water[2], np.where(np.isnan(probability), 255, probability >= 0.5))
    assert np.array_equal(
        values(maps, "occurrence"), np.where(water[0] == 255, 255, np.rint(100 * (water == 1).mean(0)))
    )
    assert set(np.unique(values(maps, "change"))) == {0, 1, 2, 255}
    first, last = values(maps, "first_year"), values(maps, "last_year")
    assert np.array_equal(first == 2019, (water[0] == 0) & (water[1] == 1))
    assert np.array_equal(last == 2020, water[2] == 1) and set(np.unique(last)) == {0, 2020, 65535}
    assert np.array_equal(values(maps, "uncertainty", 2020) == 255, np.isnan(probability))
    assert values(maps, "clear_looks", 2020)[:, 380:].max() == 0, "inside the area and never seen"


@pytest.mark.parametrize(("layer", "year"), RASTERS[-8:], ids=lambda value: getattr(value, "name", value))
def test_a_file_is_a_strict_cog_that_says_what_it_holds(maps, layer, year) -> None:
    cogeo = pytest.importorskip("rio_cogeo.cogeo", reason="needs rio-cogeo")
    path = maps / file_name(layer, year)
    valid, errors, warnings = cogeo.cog_validate(path, strict=True, quiet=True)
    assert valid and not errors and not warnings
    with rasterio.open(path) as file:
        assert file.dtypes == (layer.dtype,) and file.descriptions == (layer.name,)
        assert np.isnan(file.nodata) if np.isnan(layer.nodata) else file.nodata == layer.nodata
        assert (file.units[0] or "") == layer.unit
        tags = file.tags()
        assert tags["layer"] == layer.name and tags["TIFFTAG_IMAGEDESCRIPTION"] == layer.description
        assert tags["study"] == "a" and tags["threshold"] == "0.5" and tags["commit"] == "1a2b"
        assert (tags.get("year"), tags.get("years")) == ((str(year), None) if year else (None, "2018,2019,2020"))
        told, data = file.tags(1), file.read(1)
        for value, code in layer.classes.items():
            assert told[f"CLASS_{value}"] == code.name
        known = data[~np.isnan(data) if np.isnan(layer.nodata) else data != layer.nodata].astype(float)
        share = 100 * known.size / data.size
        expected = {"MINIMUM": known.min(), "MAXIMUM": known.max(), "MEAN": known.mean(), "STDDEV": known.std()}
        for name, value in {**expected, "VALID_PERCENT": share}.items():
            assert float(told[f"STATISTICS_{name}"]) == pytest.approx(value, abs=1e-9)
        assert not list(path.parent.glob("*.aux.xml")), "all of it is in the file itself"


@pytest.mark.parametrize("layer", ["water", "uncertainty", "occurrence", "change"])
def test_classes_have_their_colours_and_nothing_is_black(maps, layer) -> None:
    layer = LAYERS[layer]
    with rasterio.open(maps / file_name(layer, 2020 if layer.yearly else None)) as file:
        if not layer.classes:
            assert file.colorinterp == (ColorInterp.gray,)
            return
        colours = file.colormap(1)
    assert {value: colours[value][:3] for value in layer.classes} == {
        value: code.rgb for value, code in layer.classes.items()
    }
    assert colours[255] == (255, 255, 255, 0), "nodata is transparent, and white where a viewer knows no nodata"
    assert all(colours[value][:3] == (255, 255, 255) for value in range(256) if value not in layer.classes)


def test_overviews_hold_no_class_that_is_not_there(maps) -> None:
    with rasterio.open(maps / "change.tif", overview_level=1) as file:
        assert set(np.unique(file.read(1))) <= {0, 1, 2, 255}
    with rasterio.open(maps / "2020/uncertainty.tif", overview_level=0) as file:
        small = file.read(1)
    whole = values(maps, "uncertainty", 2020)[:, :380].astype(float)
    assert np.abs(small[:, :190] - whole.reshape(300, 2, 190, 2).mean((1, 3))).max() <= 0.5


@pytest.mark.parametrize(("layer", "year"), RASTERS[-8:], ids=lambda value: getattr(value, "name", value))
def test_a_style_for_qgis_lies_beside_each(maps, layer: Layer, year) -> None:
    text = (maps / file_name(layer, year, "qml")).read_text(encoding="utf-8")
    renderer = ElementTree.fromstring(text).find("pipe/rasterrenderer")
    assert renderer.get("band") == "1"
    if classes := classes_of(layer, YEARS):
        entries = renderer.findall("colorPalette/paletteEntry")
        assert renderer.get("type") == "paletted"
        assert {int(e.get("value")): (e.get("label"), e.get("color")) for e in entries} == {
            value: (code.name, code.colour) for value, code in classes.items()
        }
        assert set(np.unique(values(maps, layer.name, year))) <= {*classes, layer.nodata}
        return
    shader = renderer.find("rastershader/colorrampshader")
    items = [(float(item.get("value")), item.get("color")) for item in shader.findall("item")]
    assert renderer.get("type") == "singlebandpseudocolor" and items == list(layer.ramp.items())
    assert float(shader.get("minimumValue")) == items[0][0] and float(shader.get("maximumValue")) == items[-1][0]


def node_modules(package: str) -> str | None:
    """The folder that holds a package, if there is one."""
    folders = [*os.environ.get("NODE_PATH", "").split(os.pathsep), str(REPOSITORY / "node_modules")]
    return next((folder for folder in folders if folder and (Path(folder) / package).is_dir()), None)


@pytest.mark.parametrize("package", ["geotiff", "geotiff2"])
def test_geotiff_js_reads_every_level(maps, package) -> None:
    """Version 3, and version 2, which fails on blocks that are left out."""
    if shutil.which("node") is None or (modules := node_modules(package)) is None:
        pytest.skip(f"needs node and the npm package {package}: make setup-js")
    paths = [str(maps / file_name(*raster)) for raster in RASTERS[-8:]]
    entry = json.loads((Path(modules) / package / "package.json").read_text(encoding="utf-8"))["main"]
    script = [HERE / "read_cog.js", (Path(modules) / package / entry).resolve().as_uri()]
    done = subprocess.run(["node", *script, *paths], capture_output=True, timeout=120, encoding="utf-8")
    assert done.returncode == 0, done.stderr[-2000:]
    for path, levels in json.loads(done.stdout).items():
        for number, level in enumerate(levels):
            place = {"overview_level": number - 1} if number else {}
            with rasterio.open(path, **place) as file:
                expected, nodata, bounds = file.read(1), file.nodata, file.bounds
            empty = np.isnan(expected) if np.isnan(nodata) else expected == nodata
            assert (level["height"], level["width"], level["empty"]) == (*expected.shape, empty.sum())
            assert level["sum"] == pytest.approx(float(expected[~empty].sum(dtype=float)), rel=1e-6)
            assert number or level["bounds"] == list(bounds)
        assert len(levels) > 1

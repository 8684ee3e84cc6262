"""The page's map shows the pixels that were written, says what each means, and lies safely in the page."""

import base64
import hashlib
import io
import json
import re
import shutil
from html.parser import HTMLParser

import numpy as np
import pyproj
import pytest
import rasterio
from hypothesis import given
from hypothesis.extra.numpy import arrays
from PIL import Image

import explored
import finished
from water_gee.denoise import CleanLabels
from water_gee.errors import WaterGeeError
from water_gee.files import sha256
from water_gee.maps import LAYERS, read_maps
from water_gee.panels import LAND, UNSEEN, WATER
from water_gee.paths import Layout
from water_gee.report.atlas import (
    Frame,
    MapLayer,
    Style,
    TileLayers,
    drawn,
    frame_of,
    map_layers,
    numbers,
    of_maps,
    of_tiles,
    png,
)
from water_gee.report.atlas.contents import safe_json
from water_gee.report.library import VENDOR, library
from water_gee.report.thinned import Thinned
from water_gee.study import Window
from water_gee.tiles import read_manifest, write_raster


def decoded(layer: MapLayer, year: str) -> np.ndarray:
    """Return the numbers or colours of a layer's only picture of a year."""
    (picture,) = layer.pictures[year]
    image = Image.open(io.BytesIO(base64.b64decode(picture.address.partition(",")[2])))
    assert image.size == picture.size
    return np.asarray(image)


@pytest.mark.parametrize("name", LAYERS)
def test_every_colour_of_a_layer_has_one_meaning(name) -> None:
    layer = drawn(LAYERS[name], [str(year) for year in range(1984, 2025)])
    style = Style.of_layer(layer)
    assert len(set(style.colours)) == len(style.colours) <= 255
    assert all(re.fullmatch(r"#[0-9a-f]{6}", colour) for colour in style.colours)


def test_values_become_numbers_and_what_is_unknown_stays_so() -> None:
    water, percent = LAYERS["water"], LAYERS["probability"]
    style = Style.of_layer(water)
    assert numbers(water, style, np.array([[0, 1, 255]], np.uint8)).tolist() == [[0, 1, 2]] and style.nothing == 2
    style = Style.of_layer(percent)
    found = numbers(percent, style, np.array([[0, 0.934, 1, np.nan]], np.float32))
    assert found.tolist() == [[0, 93, 100, style.nothing]] and style.values == (0.0, 1.0)
    looks = LAYERS["clear_looks"]
    style = Style.of_layer(looks)
    found = numbers(looks, style, np.array([[0, 7, 900, looks.nodata]], np.uint16))
    assert found.tolist() == [[0, 7, style.nothing - 1, style.nothing]]


def test_a_picture_holds_its_numbers_and_is_clear_where_nothing_is() -> None:
    style = Style.of_codes((LAND, WATER, UNSEEN))
    held = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    image = Image.open(io.BytesIO(png(held, style)))
    assert np.array_equal(np.asarray(image), held)
    pixels = np.asarray(image.convert("RGBA"))
    assert tuple(pixels[0, 1]) == (*WATER.rgb, 255) and pixels[0, 2, 3] == 0


def test_maps_are_shown_pixel_by_pixel_and_thinned_where_they_are_many(tmp_path, monkeypatch) -> None:
    finished.checkpoint(tmp_path)
    finished.add_products(tmp_path)
    layout = Layout(tmp_path, finished.STUDY)
    maps = read_maps(layout)
    layers = {layer.id: layer for layer in map_layers(layout, maps, ["2020"])}
    assert "maps.water" in layers and "maps.probability" in layers and "maps.change" not in layers
    with rasterio.open(tmp_path / "maps/2020/water.tif") as file:
        water, bounds = file.read(1), file.bounds
    expected = numbers(LAYERS["water"], layers["maps.water"].style, water)
    np.testing.assert_array_equal(decoded(layers["maps.water"], "2020"), expected)
    assert layers["maps.water"].pictures["2020"][0].bounds == tuple(bounds)
    frame = frame_of(layout, maps, "2020")
    assert (frame.left, frame.top, frame.width, frame.height) == (bounds.left, bounds.top, *water.shape[::-1])
    monkeypatch.setattr(of_maps, "_LARGEST", water.size / 5)
    thinned = next(layer for layer in map_layers(layout, maps, ["2020"]) if layer.id == "maps.water")
    assert thinned.step == 3 and decoded(thinned, "2020").shape == tuple(-(-side // 3) for side in water.shape)


@given(arrays(np.bool_, (7, 9)))
def test_rectangles_hold_all_that_was_seen_and_do_not_meet(seen) -> None:
    inner = np.zeros(seen.shape, dtype=int)
    for place in of_maps._rectangles(seen):
        assert seen[place].any()
        inner[place] += 1
    assert (inner[seen] == 1).all() and inner.max(initial=0) <= 1


def test_scattered_places_become_few_pictures() -> None:
    seen = np.zeros((60, 60), dtype=bool)
    seen[::4, ::4] = True
    found = of_maps._rectangles(seen)
    assert len(found) <= 40
    for place in found:
        seen[place] = False
    assert not seen.any()


def test_an_area_of_strips_far_apart_is_not_drawn_between_them(tmp_path) -> None:
    finished.checkpoint(tmp_path)
    finished.add_products(tmp_path)
    layout = Layout(tmp_path, finished.STUDY)
    path = layout.maps / "2020/water.tif"
    with rasterio.open(path) as file:
        profile, water = file.profile, file.read(1)
    wide = np.full((water.shape[0], 6 * water.shape[1]), 255, np.uint8)
    wide[:, : water.shape[1]] = wide[:, -water.shape[1] :] = water
    write_raster(path, wide[None], ["water"], crs=profile["crs"], transform=profile["transform"], nodata=255)
    report = read_maps(layout)
    report["files"]["2020/water.tif"] = sha256(path)
    left, right = of_maps._parts(layout, report, ["2020"])
    assert left.right <= water.shape[1] + 16 and right.left >= 5 * water.shape[1] - 16


def test_tiles_are_put_together_with_their_labels(tmp_path) -> None:
    layout = finished.write_root(tmp_path, (2019, 2020))
    records = read_manifest(layout)
    tiles = TileLayers(records, layout)
    tiles.add_tiles(records, CleanLabels.of(layout))
    layers = {layer.id: layer for layer in tiles.layers()}
    assert list(layers) == ["tiles.infrared", "tiles.natural", "tiles.raw", "tiles.clean", "tiles.changes"]
    assert all(list(layer.pictures) == ["2019", "2020"] for layer in layers.values())
    core = slice(finished.MARGIN, -finished.MARGIN)
    share = finished.land(2019)["share"][core, core]
    seen = finished.land(2019)["seen"][core, core] & ~np.isnan(share)
    expected = np.where(seen, np.nan_to_num(share) >= 0.5, 2)
    np.testing.assert_array_equal(decoded(layers["tiles.raw"], "2019"), expected)
    assert set(np.unique(decoded(layers["tiles.clean"], "2019"))) == {0, 1, 2, 3}
    (picture,) = layers["tiles.raw"].pictures["2019"]
    assert picture.bounds == finished.GRID.bounds(finished.LATTICE) == tiles.places("test")["test"]
    alpha = decoded(layers["tiles.infrared"], "2019")[..., 3] > 0
    np.testing.assert_array_equal(alpha, finished.land(2019)["seen"][core, core])


def test_many_tiles_are_thinned_to_what_a_page_holds(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(of_tiles, "_ALL", 2 * 50 * 50)
    layout = finished.write_root(tmp_path, (2019, 2020), clean=False)
    tiles = TileLayers(read_manifest(layout), layout)
    tiles.add_tiles(read_manifest(layout), None)
    raw = next(layer for layer in tiles.layers() if layer.id == "tiles.raw")
    assert raw.step == 3 and decoded(raw, "2020").shape == (43, 43)
    left, bottom, right, top = raw.pictures["2020"][0].bounds
    assert (right - left, top - bottom) == (43 * 90, 43 * 90), "what is drawn reaches as far as its pixels do"


@pytest.mark.parametrize(("step", "size"), [(1, 7), (2, 7), (3, 10)])
def test_parts_meet_in_a_thinned_window_without_seam_or_gap(step, size) -> None:
    window = Window(-5, 3, 23, 17)
    whole = np.arange(17 * 23).reshape(17, 23)
    thinned = Thinned(window, step)
    canvas = np.full(thinned.shape, -1)
    for top in range(3, 20, size):
        for left in range(-5, 18, size):
            part = Window(left, top, size, size) & window
            into, cut = thinned.place(part)
            canvas[into] = whole[part.within(window)][cut]
    np.testing.assert_array_equal(canvas, whole[::step, ::step])


def test_the_script_knows_metres_and_degrees() -> None:
    data = explored.FRAME.data()
    assert (data["levels"], data["decimals"]) == (1, 0)
    assert data["metres"] == pytest.approx([1, 1], abs=2e-3)
    longitude, latitude = np.array(data["net"]["longitude"]), np.array(data["net"]["latitude"])
    assert latitude[0, 0] == pytest.approx(51.41, abs=0.05) and longitude[0, 0] == pytest.approx(102.13, abs=0.05)
    assert (np.diff(latitude, axis=0) < 0).all() and (np.diff(longitude, axis=1) > 0).all()
    web = Frame("EPSG:3857", 30.0, 1e7, 8_400_000.0, 100, 100).data()  # at 60 degrees north
    assert web["metres"][0] == pytest.approx(0.5, abs=0.01)
    degrees = Frame("EPSG:4326", 0.00025, 100.0, 60.0, 100, 100).data()
    assert degrees["decimals"] == 5 and degrees["metres"] == pytest.approx([55_800, 111_400], rel=2e-3)
    assert Frame("EPSG:4326", 0.01, 179.5, 60.0, 100, 100).data()["levels"] == 0


@pytest.mark.parametrize(
    ("crs", "left", "top"), [("EPSG:32648", 300_000.0, 5_900_000.0), ("EPSG:32601", 200_000.0, 7_000_000.0)]
)
def test_degrees_are_right_between_the_points_that_the_script_knows(crs, left, top) -> None:
    """Of an area of 240 km, and of one across the antimeridian, halfway between them, to half of the fourth decimal."""
    frame = Frame(crs, 30.0, left, top, 8000, 8000)
    net = frame.data()["net"]
    longitude, latitude = np.array(net["longitude"]), np.array(net["latitude"])
    places = (np.arange(len(latitude) - 1) + 0.5) / (len(latitude) - 1) * 240_000
    x, y = np.meshgrid(left + places, top - places)
    expected = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    for known, true in zip((longitude, latitude), expected, strict=True):
        between = (known[:-1, :-1] + known[1:, :-1] + known[:-1, 1:] + known[1:, 1:]) / 4
        assert np.abs((between - true + 180) % 360 - 180).max() < 5e-5


def test_nothing_in_a_name_ends_the_element_that_holds_it() -> None:
    hostile = {"name": "</script><!-- & \u2028 \U0001f4a7 'x' \\", "colour": '"'}
    text = safe_json(hostile)
    assert not re.search(r"[<>&]|[^ -~]", text) and json.loads(text) == hostile


class Inline(HTMLParser):
    """The inline scripts and styles of a page, and its policy."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.policy = ""
        self._in = ""
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        known = dict(attributes)
        assert not any(name.startswith("on") or name == "style" for name in known), f"{tag} {known}"
        self._in = tag if known.get("type") != "application/json" else ""
        if known.get("http-equiv") == "Content-Security-Policy":
            self.policy = known["content"]

    def handle_data(self, data) -> None:
        if self._in in self.texts:
            self.texts[self._in].append(data)

    def handle_endtag(self, tag) -> None:
        self._in = ""


@pytest.mark.skipif(library() is None, reason="needs the map library: make vendor")
def test_the_policy_names_each_script_and_style_and_nothing_else(tmp_path) -> None:
    Image.new("RGB", (6, 4)).save(tmp_path / "still.png")
    text = explored.write_page(tmp_path / "a.html", explored.contents(), tmp_path / "still.png").read_text(
        encoding="utf-8"
    )
    page = Inline(text)
    rules = dict(rule.split(maxsplit=1) for rule in page.policy.split("; "))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data: 'self'" and "unsafe" not in page.policy
    for kind, texts in page.texts.items():
        hashes = [base64.b64encode(hashlib.sha256(one.encode()).digest()).decode() for one in texts]
        assert rules[f"{kind}-src"].split() == [f"'sha256-{one}'" for one in hashes]
    assert len(page.texts["script"]) == 2 and "sourceMappingURL" not in text and "\r" not in text
    assert explored.HOSTILE not in text, "names are escaped in tables, and in what the script reads"
    assert "BSD 2-Clause" in text


@pytest.mark.skipif(library() is None, reason="needs the map library: make vendor")
def test_a_library_that_is_not_the_known_one_is_refused(tmp_path) -> None:
    assert library(tmp_path) is None
    shutil.copytree(VENDOR, tmp_path, dirs_exist_ok=True)
    assert library(tmp_path) == library()
    (tmp_path / "leaflet.js").write_text("alert(1)", encoding="utf-8")
    with pytest.raises(WaterGeeError, match=r"leaflet.js is not the file of Leaflet .*; run: make vendor"):
        library(tmp_path)
    (tmp_path / "leaflet.js").unlink()
    with pytest.raises(WaterGeeError, match=r"leaflet.js does not exist; run: make vendor"):
        library(tmp_path)

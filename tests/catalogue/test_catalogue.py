"""Stage `catalogue`: a valid STAC catalogue of what there is, true to the files, that moves with them."""

import errno
import hashlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import geopandas
import numpy as np
import pystac
import pytest
import rasterio
from pystac.validation import JsonSchemaSTACValidator
from shapely.geometry import Point, shape

import finished
from catalogue.products import YEARS, described, write_maps, write_products
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import read_json, sha256
from water_gee.maps import OVER_YEARS, YEARLY
from water_gee.sealed import read_sealed
from water_gee.study import Grid, Window

RASTERS = {str(year): [layer.name for layer in YEARLY] for year in YEARS}
RASTERS |= {"all_years": [layer.name for layer in OVER_YEARS]}


@pytest.fixture(scope="module")
def settings() -> Settings:
    return load(compose([]))


@pytest.fixture(scope="module")
def products(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("products")
    write_products(root)
    return root


@pytest.fixture(scope="module")
def whole(products, settings, tmp_path_factory) -> Path:
    """A root with its catalogue, bodies too, which was moved after it was made."""
    root = Path(shutil.copytree(products, tmp_path_factory.mktemp("made") / "root"))
    described(settings, root, bodies=True, license="CC-BY-4.0", providers=[{"name": "An agency", "roles": ["host"]}])
    return root.rename(tmp_path_factory.mktemp("moved") / "elsewhere, é")


@pytest.fixture
def root(products, tmp_path) -> Path:
    """A root of the test's own, without bodies and catalogue."""
    return Path(shutil.copytree(products, tmp_path / "root"))


def objects(folder: Path) -> Iterator[pystac.STACObject]:
    catalogue = pystac.Catalog.from_file(str(folder / "catalog.json"))
    yield catalogue
    for collection in catalogue.get_children():
        yield collection
        yield from collection.get_items()


def items(folder: Path) -> dict[str, pystac.Item]:
    return {one.id: one for one in objects(folder) if isinstance(one, pystac.Item)}


def bytes_below(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_every_object_is_valid_and_every_href_is_a_file_below_the_moved_root(whole):
    validator, checked = JsonSchemaSTACValidator(), 0
    for one in objects(whole / "catalogue"):
        content = one.to_dict(include_self_link=False)
        validator.validate_core(content, one.STAC_OBJECT_TYPE, "1.1.0", one.self_href)
        raw = read_json(Path(one.self_href))
        hrefs = [part["href"] for part in (*raw["links"], *raw.get("assets", {}).values())]
        assert hrefs and all((Path(one.self_href).parent / href).resolve().is_relative_to(whole) for href in hrefs)
        for part in (*raw["links"], *raw.get("assets", {}).values()):
            path = Path(one.self_href).parent / part["href"]
            assert not Path(part["href"]).is_absolute() and path.is_file(), part
            if "file:checksum" in part:
                assert part["file:checksum"] == "1220" + hashlib.sha256(path.read_bytes()).hexdigest()
                assert part["file:size"] == path.stat().st_size
                checked += 1
    assert checked > 40


def test_what_is_said_of_a_layer_is_what_is_in_its_file(whole):
    found = items(whole / "catalogue")
    assert set(found) == {*RASTERS, "bodies"}
    for name, layers in RASTERS.items():
        item = found[name]
        assert set(item.assets) == {*layers, *(f"{layer}_style" for layer in layers)}
        for layer in layers:
            asset, band = item.assets[layer].extra_fields, item.assets[layer].extra_fields["bands"][0]
            with rasterio.open(item.assets[layer].get_absolute_href()) as file:
                values = file.read(1, masked=True)
                assert asset["proj:code"] == str(file.crs) == "EPSG:32648"
                assert (asset["proj:shape"], asset["proj:bbox"]) == ([*file.shape], [*file.bounds])
                assert asset["proj:transform"] == list(file.transform)[:6]
                assert (band["name"], band["data_type"]) == (layer, file.dtypes[0])
                assert float(band["nodata"]) == file.nodata or np.isnan(file.nodata)
            told = band["statistics"]
            assert told["mean"] == pytest.approx(values.mean()) and told["maximum"] == values.max()
            assert told["valid_percent"] == pytest.approx(100 * values.count() / values.size)
            if classes := {one["value"]: one for one in asset.get("classification:classes", [])}:
                assert set(np.unique(values.compressed())) <= set(classes)
                assert all(len(one["color_hint"]) == 6 and " " not in one["name"] for one in classes.values())
    water = found["2020"].assets["water"].extra_fields["classification:classes"]
    assert [(one["value"], one["name"], one.get("nodata")) for one in water] == [
        (0, "land", None), (1, "water", None), (255, "not_seen", True),
    ]  # fmt: skip


def test_an_item_is_where_and_when_its_maps_are(whole):
    item = items(whole / "catalogue")["2020"]
    times = [item.properties[key] for key in ("datetime", "start_datetime", "end_datetime")]
    assert times == [None, "2020-06-01T00:00:00Z", "2020-08-31T23:59:59Z"]
    with rasterio.open(item.assets["water"].get_absolute_href()) as file:
        middle = file.xy(file.height / 2, file.width / 2)
    to_degrees = geopandas.GeoSeries([Point(middle)], crs=32648).to_crs(4326)[0]
    assert shape(item.geometry).contains(to_degrees)
    west, south, east, north = item.bbox
    assert west < to_degrees.x < east and south < to_degrees.y < north
    collection = next(one for one in objects(whole / "catalogue") if isinstance(one, pystac.Collection))
    assert collection.extent.spatial.bboxes == [item.bbox] and collection.license == "CC-BY-4.0"
    begin, end = collection.extent.temporal.intervals[0]
    assert (begin.isoformat(), end.isoformat()) == ("2019-06-01T00:00:00+00:00", "2020-08-31T23:59:59+00:00")
    assert [one.name for one in collection.providers] == ["An agency"]


def test_bodies_are_found_by_the_catalogue(whole):
    item = items(whole / "catalogue")["bodies"]
    table = geopandas.read_file(item.assets["bodies"].get_absolute_href(), layer="bodies_by_year")
    assert set(table["year"]) == set(YEARS) and item.properties["water_gee:bodies"] == table["id"].nunique()


def test_the_lineage_leads_to_run_model_tiles_labels_and_proof(whole):
    item = items(whole / "catalogue")["2020"]
    linked = {Path(link.get_absolute_href()).relative_to(whole).as_posix() for link in item.get_links("via")}
    assert linked == {
        "models/model.json", "models/model.ckpt", "export/export.json", "export/expression.json",
        "data/tiles/tiles.csv", "data/clean/report.json",
    }  # fmt: skip
    known = {key.removeprefix("water_gee:"): value for key, value in item.properties.items()}
    assert known["checkpoint_sha256"] == sha256(whole / "models" / "model.ckpt")
    assert known["tiles_csv"] == sha256(whole / "data" / "tiles" / "tiles.csv")
    assert (known["run_id"], known["commit"], known["git_commit"]) == ("r1", "abc", "def")
    assert known["processing:software"] == {"Water_gee": "2.0.0"}


def test_what_is_of_others_is_left_out_in_one_line(root, settings, capsys):
    described(settings, root, bodies=True)
    tags = {**read_json(root / "maps" / "maps.json"), "checkpoint_sha256": "0" * 64, "expression_sha256": "1" * 64}
    write_maps(root, finished.GRID, finished.LATTICE, {k: v for k, v in tags.items() if k not in ("files", "seal")})
    capsys.readouterr()
    folder = described(settings, root)
    said = capsys.readouterr().err
    for words in (
        "bodies are of other maps and are left out",
        "of another model than",
        "of another network than export",
    ):
        assert words in said
    assert set(items(folder)) == set(RASTERS) and not list((folder / "bodies").glob("*"))
    assert not list(items(folder)["2020"].get_links("via"))


def test_other_tiles_than_the_models_are_not_linked(root, settings, capsys):
    (root / "data" / "tiles" / "tiles.csv").write_text("other\n", encoding="utf-8")
    links = list(items(described(settings, root))["2020"].get_links("via"))
    assert len(links) == 5 and "tiles.csv is not what the model learnt from" in capsys.readouterr().err


def test_two_runs_and_two_places_give_the_same_bytes(root, settings, products, tmp_path):
    first = bytes_below(described(settings, root))
    assert first == bytes_below(described(settings, root))
    other = Path(shutil.copytree(products, tmp_path / "other" / "place"))
    assert first == bytes_below(described(settings, other))


def test_a_folder_of_any_name_gives_the_same_bytes(root, settings, tmp_path):
    """An address ends at `#` and `?`, and a path does not."""
    first = bytes_below(described(settings, root))
    assert first == bytes_below(described(settings, root.rename(tmp_path / "a #1, b? 20%20 & 'c'")))


def test_years_that_are_gone_go_and_files_of_others_stay(root, settings):
    folder = described(settings, root)
    (folder / "mine.txt").write_text("mine", encoding="utf-8")
    report = read_json(root / "maps" / "maps.json")
    tags = {key: value for key, value in report.items() if key not in ("files", "seal")}
    write_maps(root, finished.GRID, finished.LATTICE, tags, (2020,))
    described(settings, root)
    assert set(items(folder)) == {"2020", "all_years"} and not (folder / "2019").exists()
    assert (folder / "mine.txt").is_file()
    known = read_sealed(folder / "report.json", "")["files"]
    assert set(bytes_below(folder)) == {*known, "report.json", "mine.txt"}


def test_a_changed_map_leaves_the_catalogue_before(root, settings):
    before = bytes_below(described(settings, root))
    path = root / "maps" / "2020" / "uncertainty.tif"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(WaterGeeError, match=r"uncertainty.tif is not the map that was written: .*water-gee predict"):
        described(settings, root)
    assert bytes_below(root / "catalogue") == before


def test_a_style_that_was_changed_in_qgis_is_described_as_it_is(root, settings):
    path = root / "maps" / "2020" / "water.qml"
    path.write_text("<qgis>of mine</qgis>", encoding="utf-8")
    (root / "maps" / "2019" / "water.qml").unlink()
    described(settings, root, bodies=True)
    (root / "bodies" / "bodies.qml").write_text("<qgis>of mine</qgis>", encoding="utf-8")
    found = items(described(settings, root))
    assert found["bodies"].assets["bodies_style"].extra_fields["file:checksum"] == "1220" + sha256(path)
    assert found["2020"].assets["water_style"].extra_fields["file:checksum"] == "1220" + sha256(path)
    assert "water_style" not in found["2019"].assets


def test_a_write_that_fails_leaves_the_catalogue_before(root, settings, monkeypatch):
    before = bytes_below(described(settings, root))
    calls = []

    def full(path, content):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("other", encoding="utf-8")

    monkeypatch.setattr("water_gee.catalogue.write.write_json", full)
    with pytest.raises(WaterGeeError, match="No space left on device"):
        described(settings, root, license="MIT")
    assert bytes_below(root / "catalogue") == before


def test_a_catalogue_on_another_disk_is_written_too(root, settings, monkeypatch):
    before, moves = bytes_below(described(settings, root)), {name: getattr(os, name) for name in ("rename", "replace")}

    def on_one_disk(name):
        def move(source, target):
            if len({"catalogue" in Path(path).relative_to(root).parts[:1] for path in (source, target)}) > 1:
                raise OSError(errno.EXDEV, os.strerror(errno.EXDEV), str(source), None, str(target))
            moves[name](source, target)

        return move

    for name in moves:
        monkeypatch.setattr(os, name, on_one_disk(name))
    assert bytes_below(described(settings, root, license="MIT")) != before
    assert bytes_below(described(settings, root)) == before


def test_another_studys_catalogue_stays(root, settings):
    before = bytes_below(described(settings, root))
    with pytest.raises(ConfigError, match=r"catalogue holds the study tiny; give second a root of its own"):
        described(settings, root, study="second")
    assert bytes_below(root / "catalogue") == before


def test_without_maps_it_says_what_to_run(tmp_path, settings):
    with pytest.raises(WaterGeeError, match=r"holds no maps to describe; run first: water-gee predict"):
        described(settings, tmp_path)


def test_maps_of_an_earlier_version_are_told(tmp_path, settings):
    write_maps(tmp_path, finished.GRID, finished.LATTICE, {"study": "tiny"})
    with pytest.raises(WaterGeeError, match=r"maps.json does not tell the maps' months; run again: water-gee predict"):
        described(settings, tmp_path)


@pytest.mark.parametrize(
    ("crs", "scale", "corner", "crosses"),  # EPSG:3571 lies around the pole, 180 degrees down its middle
    [
        ("EPSG:3571", 30.0, (-64, 90_000), True),
        ("EPSG:32701", 300.0, (500, -30_000), True),
        ("EPSG:4326", 0.01, (100, -100), False),
    ],
)
def test_a_place_at_the_antimeridian_is_cut_there(tmp_path, settings, crs, scale, corner, crosses):
    write_maps(tmp_path, Grid(crs, scale), Window(*corner, 128, 128), {"study": "tiny", "months": "12-2"}, (2020,))
    item = items(described(settings, tmp_path))["2020"]
    west, south, east, north = item.bbox
    geometry = shape(item.geometry)
    assert -180 <= west <= 180 and -180 <= east <= 180 and south < north
    assert (west > east) == crosses == (geometry.geom_type == "MultiPolygon")
    assert geometry.bounds[0] >= -180 and geometry.bounds[2] <= 180 and geometry.area < 30
    assert item.properties["start_datetime"] == "2019-12-01T00:00:00Z"
    assert item.properties["end_datetime"] == "2020-02-29T23:59:59Z"

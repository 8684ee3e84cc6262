"""Stage `bodies`: files that open anywhere, the same bytes for the same maps, ids that stay, nobody else's files."""

import csv
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from xml.etree import ElementTree

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio
from scipy import ndimage

from bodies.mapped import UTM, landscape, write_maps
from water_gee.bodies import are_of, bodies_path, read_bodies, read_series
from water_gee.bodies.stage import run
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import sha256
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.paths import Layout
from water_gee.study import Window, outline


@pytest.fixture(scope="module")
def composed() -> Settings:
    return load(compose([]))


@pytest.fixture
def stage(composed):
    """A function that runs the stage below a root."""

    def at(root: Path, *, study: str = "tiny", **choices: object) -> Layout:
        bodies = composed.bodies.model_copy(update=choices)
        paths = composed.paths.model_copy(update={"root": str(root)})
        named = composed.study.model_copy(update={"name": study})
        run(composed.model_copy(update={"bodies": bodies, "paths": paths, "study": named}))
        return Layout(root, study)

    return at


def hashes(layout: Layout) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(layout.bodies.iterdir())}


def ids(layout: Layout) -> list[str]:
    return sorted({row["id"] for row in read_series(layout, read_bodies(layout))})


def shifted(probability: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """Return the map of another year: its shores a little elsewhere."""
    return np.clip(ndimage.gaussian_filter(probability, sigma) * 1.4, 0, 1).astype(np.float32)


YEARS = {2019: landscape(), 2020: shifted(landscape())}


def test_its_files_open_and_say_the_same(tmp_path, stage, capsys) -> None:
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    assert "lakes: 2, rivers: 1;" in capsys.readouterr().err
    report = read_bodies(layout)
    assert are_of(layout, report) and report["bodies"] == 3 and report["settings"]["join"] == 1
    path = bodies_path(layout, report, "bodies.gpkg")
    assert [name for name, _ in pyogrio.list_layers(path)] == ["bodies", "bodies_by_year"]
    whole, yearly = (geopandas.read_file(path, layer=layer) for layer in ("bodies", "bodies_by_year"))
    for table, name in ((whole, "bodies"), (yearly, "bodies_by_year")):
        assert table.crs.to_epsg() == 32648 and table.geometry.is_valid.all()
        assert (table.geometry.geom_type == "MultiPolygon").all()
        info = pyogrio.read_info(path, layer=name)
        assert (info["features"], info["geometry_type"]) == (len(table), "MultiPolygon")
        parquet = geopandas.read_parquet(bodies_path(layout, report, f"{name}.parquet"))
        assert parquet.crs.to_epsg() == 32648 and parquet.geometry.geom_equals(table.geometry).all()
        pd.testing.assert_frame_equal(
            pd.DataFrame(parquet.drop(columns="geometry")),
            pd.DataFrame(table.drop(columns="geometry")), check_dtype=False,
        )  # fmt: skip
    assert whole["id"].is_unique and not yearly.duplicated(["id", "year"]).any() and len(yearly) == 6
    rows = read_series(layout, report)
    assert [(row["id"], int(row["year"])) for row in rows] == list(zip(yearly["id"], yearly["year"], strict=True))
    for row, area in zip(rows, yearly.geometry.area, strict=True):
        assert float(row["area_km2"]) == pytest.approx(area / 1e6, rel=2e-3)  # the crs's own, at its zone's middle
        assert float(row["low_km2"]) <= float(row["area_km2"]) <= float(row["high_km2"])
        assert row["unseen_share"] == "0.000000" and row["complete"] == "1"


def test_its_style_names_every_kind_in_a_colour_of_its_own(tmp_path, stage) -> None:
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    root = ElementTree.parse(bodies_path(layout, read_bodies(layout), "bodies.qml")).getroot()
    renderer = root.find("renderer-v2")
    assert (
        renderer.get("attr") == "kind"
        and "kind" in geopandas.read_file(layout.bodies / "bodies.gpkg", layer="bodies").columns
    )
    shown = {one.get("value"): one.get("symbol") for one in renderer.iter("category")}
    colours = {one.get("name"): one.find(".//Option[@name='color']").get("value") for one in renderer.iter("symbol")}
    assert set(shown) == {"lake", "river"} and len({colours[symbol] for symbol in shown.values()}) == 2


def test_the_areas_add_up_to_those_of_the_maps(tmp_path, stage) -> None:
    from water_gee.bodies.frames import Frame
    from water_gee.maps import read_maps

    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path, min_km2=0.0)
    frame = Frame.of(layout, read_maps(layout))
    rows = read_series(layout, read_bodies(layout))
    for year in YEARS:
        total = sum(float(row["area_km2"]) for row in rows if int(row["year"]) == year)
        assert total == pytest.approx(float(frame.areas()[frame.water(year)[0]].sum()) / 1e6, abs=1e-5)


def test_two_runs_and_two_roots_are_the_same_bytes(tmp_path, stage) -> None:
    for name in ("one", "other"):
        write_maps(tmp_path / name, YEARS)
    first = hashes(stage(tmp_path / "one"))
    assert set(first) == {
        *("bodies.csv", "bodies.gpkg", "bodies.json", "bodies.qml"), "bodies.parquet", "bodies_by_year.parquet",
    }  # fmt: skip
    assert hashes(stage(tmp_path / "one")) == first == hashes(stage(tmp_path / "other"))
    assert not (tmp_path / "one" / "work" / "bodies").exists()


def test_nothing_in_its_files_tells_the_day(tmp_path, stage) -> None:
    """Two runs a second apart may have one time; a GeoPackage holds it in three places."""
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    with closing(sqlite3.connect(layout.bodies / "bodies.gpkg")) as file:
        days = [*file.execute("select last_change from gpkg_contents")]
        days += file.execute("select timestamp from gpkg_metadata_reference")
        told = "".join(text for (text,) in file.execute("select metadata from gpkg_metadata"))
    assert len(days) == 4 and {day for (day,) in days} == {"2000-01-01T00:00:00.000Z"}
    assert ">tiny<" in told and read_bodies(layout)["maps_sha256"] in told


def test_ids_do_not_depend_on_how_the_maps_were_cut(tmp_path, stage) -> None:
    whole = landscape()
    window = Window(13_600, -193_280, *whole.shape)

    def engine(piece):
        part = whole[piece.window.within(window)]
        return part, part >= 0.5, np.full(part.shape, 3, np.uint16)

    found = []
    for size in (40, 128):
        root = tmp_path / str(size)
        plan = Plan.of("map", outline(UTM, window), UTM, [2020], size=size)
        store = PartStore(root / "parts", UTM)
        predict_pieces(plan, engine, store, workers=1)
        publish(plan, store, root / "maps", {"study": "tiny", "area": "map"})
        found.append((len(plan.pieces), hashes(stage(root))))
    assert found[0][0] > 9 > found[1][0] and found[0][1] == found[1][1]


def test_ids_stay_when_a_year_is_added_before_or_after(tmp_path, stage) -> None:
    write_maps(tmp_path / "later", {2019: YEARS[2019]})
    before = ids(stage(tmp_path / "later"))
    shutil.rmtree(tmp_path / "later" / "bodies")
    write_maps(tmp_path / "later", YEARS)
    assert ids(stage(tmp_path / "later")) == before  # by themselves
    write_maps(tmp_path / "earlier", {2019: YEARS[2019]})
    stage(tmp_path / "earlier")
    write_maps(tmp_path / "earlier", {2018: shifted(YEARS[2020], 2.5), **YEARS})
    assert ids(stage(tmp_path / "earlier")) == before  # from the result before


def test_ids_come_from_a_file_of_ones_own_in_another_crs(tmp_path, stage) -> None:
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    own = geopandas.read_file(layout.bodies / "bodies.gpkg", layer="bodies").to_crs(4326)[["id", "geometry"]]
    own["id"] = [101, 102, 103]
    own.to_file(tmp_path / "ours.geojson", driver="GeoJSON")
    layout = stage(tmp_path, earlier="ours.geojson")
    assert ids(layout) == ["101", "102", "103"]
    assert read_bodies(layout)["earlier_sha256"] == sha256(tmp_path / "ours.geojson")
    own["id"] = [7, 7, 8]
    own.to_file(tmp_path / "twice.gpkg")
    with pytest.raises(ConfigError, match=r"bodies\.earlier: .*twice\.gpkg has the id 7 twice"):
        stage(tmp_path, earlier="twice.gpkg")
    assert ids(layout) == ["101", "102", "103"]


def test_names_come_from_a_file_in_another_crs_and_are_in_every_table(tmp_path, stage) -> None:
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    whole = geopandas.read_parquet(layout.bodies / "bodies.parquet")
    largest = whole.loc[[whole["area_km2"].idxmax()]]
    largest.assign(name="Озеро").to_crs(4326)[["name", "geometry"]].to_file(tmp_path / "names.geojson")
    layout = stage(tmp_path, names="names.geojson")
    report = read_bodies(layout)
    named = {row["id"] for row in read_series(layout, report) if row["name"] == "Озеро"}
    assert named == set(largest["id"]) and report["names_sha256"] == sha256(tmp_path / "names.geojson")
    assert set(geopandas.read_parquet(layout.bodies / "bodies.parquet")["name"]) == {"Озеро", ""}
    with pytest.raises(ConfigError, match=r"bodies\.names: .*nowhere\.gpkg does not exist"):
        stage(tmp_path, names="nowhere.gpkg")


def test_another_studys_bodies_are_neither_overwritten_nor_read(tmp_path, stage, monkeypatch) -> None:
    write_maps(tmp_path, YEARS)
    first = hashes(stage(tmp_path))
    write_maps(tmp_path, {2019: np.roll(landscape(), 30, 0)}, study="mine")
    with pytest.raises(ConfigError, match="holds the study tiny; give mine a root of its own"):
        stage(tmp_path, study="mine")
    assert hashes(Layout(tmp_path, "tiny")) == first
    monkeypatch.setenv("DVC_STAGE", "bodies")  # as `dvc repro` does when params.yaml names another study
    monkeypatch.setattr("water_gee.claims.kept_by_dvc", lambda *_: True)
    inside = ids(stage(tmp_path, study="mine"))
    write_maps(tmp_path / "fresh", {2019: np.roll(landscape(), 30, 0)}, study="mine")
    assert ids(stage(tmp_path / "fresh", study="mine")) == inside
    with pytest.raises(WaterGeeError, match="is of the study mine and not of tiny"):
        read_bodies(Layout(tmp_path, "tiny"))


def test_a_changed_result_before_is_named_and_not_silently_given_up(tmp_path, stage) -> None:
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    (layout.bodies / "bodies.gpkg").write_bytes(b"no")  # other programs write into it as they open it
    (layout.bodies / "bodies.parquet").write_bytes(b"no")
    with pytest.raises(WaterGeeError, match=r"bodies\.parquet, which holds the ids so far, is not the file that was"):
        stage(tmp_path)
    with pytest.raises(WaterGeeError, match=r"bodies\.gpkg is not the file that was written"):
        bodies_path(layout, read_bodies(layout), "bodies.gpkg")
    stage(tmp_path, earlier=None)
    stage(tmp_path)


def test_a_root_without_bodies_takes_none_from_the_working_directory(tmp_path, stage, monkeypatch) -> None:
    for name in ("here", "there"):
        write_maps(tmp_path / name, YEARS)
    here = stage(tmp_path / "here")
    own = geopandas.read_parquet(here.bodies / "bodies.parquet")
    own["id"] = ["x", "y", "z"]
    own.to_file(tmp_path / "own.gpkg")
    assert ids(stage(tmp_path / "here", earlier=str(tmp_path / "own.gpkg"))) == ["x", "y", "z"]
    monkeypatch.chdir(tmp_path / "here")
    there = stage(tmp_path / "there")
    assert not {"x", "y", "z"} & set(ids(there)) and "earlier_sha256" not in read_bodies(there)


def test_what_is_not_ours_stays_and_its_hash_is_told(tmp_path, stage) -> None:
    write_maps(tmp_path, {2019: YEARS[2019]})
    layout = stage(tmp_path)
    own = geopandas.read_parquet(layout.bodies / "bodies.parquet")
    mine = [layout.bodies / name for name in ("lakes.gpkg", "notes.txt")]
    own.assign(name="Blue").to_file(mine[0])
    mine[1].write_bytes(b"mine")
    stale = layout.bodies / "bodies.gpkg-wal"
    stale.write_bytes(b"of the file before")
    told = sha256(mine[0])
    report = read_bodies(stage(tmp_path, names="bodies/lakes.gpkg"))
    assert report["names_sha256"] == told == sha256(mine[0]) and mine[1].is_file() and not stale.exists()


def test_a_command_that_was_killed_while_it_put_files_in_place_is_finished_by_the_next(
    tmp_path, stage, monkeypatch
) -> None:
    write_maps(tmp_path, {2019: YEARS[2019]})
    layout = stage(tmp_path)
    write_maps(tmp_path, YEARS)
    moved, move = [], shutil.move

    def killed(source, target):
        if len(moved) == 3:
            raise KeyboardInterrupt
        moved.append(move(source, target))

    monkeypatch.setattr("water_gee.bodies.write.shutil.move", killed)
    with pytest.raises(KeyboardInterrupt):
        stage(tmp_path)
    monkeypatch.undo()
    half = hashes(layout)
    assert half["bodies.json"] != sha256(tmp_path / "work" / "bodies" / "bodies.json")
    stage(tmp_path)
    write_maps(tmp_path / "calm", YEARS)
    assert hashes(layout) == hashes(stage(tmp_path / "calm"))
    assert not (tmp_path / "work" / "bodies").exists()


def test_no_maps_changed_maps_and_stale_bodies_are_said(tmp_path, stage) -> None:
    with pytest.raises(WaterGeeError, match="holds no maps"):
        stage(tmp_path)
    write_maps(tmp_path, YEARS)
    layout = stage(tmp_path)
    write_maps(tmp_path, {2019: YEARS[2019]})
    assert not are_of(layout, read_bodies(layout))
    path = layout.maps / "2019" / "water.tif"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(WaterGeeError, match="is not the map that was written"):
        stage(tmp_path)
    write_maps(tmp_path, YEARS)
    other = write_maps(tmp_path / "elsewhere", YEARS, corner=(13_601, -193_280))
    assert other.left == 13_601
    moved = tmp_path / "maps" / "2020" / "water.tif"
    with rasterio.open(moved, "r+") as file:
        file.transform = rasterio.Affine(30, 0, 0, 0, -30, 0)
    from water_gee.maps import read_maps
    from water_gee.sealed import write_sealed

    report = read_maps(layout)
    report["files"]["2020/water.tif"] = sha256(moved)
    write_sealed(layout.maps / "maps.json", report)
    with pytest.raises(WaterGeeError, match="do not cover the same pixels"):
        stage(tmp_path)


def test_a_year_that_was_hardly_seen_does_not_look_dry(tmp_path, stage) -> None:
    hidden, half = np.full((128, 128), np.nan, np.float32), landscape()
    half[:, 100:] = np.nan
    write_maps(tmp_path, {2018: half, 2019: landscape(), 2020: hidden})
    rows = read_series(layout := stage(tmp_path), read_bodies(layout))
    for row in rows:
        if row["year"] == "2020":
            assert row["area_km2"] == row["high_km2"] == row["perimeter_km"] == "" and row["unseen_share"] == "1.000000"
            assert row["complete"] == "0"
    lake = [row for row in rows if row["kind"] == "lake" and row["year"] == "2018" and float(row["unseen_share"]) > 0]
    assert len(lake) == 1 and 0.2 < float(lake[0]["unseen_share"]) < 0.6 and lake[0]["complete"] == "0"
    assert [row["complete"] for row in rows if row["year"] == "2019"] == ["1"] * 3


def test_maps_without_water_have_no_bodies(tmp_path, stage) -> None:
    write_maps(tmp_path, {2019: np.zeros((40, 50), np.float32)})
    layout = stage(tmp_path)
    assert read_series(layout, report := read_bodies(layout)) == [] and report["bodies"] == 0
    assert len(geopandas.read_file(layout.bodies / "bodies.gpkg", layer="bodies")) == 0
    with (layout.bodies / "bodies.csv").open(encoding="utf-8") as file:
        assert next(csv.reader(file))[:4] == ["id", "name", "kind", "year"]
    stage(tmp_path)  # and an empty result before is no hindrance

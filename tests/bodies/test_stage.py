"""Stage `bodies`: files that open anywhere, the same bytes for the same maps, ids that stay, nobody else's files."""

import csv
import shutil
import sqlite3
from contextlib import closing
from xml.etree import ElementTree

import geopandas
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from bodies.mapped import YEARS, hashes, landscape, write_maps
from water_gee.bodies import are_of, bodies_path, read_bodies, read_series, write
from water_gee.errors import WaterGeeError
from water_gee.files import sha256


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
        assert total == pytest.approx(
            float(frame.areas().whole()[frame.layer(year, "water").whole() == 1].sum()) / 1e6, abs=1e-5
        )


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


def test_of_two_at_once_the_second_ends_in_a_line_and_the_first_goes_on(tmp_path, stage, monkeypatch) -> None:
    """They would make their files in one folder, each removing the other's."""
    refused = []

    def meanwhile(folder, names, write=write._write_parquet) -> None:
        if not refused:
            refused.append(True)
            with pytest.raises(WaterGeeError, match=r"another command writes .*bodies now; wait"):
                stage(tmp_path)
        write(folder, names)

    for name in ("", "calm"):
        write_maps(tmp_path / name, YEARS)
    calm = hashes(stage(tmp_path / "calm"))
    monkeypatch.setattr(write, "_write_parquet", meanwhile)
    assert hashes(stage(tmp_path)) == calm and refused
    assert not list((tmp_path / "work").glob("*"))


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

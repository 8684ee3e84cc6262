"""Ids, names and earlier results, through the stage: whose they are, and what keeps them."""

import shutil

import geopandas
import numpy as np
import pytest

from bodies.mapped import UTM, YEARS, hashes, ids, landscape, shifted, write_maps
from water_gee.bodies import bodies_path, read_bodies, read_series
from water_gee.bodies.earlier import parted
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import sha256
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.paths import Layout
from water_gee.study import Window, outline


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


def test_an_id_of_any_letters_is_still_one_id_when_its_body_has_merged(tmp_path, stage) -> None:
    apart = np.full((60, 100), 0.01, np.float32)
    apart[10:40, 10:40] = apart[10:40, 50:90] = 0.99
    merged = apart.copy()
    merged[10:40, 40:50] = 0.99
    write_maps(tmp_path, {2020: apart})
    own = geopandas.read_parquet(stage(tmp_path).bodies / "bodies.parquet").sort_values("area_km2")
    own["id"] = ['North "upper", Lake', "south"]
    own.to_parquet(tmp_path / "ours.parquet")
    stage(tmp_path, earlier="ours.parquet")
    write_maps(tmp_path, {2020: merged})
    for _ in range(2):  # the second run reads what the first wrote
        whole = geopandas.read_parquet(stage(tmp_path).bodies / "bodies.parquet")
        assert whole["id"].tolist() == ["south"] and parted(whole["formerly"][0]) == ('North "upper", Lake',)


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

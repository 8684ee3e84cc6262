"""The local engine on stored tiles: every window is real ground, however the tiles and the pieces are cut."""

import threading
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import rasterio
from shapely.geometry import Polygon

import finished
from water_gee.errors import TileError
from water_gee.files import sha256
from water_gee.maps.engines import LocalEngine
from water_gee.maps.local import stored_records
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import OUTSIDE, PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.stored import StoredTiles, TileReader
from water_gee.models import load_checkpoint, predict, predictor
from water_gee.paths import Layout
from water_gee.study import Grid, Window
from water_gee.tiles import feature_path, read_manifest, write_manifest

LATTICE, MARGIN = finished.LATTICE, finished.MARGIN
AROUND = LATTICE.buffer(MARGIN)


land = cache(finished.land)


def ground(year: int, window: Window) -> np.ndarray:
    """Return the features and clear looks of a window [band, y, x], straight from the arrays that tiles were cut of."""
    looks = np.where(np.isnan(land(year)["share"]), 0, 2).astype("float32")
    return np.concatenate([land(year)["features"], looks[None]])[:, *window.within(AROUND)]


def tiles(layout) -> tuple[StoredTiles, TileReader]:
    return StoredTiles(stored_records(layout, "test", finished.GRID)), TileReader(layout, finished.FEATURES)


@pytest.mark.parametrize("margin", [3, 1, 0])
def test_a_window_is_that_of_all_tiles_together(tmp_path, margin) -> None:
    stored, reader = tiles(finished.write_root(tmp_path, clean=False, margin=margin))
    random = np.random.default_rng(0)
    windows = [LATTICE, LATTICE.buffer(margin)]
    for _ in range(20):
        left, top = random.integers(0, 100, 2)
        width, height = random.integers(1, 128 - np.array([left, top]))
        windows.append(Window(LATTICE.left + int(left), LATTICE.top + int(top), int(width), int(height)))
    for window in windows:
        held = stored.holding(2020, window)
        assert held is not None
        assert np.array_equal(reader(held), ground(2020, window), equal_nan=True)


def test_what_no_tile_holds_is_never_made_up(tmp_path) -> None:
    layout = finished.write_root(tmp_path, clean=False, margin=1)
    stored, _ = tiles(layout)
    assert stored.holding(2020, LATTICE.buffer(2)) is None
    assert stored.holding(2019, LATTICE) is None
    missing = StoredTiles(read_manifest(layout)[1:])
    assert missing.holding(2020, LATTICE) is None
    first, second = (one.tile.window for one in read_manifest(layout)[:2])
    assert missing.holding(2020, second) is not None and missing.holding(2020, first) is None
    assert StoredTiles([]).holding(2020, LATTICE) is None


def test_an_empty_tile_says_nothing_of_its_neighbours(tmp_path) -> None:
    layout = finished.write_root(tmp_path, clean=False)
    records = read_manifest(layout)
    stored = StoredTiles([replace(records[0], status="empty"), *records[1:]])
    held = stored.holding(2020, LATTICE)
    assert held is not None
    found, expected = TileReader(layout, finished.FEATURES)(held), ground(2020, LATTICE)
    empty = np.zeros(found.shape[1:], bool)
    empty[records[0].tile.window.within(LATTICE)] = True
    near = np.zeros_like(empty)
    for other in records[1:]:
        near[(other.tile.outer & LATTICE).within(LATTICE)] = True  # its neighbours know its border better
    assert np.array_equal(found[:, near], expected[:, near], equal_nan=True)
    assert np.isnan(found[:-1, empty & ~near]).all() and (found[-1, empty & ~near] == 0).all()
    alone = StoredTiles([replace(records[0], status="empty", margin=1)])
    held = alone.holding(2020, records[0].tile.window, 3)  # all of its pixels are masked, whatever lies around
    assert held is not None and np.isnan(TileReader(layout, finished.FEATURES)(held)[:-1]).all()
    assert alone.holding(2020, records[0].tile.window.buffer(1)) is None


def test_tiles_are_those_of_the_manifest_and_of_this_lattice(tmp_path, capsys) -> None:
    layout = finished.write_root(tmp_path, clean=False)
    assert stored_records(layout, "test", Grid("EPSG:32648", 30.0, (15.0, 15.0))) == []
    assert "of another lattice" in capsys.readouterr().err
    assert stored_records(layout, "other", finished.GRID) == []
    stored, reader = tiles(layout)
    path = feature_path(layout, "test", read_manifest(layout)[0].id)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(TileError, match=r"changed or damaged; run again: water-gee tiles"):
        reader(stored.holding(2020, LATTICE))
    with pytest.raises(TileError, match=r"has no band 'ndvi'"):
        TileReader(layout, ("blue", "ndvi"))(stored.holding(2020, read_manifest(layout)[1].tile.window))


def test_a_reader_that_outlives_a_command_knows_tiles_by_their_hashes(tmp_path) -> None:
    """The workers of a cluster keep theirs: tiles that were fetched anew have the names of those before."""
    stored, reader = tiles(finished.write_root(tmp_path, clean=False, margin=1))
    before = reader(stored.holding(2020, LATTICE))
    layout = Layout(tmp_path, finished.STUDY)
    records = []
    for one in read_manifest(layout):
        path = feature_path(layout, one.area, one.id)
        with rasterio.open(path, "r+") as file:
            file.write(file.read() + np.float32(0.25))
        records.append(replace(one, sha256=sha256(path)))
    write_manifest(layout, records)
    after = reader(tiles(layout)[0].holding(2020, LATTICE))
    assert np.nanmin(after[:-1] - before[:-1]) > 0.2


def test_one_map_however_tiles_and_pieces_are_cut(tmp_path) -> None:
    """Against the network on the whole ground at once: several years, masked pixels, a ragged outline, threads."""
    left, bottom, right, top = finished.GRID.bounds(LATTICE)
    outline = Polygon([(left, top), (right, top - 700), (right - 800, bottom + 10), (left + 1000, bottom)])
    years = (2019, 2020)
    made = []
    for margin, size in ((3, 64), (3, 150), (3, 41), (1, 64)):
        root = tmp_path / f"{margin}_{size}"
        layout = finished.write_root(root, years, clean=False, margin=margin)
        model = load_checkpoint(layout.models / "model.ckpt")
        stored, reader = tiles(layout)

        def features(year, pixels, reach, stored=stored, reader=reader):
            held = stored.holding(year, pixels, reach)
            return ground(year, pixels.buffer(reach)) if held is None else reader(held)  # what is not held is fetched

        plan = Plan.of("test", outline, finished.GRID, years, size=size)
        engine = LocalEngine(predictor(model), features, MARGIN, model.threshold, threading.BoundedSemaphore(2))
        store = PartStore(root / "parts", finished.GRID)
        predict_pieces(plan, engine, store, workers=3)
        made.append((plan, store, model))
    for plan, store, model in made:
        for year in years:
            inside = plan.inside(plan.window)
            expected = predict(model, ground(year, plan.window.buffer(MARGIN))[:-1])
            expected[~inside] = np.nan
            found = {name: assembled(plan, store, year, name) for name in ("probability", "water", "clear_looks")}
            assert np.array_equal(np.isnan(found["probability"]), np.isnan(expected))
            assert np.nanmax(np.abs(found["probability"] - expected)) <= 1e-5
            decided = np.abs(expected - model.threshold) > 1e-4
            assert np.array_equal(found["water"][decided] == 1, expected[decided] >= model.threshold)
            looks = np.where(inside, ground(year, plan.window)[-1], OUTSIDE)
            assert np.array_equal(found["clear_looks"], looks)


def assembled(plan: Plan, store: PartStore, year: int, layer: str) -> np.ndarray:
    """Return a layer of the whole map from its parts."""
    import rasterio

    nodata = {"probability": np.nan, "water": 255, "clear_looks": OUTSIDE}[layer]
    whole = np.full((plan.window.height, plan.window.width), nodata, np.float32)
    for piece in plan.of_year(year):
        with rasterio.open(store.path(piece, layer)) as file:
            whole[piece.window.within(plan.window)] = file.read(1)
    return whole

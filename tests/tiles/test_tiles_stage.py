"""`water-gee tiles`: what it writes, and that it fetches what is missing and nothing else."""

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import rasterio

import scenes
from eelocal import Server
from tiles.tile_files import SMALL, contents, fetched
from water_gee.claims import alone
from water_gee.paths import Layout
from water_gee.tiles import LABEL_BANDS, feature_path, label_path, load_tile, read_manifest, requests


@pytest.mark.parametrize(("strip", "area"), zip(scenes.STRIPS, ("train", "test"), strict=True), ids=["train", "test"])
def test_tiles_hold_the_composite_on_the_lattice(downloaded, scene_catalog, strip, area):
    layout = Layout(downloaded)
    records = read_manifest(layout)
    assert {record.area for record in records} == {"train", "test"} and {r.year for r in records} == {2019, 2020}
    direct = scenes.direct_features(scene_catalog, strip, 2020)
    water = 0
    for record in (r for r in records if (r.area, r.year, r.status) == (area, 2020, "ok")):
        tile = load_tile(layout, record)
        assert tile.names == ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
        assert (tile.transform.c, tile.transform.f) == (record.left, record.top)
        for name in tile.names:
            np.testing.assert_allclose(tile.band(name), on_tile(direct[name], strip, tile), atol=2e-6)
        np.testing.assert_allclose(tile.share, on_tile(direct["water_share"], strip, tile), atol=1e-7)
        np.testing.assert_array_equal(tile.looks, np.nan_to_num(on_tile(direct["clear_looks"], strip, tile)))
        assert record.clear_pixels == np.count_nonzero(tile.looks[tile.core] > 0)
        assert record.water_pixels == np.count_nonzero(tile.label[tile.core] == 1)
        water += record.water_pixels
    assert water == np.count_nonzero(direct["water_share"] >= 0.5)  # every pixel of the area is in one tile


def on_tile(values: np.ndarray, strip: scenes.Strip, tile) -> np.ndarray:
    """Return a strip's values on a tile, NaN where the tile lies beyond the strip."""
    side = tile.share.shape[0]
    padded = np.pad(values, side, constant_values=np.nan)
    left = round((tile.transform.c - strip.left) / scenes.SCALE) + side
    top = round((strip.top - tile.transform.f) / scenes.SCALE) + side
    return padded[top : top + side, left : left + side]


def test_margins_repeat_the_neighbours_pixels(downloaded):
    layout = Layout(downloaded)
    by_place = {(r.area, r.year, r.column, r.row): r for r in read_manifest(layout) if r.status == "ok"}
    beside = [(west, by_place.get((a, y, c + 1, r))) for (a, y, c, r), west in by_place.items()]
    pairs = [(west, east) for west, east in beside if east]
    assert len(pairs) > 20
    for west, east in pairs:
        both = 2 * west.margin
        left, right = load_tile(layout, west).features, load_tile(layout, east).features
        np.testing.assert_array_equal(left[:, :, -both:], right[:, :, :both])


EVIDENCE = (
    "share_mndwi", "share_awei", "share_wi2015", "share_ndwi", "share_dswe", "share_dswe_partial",
    "swir2", "slope", "illumination", "snow",
)  # fmt: skip


def test_files_carry_names_grid_and_nodata(downloaded):
    layout = Layout(downloaded)
    record = next(r for r in read_manifest(layout) if r.status == "ok")
    with rasterio.open(label_path(layout, record.area, record.id)) as file:
        assert (
            file.descriptions[:2] == LABEL_BANDS
            and file.descriptions[2:] == EVIDENCE
            and file.crs.to_epsg() == 32648
            and np.isnan(file.nodata)
        )
        assert file.shape == (70, 70) and tuple(file.bounds) == (record.left, record.bottom, record.right, record.top)


def test_a_second_run_fetches_nothing_and_changes_nothing(tiles, whole):
    before, asked = contents(whole), fetched(whole)
    tiles()
    assert contents(whole) == before and fetched(whole) == asked
    assert not (whole / "work" / "tiles.jsonl").exists()


def test_damaged_tiles_are_fetched_again(tiles, whole, capsys):
    before, asked = contents(whole), fetched(whole)
    layout = Layout(whole)
    ok = [r for r in read_manifest(layout) if r.status == "ok"]
    flip(feature_path(layout, ok[0].area, ok[0].id))
    truncate(label_path(layout, ok[1].area, ok[1].id))
    feature_path(layout, ok[2].area, ok[2].id).unlink()
    tiles()
    assert contents(whole) == before
    assert sorted(fetched(whole)[len(asked) :]) == sorted(f"{r.area}/{r.id}" for r in ok[:3])
    assert "3 tiles are damaged or missing" in capsys.readouterr().err


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def test_tiles_without_record_are_known_by_what_they_carry(tiles, whole):
    """A kill may fall between a tile's files and its line in the journal; a lost journal is the same."""
    before, asked = contents(whole), fetched(whole)
    layout = Layout(whole)
    records = read_manifest(layout)
    damaged = next(r for r in records if r.status == "ok")
    empty = [r for r in records if r.status == "empty"]
    (layout.tiles / "tiles.csv").unlink()
    truncate(feature_path(layout, damaged.area, damaged.id))
    tiles()
    assert contents(whole) == before
    assert sorted(fetched(whole)[len(asked) :]) == sorted(f"{r.area}/{r.id}" for r in [damaged, *empty])


def test_a_tile_without_a_clear_pixel_is_empty(tiles, root):
    left, _, right, top = scenes.STRIPS[0].bounds
    far = f"+study.areas.train.bbox=[{left},{top - 64 * 30},{right + 64 * 30 * 2},{top}]"
    choice = ("~study.areas.train.strips", far, *SMALL)
    tiles(*choice)
    layout = Layout(root)
    empty = [record for record in read_manifest(layout) if record.status == "empty"]
    assert empty and all(r.clear_pixels == 0 and r.sha256 == "" and r.reason == "" for r in empty)
    assert not any(feature_path(layout, r.area, r.id).exists() for r in empty)
    asked = fetched(root)
    tiles(*choice)
    assert fetched(root) == asked


def test_a_failed_tile_is_recorded_and_the_others_go_on(failing, tiles, root, scene_catalog):
    with Server(scene_catalog, faults=["computePixels=400:Out of luck.*1@3"]) as server:
        text = failing(f"earth.url={server.url}", "earth.workers=1", *SMALL)
    records = read_manifest(Layout(root))
    failed = [record for record in records if record.status == "failed"]
    assert len(failed) == 1 and failed[0].reason == "Out of luck."
    assert f"1 of {len(records)} tiles failed, first {failed[0].area}/{failed[0].id}: Out of luck" in text
    asked = fetched(root)
    tiles(*SMALL)
    assert fetched(root)[len(asked) :] == [f"{failed[0].area}/{failed[0].id}"]
    assert all(record.status != "failed" for record in read_manifest(Layout(root)))


def test_what_no_longer_belongs_is_pruned(tiles, whole):
    asked = fetched(whole)
    train = whole / "data" / "tiles" / "train"
    (train / "notes.txt").write_text("mine", encoding="utf-8")
    (train / ".2020_c0001_r0001.77.tmp.tif").write_bytes(b"half")
    tiles(*SMALL)
    names = set(contents(whole))
    assert "train/notes.txt" in names
    assert all(name.startswith(("train/2020_", "tiles.csv", "tiles.json", "train/notes")) for name in names)
    assert not (whole / "data" / "tiles" / "test").exists()
    assert fetched(whole) == asked


@pytest.fixture
def wanted(tiles, capsys):
    """A function from overrides to how many tiles a run would fetch, by year."""

    def count(*overrides: str) -> dict[str, int]:
        capsys.readouterr()
        tiles("tiles.dry_run=true", *overrides)
        lines = [line.split() for line in capsys.readouterr().out.splitlines()[1:-1]]
        return {year: int(requests) for _, year, _, requests, _ in lines if int(requests)}

    return count


@pytest.mark.parametrize(
    "change",
    [
        "features.names=[blue,nir]",
        "study.months=[7,8]",
        "tiles.margin=4",
        "sensor.cloud_bits=[3]",
        "labels.bit=cfmask",
        "labels.sources=[mndwi,awei]",
        "labels.beside=[slope]",
        "tiles.refresh=true",
    ],
)
def test_another_choice_is_other_tiles(wanted, whole, change):
    assert wanted(*SMALL, change)


def test_the_same_choice_is_the_same_tiles(wanted, whole):
    assert not wanted(*SMALL)


def test_a_new_scene_makes_its_year_out_of_date(wanted, whole, world, tmp_path):
    catalog = Path(shutil.copytree(world / "catalog", tmp_path / "catalog"))
    assert not wanted(f"earth.catalog={catalog}")
    landsat = catalog / scenes.LANDSAT
    shutil.copy(landsat / "LC08_131023_20200713.tif", landsat / "LC08_131023_20200729.tif")
    properties = json.loads((landsat / "LC08_131023_20200713.json").read_text(encoding="utf-8"))
    properties["system:index"] = "LC08_131023_20200729"
    (landsat / "LC08_131023_20200729.json").write_text(json.dumps(properties), encoding="utf-8")
    assert list(wanted(f"earth.catalog={catalog}", "tiles.areas=[train]")) == ["2020"]


def test_dry_run_says_what_would_be_fetched_and_fetches_nothing(tiles, root, downloaded, capsys):
    with alone(Layout(root), Layout(root).tiles):  # another command fetches meanwhile
        tiles("tiles.dry_run=true")
    table = capsys.readouterr().out.splitlines()
    assert table[0].split() == ["area", "year", "tiles", "requests", "MB", "at", "most"]
    assert [line.split()[:2] for line in table[1:-1]] == [[a, y] for a in ("train", "test") for y in ("2019", "2020")]
    total = table[-1].split()
    assert int(total[1]) == len(fetched(downloaded)) > int(total[2]), "small tiles are asked for together"
    assert not (root / "data").exists()


@pytest.mark.parametrize("at_once", [2**40, 1_000_000], ids=["one_by_one", "in_parts"])
def test_how_tiles_are_asked_for_does_not_show(tiles, root, downloaded, monkeypatch, at_once):
    monkeypatch.setattr(requests, "_ROUNDS", 10**6)
    monkeypatch.setattr(requests, "_AT_ONCE", at_once)
    monkeypatch.setattr(requests, "_LEAST", 1)
    tiles(*SMALL)
    made, known = contents(root), contents(downloaded)
    rasters = {name for name in known if name.startswith("train/2020")}
    assert {name: made[name] for name in made if name.endswith("tif")} == {name: known[name] for name in rasters}


def test_a_tile_of_which_one_part_fails_has_failed_whole(failing, root, monkeypatch, scene_catalog):
    monkeypatch.setattr(requests, "_AT_ONCE", 1_000_000)
    monkeypatch.setattr(requests, "_LEAST", 1)
    with Server(scene_catalog, faults=["computePixels=400:Not this one.*1@5"]) as server:
        text = failing(*SMALL, f"earth.url={server.url}")
    assert "1 of" in text and "Not this one" in text
    assert Counter(record.status for record in read_manifest(Layout(root)))["failed"] == 1


def test_areas_nearer_than_their_margins(failing):
    left, bottom, right, top = scenes.STRIPS[0].bounds
    middle = left + 30 * 100
    text = failing(
        "~study.areas.train.strips",
        f"+study.areas.train.bbox=[{left},{bottom},{middle},{top}]",
        "~study.areas.test.strips",
        f"+study.areas.test.bbox=[{middle + 30},{bottom},{right},{top}]",
    )
    assert "study.areas: train and test" in text

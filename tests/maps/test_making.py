"""Pieces become cloud-optimised maps; a stop in the middle loses nothing and leaves nothing half-written."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
import rasterio
from shapely.geometry import Polygon, box

from water_gee.errors import EarthError, WaterGeeError
from water_gee.maps import build
from water_gee.maps import publish as publishing
from water_gee.maps.layers import OVER_YEARS, YEARLY, file_name
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore
from water_gee.maps.plan import Plan
from water_gee.maps.publish import publish
from water_gee.study import Grid, Window, pixel_areas

GRID = Grid("EPSG:32648", 30)
YEARS = [2019, 2020]
OUTLINE = Polygon([(400_010, 5_800_000), (415_000, 5_801_500), (412_000, 5_791_000), (401_500, 5_792_505)])


class Field:
    """An engine whose probability is a function of the pixel's place; it fails where it is told to."""

    def __init__(self, failing: int | None = None) -> None:
        self.asked: list[str] = []
        self.failing = failing

    def __call__(self, piece):
        self.asked.append(piece.name)
        if self.failing is not None and len(self.asked) == self.failing:
            raise EarthError("the service says no")
        window = piece.window
        x = window.left + np.arange(window.width)
        y = (window.top + np.arange(window.height))[:, None]
        probability = (0.5 + 0.5 * np.sin(x / 9 + piece.year) * np.cos(y / 7)).astype("float32")
        probability = np.where((x + y) % 97 < 5, np.float32(np.nan), probability)
        return probability, probability >= 0.5, ((x * y) % 30).astype("uint16")


def make(folder: Path, engine, *, size=128, geometry=OUTLINE, name="store") -> Plan:
    plan = Plan.of("map", geometry, GRID, YEARS, size=size)
    store = PartStore(folder / "work" / name, GRID)
    predict_pieces(plan, engine, store, workers=1)
    publish(plan, store, folder / "maps", {"study": "a & b"})
    store.remove()
    return plan


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_maps_are_cloud_optimised_and_on_the_lattice(tmp_path) -> None:
    plan = make(tmp_path, Field())
    assert (plan.window.width, plan.window.height) == (501, 351)
    for layer, kind, nodata in (("water", "uint8", 255), ("probability", "float32", None)):
        with rasterio.open(tmp_path / "maps" / "2020" / f"{layer}.tif") as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.block_shapes == [(256, 256)] and file.overviews(1) == [2]
            assert file.dtypes == (kind,) and file.descriptions == (layer,)
            assert np.isnan(file.nodata) if nodata is None else file.nodata == nodata
            assert file.transform == GRID.transform(plan.window) and file.crs.to_epsg() == 32648
            assert file.tags()["study"] == "a & b" and file.tags()["year"] == "2020"


def test_unseen_and_outside_are_never_land(tmp_path) -> None:
    plan = make(tmp_path, Field())
    with rasterio.open(tmp_path / "maps" / "2019" / "water.tif") as file:
        water = file.read(1)
        small = file.read(1, out_shape=(176, 251))
    with rasterio.open(tmp_path / "maps" / "2019" / "probability.tif") as file:
        probability = file.read(1)
    inside = plan.inside(plan.window)
    assert 0.3 < inside.mean() < 0.9
    whole = type(plan.pieces[0])("whole", 2019, plan.window)
    expected, is_water, _ = Field()(whole)
    hidden = np.isnan(expected) | ~inside
    assert np.array_equal(water, np.where(hidden, 255, is_water))
    assert np.array_equal(probability, np.where(hidden, np.nan, expected), equal_nan=True)
    # An overview pixel of four that were not seen is not seen, and no other value comes into being.
    assert set(np.unique(small)) == {0, 1, 255} and (small[-20:, -5:] == 255).all()


def test_the_table_adds_up_to_the_area(tmp_path) -> None:
    plan = make(tmp_path, Field())
    with (tmp_path / "maps" / "area.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["year"] for row in rows] == ["2019", "2020"] and {row["area"] for row in rows} == {"map"}
    for row in rows:
        total = sum(float(row[f"{name}_km2"]) for name in ("water", "land", "unseen"))
        assert total == pytest.approx(pixel_areas(plan.grid, plan.window)[plan.inside(plan.window)].sum() / 1e6)
        assert total == pytest.approx(OUTLINE.area / 1e6, rel=2e-3)
        with rasterio.open(tmp_path / "maps" / row["year"] / "water.tif") as file:
            assert int(row["water_pixels"]) == (file.read(1) == 1).sum()


def test_maps_do_not_depend_on_how_the_area_was_cut(tmp_path) -> None:
    for name, choice in {"a": {"size": 128}, "b": {"size": 300}, "c": {"size": 2048}}.items():
        make(tmp_path / name, Field(), **choice)
    assert hashes(tmp_path / "a") == hashes(tmp_path / "b") == hashes(tmp_path / "c")
    files = {
        f"maps/{file_name(layer, year, ending)}" for layer in YEARLY for year in YEARS for ending in ("tif", "qml")
    }
    files |= {f"maps/{file_name(layer, None, ending)}" for layer in OVER_YEARS for ending in ("tif", "qml")}
    assert set(hashes(tmp_path / "a")) == {"maps/area.csv", "maps/maps.json"} | files


def test_a_failed_piece_ends_the_command_and_loses_nothing(tmp_path) -> None:
    make(tmp_path / "calm", calm := Field())
    failing = Field(failing=5)
    with pytest.raises(EarthError, match=r"1 of \d+ pieces of the map failed, first .*: the service says no; no map"):
        make(tmp_path / "rough", failing)
    assert not (tmp_path / "rough" / "maps").exists()
    again = Field()
    make(tmp_path / "rough", again)
    assert again.asked == [failing.asked[4]]
    assert len(failing.asked) == len(calm.asked)
    assert hashes(tmp_path / "calm" / "maps") == hashes(tmp_path / "rough" / "maps")


def test_a_kill_between_pieces_and_a_torn_part(tmp_path) -> None:
    make(tmp_path / "calm", Field())
    plan = Plan.of("map", OUTLINE, GRID, YEARS, size=128)

    class Killed(BaseException):
        pass

    def dying(piece, engine=Field()):  # noqa: B008
        if len(engine.asked) == 6:
            raise Killed
        return engine(piece)

    store = PartStore(tmp_path / "killed" / "work" / "store", GRID)
    with pytest.raises(Killed):
        predict_pieces(plan, dying, store, workers=1)
    done = sorted(store.folder.rglob("*.water.tif"))
    assert len(done) == 6
    done[3].write_bytes(done[3].read_bytes()[:200])
    done[4].with_name(done[4].name.replace("water", "probability")).unlink()
    (store.folder / "2019" / ".half.1.tmp.tif").write_bytes(b"II*")
    make(tmp_path / "killed", again := Field())
    assert len(again.asked) == len(plan.pieces) - 4
    assert hashes(tmp_path / "calm") == hashes(tmp_path / "killed")


def test_what_is_no_longer_made_goes_and_what_is_not_ours_stays(tmp_path) -> None:
    maps = tmp_path / "maps"
    make(tmp_path, Field())
    own = set(maps.rglob("*"))
    stale = [maps / "2013" / "water.tif", maps / "2020" / "change.tif", maps / "water.tif"]
    stale += [maps / "2020" / "water.tif.aux.xml", maps / "change.tif.ovr"]  # of the files before: they tell no truth
    kept = [maps / "notes.txt", maps / "2020" / "water.gpkg", maps / "2012" / "notes.txt"]
    kept.append(maps / "2019_before" / "water.tif")  # a copy that somebody keeps to compare with
    for path in (*stale, *kept):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    make(tmp_path, Field())
    assert set(maps.rglob("*")) == own | set(kept) | {maps / "2012", maps / "2019_before"}


def test_a_map_that_cannot_be_written_leaves_those_of_before(tmp_path, monkeypatch) -> None:
    """The last layer fails, on a full disk say: nothing of what was made before it is published."""
    make(tmp_path, Field())
    before, original = hashes(tmp_path / "maps"), build.write_cog

    def failing(path, layer, *rest):
        if layer.name == "last_year":
            raise WaterGeeError("no space left")
        original(path, layer, *rest)

    monkeypatch.setattr(build, "write_cog", failing)
    other = Polygon([(400_010, 5_800_000), (415_000, 5_801_500), (412_000, 5_791_000)])
    with pytest.raises(WaterGeeError, match="no space left"):
        make(tmp_path, Field(), geometry=other, name="other")
    assert hashes(tmp_path / "maps") == before
    monkeypatch.undo()
    make(tmp_path, again := Field(), geometry=other, name="other")
    assert again.asked == [], "the parts were kept"
    assert set(hashes(tmp_path / "maps")) == set(before) and hashes(tmp_path / "maps") != before


def test_a_map_that_is_damaged_between_writing_and_publishing_is_noticed(tmp_path, monkeypatch) -> None:
    make(tmp_path / "calm", Field())
    original = publishing._areas

    def damaging(plan, store):
        path = store.folder / "built" / "2020" / "clear_looks.tif"  # which nothing reads again
        with rasterio.open(path) as file:
            place, size = (int(file.get_tag_item(f"BLOCK_{what}_0_0", "TIFF", bidx=1)) for what in ("OFFSET", "SIZE"))
        content = bytearray(path.read_bytes())
        content[place + size // 2] ^= 1  # within a block: the marks around it are whole
        path.write_bytes(content)
        return original(plan, store)

    monkeypatch.setattr(publishing, "_areas", damaging)
    with pytest.raises(WaterGeeError, match=r"2020/clear_looks\.tif was damaged since it was written; see to the disk"):
        make(tmp_path / "rough", Field())
    assert not (tmp_path / "rough" / "maps").exists()
    monkeypatch.undo()
    make(tmp_path / "rough", again := Field())
    assert not again.asked and hashes(tmp_path / "calm" / "maps") == hashes(tmp_path / "rough" / "maps")


@pytest.mark.parametrize("layer", ["water", "probability"])
def test_a_part_that_is_damaged_before_the_maps_are_made_of_it_is_noticed(tmp_path, layer) -> None:
    make(tmp_path / "calm", Field())
    plan, store = Plan.of("map", OUTLINE, GRID, YEARS, size=128), PartStore(tmp_path / "rough" / "work" / "store", GRID)
    predict_pieces(plan, Field(), store, workers=1)
    with rasterio.open(store.path(plan.pieces[7], layer), "r+") as file:  # it can be read, and holds other pixels
        values = file.read(1)
        values[40, 40] = 1 - values[40, 40]
        file.write(values, 1)
    with pytest.raises(WaterGeeError, match=rf"{layer}\.tif was damaged since it was written; run again"):
        publish(plan, store, tmp_path / "rough" / "maps", {"study": "a & b"})
    assert not (tmp_path / "rough" / "maps").exists()
    make(tmp_path / "rough", again := Field())
    assert again.asked == [plan.pieces[7].name]
    assert hashes(tmp_path / "calm" / "maps") == hashes(tmp_path / "rough" / "maps")


def test_a_pixel_belongs_to_the_area_by_its_centre(tmp_path) -> None:
    plan = Plan.of("map", box(400_016, 5_800_020, 400_074, 5_800_080), Grid("EPSG:32648", 30), [2020], size=64)
    assert plan.window == Window(13_333, -193_336, 3, 2)
    assert plan.inside(plan.window).tolist() == [[False, True, True]] * 2  # centres at 400005, 400035 and 400065


def test_a_huge_sparse_area_takes_little_memory_and_disk(tmp_path) -> None:
    far = box(0, 0, 3_000, 3_000).union(box(900_000, 900_000, 903_000, 903_000))
    plan = Plan.of("map", far, GRID, [2020], size=256)
    assert plan.window.width * plan.window.height > 9e8
    assert sum(piece.window.width * piece.window.height for piece in plan.pieces) < 100_000

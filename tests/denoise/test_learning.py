"""A method that learns from all tiles of an area: each area alone, once, and again only where something changed."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from denoise import surveying
from denoise.conftest import cleaned, logged
from denoise.synthetic import bytes_below, lakes, make_tile, store
from water_gee.config.settings import Settings
from water_gee.denoise import Reason, read_clean
from water_gee.denoise.learning import Area, Learned, survey_path, work_folder, write_survey
from water_gee.denoise.registry import METHODS
from water_gee.denoise.stage import run
from water_gee.errors import TileError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.tiles import clean_path, feature_path, load_tile, read_manifest, write_manifest

V1 = ["denoise=v1", "denoise.samples=500", "denoise.gate=off", "trainer.threads=1"]
pytestmark = pytest.mark.usefixtures("no_drawing", "method")


@pytest.fixture
def method(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METHODS, "v1", surveying.Middle)


def steps(layout: Layout) -> list[str]:
    return [f"{line['step']} {line['area']}/{line['id'][5:10]}" for line in logged(layout, whole=True)]


def changed(layout: Layout, column: int, seed: int) -> None:
    """Put another tile in place of the one in a column."""
    records = read_manifest(layout)
    old = next(record for record in records if record.column == column)
    new = store(layout, make_tile(lakes(70, seed), area=old.area, column=column))
    write_manifest(layout, [new if record is old else record for record in records])


def test_each_area_is_learned_from_its_own_tiles_alone(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    rows = {row["id"][5:10]: row["notes"]["learned_from"] for row in read_json(layout.clean / "report.json")["tiles"]}
    assert rows == {"c0001": 2, "c0002": 2, "c0003": 2, "c0009": 1}  # c0003 has nothing to teach
    before = bytes_below(layout.clean / "test")
    changed(layout, 1, 99)
    run(settings(*V1))
    assert bytes_below(layout.clean / "test") == before
    assert steps(layout)[8:] == [f"{step} train/c000{n}" for step in ("survey", "clean") for n in (1, 2, 3)]


def test_what_was_learned_decides_and_is_said(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    content = read_json(layout.clean / "report.json")
    flips = 0
    for record in cleaned(layout):
        clean, tile = read_clean(layout, record), load_tile(layout, record)
        flipped = (clean.label != tile.label) & (clean.label != 255)
        assert (flipped == (clean.reason == Reason.LEARNED)).all()
        flips += int(flipped[tile.core].sum())
    total = content["total"]
    assert flips == total["water_to_land"] + total["land_to_water"] == content["by_reason"]["total"]["learned"] > 0


def test_a_second_run_does_nothing_and_no_work_is_left(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    assert len(logged(layout)) == 8
    assert_a_run_does_nothing(layout, settings(*V1))


def assert_a_run_does_nothing(layout: Layout, settings: Settings) -> None:
    assert not work_folder(layout).exists()
    before = {path: path.stat().st_mtime_ns for path in layout.root.rglob("*") if path.is_file()}
    run(settings)
    assert {path: path.stat().st_mtime_ns for path in layout.root.rglob("*") if path.is_file()} == before


def test_processes_change_nothing(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    expected = bytes_below(layout.clean)
    for path in layout.clean.rglob("*.tif"):
        path.unlink()
    run(settings(*V1, "denoise.areas=[test]"))
    run(settings(*V1, "trainer.threads=2"))
    assert bytes_below(layout.clean) == expected
    assert_a_run_does_nothing(layout, settings(*V1))


def test_an_added_tile_cleans_its_area_again(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    write_manifest(layout, [*read_manifest(layout), store(layout, make_tile(lakes(70, 5), area="test", column=8))])
    run(settings(*V1))
    assert steps(layout)[8:] == [f"{step} test/c000{n}" for step in ("survey", "clean") for n in (8, 9)]


@pytest.mark.parametrize("change", ["denoise.samples=400", "seed=1"])
def test_other_settings_are_learned_anew(layout: Layout, settings: Callable[..., Settings], change: str) -> None:
    run(settings(*V1))
    run(settings(*V1, change))
    assert len(logged(layout)) == 16


def test_a_lost_clean_tile_is_made_again_as_it_was(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*V1))
    expected = bytes_below(layout.clean)
    clean_path(layout, "train", "2020_c0002_r0007").unlink()
    run(settings(*V1))
    assert bytes_below(layout.clean) == expected
    assert [step for step in steps(layout)[8:] if step.startswith("clean")] == ["clean train/c0002"]


def test_a_tile_that_fails_ends_its_area_and_no_other(layout: Layout, settings: Callable[..., Settings]) -> None:
    broken = cleaned(layout)[3]
    path = feature_path(layout, broken.area, broken.id)
    content = path.read_bytes()
    path.write_bytes(b"II*\0")
    with pytest.raises(TileError, match=rf"1 of 4 tiles failed, first {broken.area}/{broken.id}: .*water-gee tiles"):
        run(settings(*V1))
    assert sorted({path.parent.name for path in layout.clean.glob("*/*.tif")}) == ["test"]
    assert not (layout.clean / "report.json").exists()
    path.write_bytes(content)
    done = len(logged(layout))
    run(settings(*V1))
    assert steps(layout)[done:] == ["survey train/c0003", *(f"clean train/c000{n}" for n in (1, 2, 3))]


def test_a_failing_survey_is_one_line(layout: Layout, settings: Callable[..., Settings]) -> None:
    with pytest.raises(TileError, match=r"4 of 4 tiles failed, first test/\S+: thirteen samples are not allowed"):
        run(settings(*V1, "denoise.samples=13"))


@pytest.mark.parametrize("until", ["*/*.npz", "*/learned.json"])
def test_a_killed_run_goes_on_where_it_stopped(
    layout: Layout, settings: Callable[..., Settings], config_dir: Path, until: str
) -> None:
    slow = ["denoise=v1", "denoise.samples=7", "denoise.gate=off", "trainer.threads=1"]  # 0.3 s a tile and step
    run(settings(*slow))
    expected = bytes_below(layout.clean)
    for path in [*layout.clean.rglob("*.tif"), layout.clean / "report.json", layout.logs / "denoise.jsonl"]:
        path.unlink()
    driver = [sys.executable, str(Path(surveying.__file__)), "denoise", "study=tiny", f"paths.root={layout.root}"]
    source = Path(__file__).parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    process = subprocess.Popen([*driver, *slow, "--config-dir", str(config_dir)], env=environment, cwd=source.parent)
    end = time.monotonic() + 180
    while not list(work_folder(layout).glob(until)) and process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert list(work_folder(layout).glob(until)), "nothing was done before the kill"
    run(settings(*slow))
    assert bytes_below(layout.clean) == expected and not work_folder(layout).exists()
    assert len(logged(layout)) <= 9, "more than the tile that was in work was done twice"


@pytest.fixture
def area(layout: Layout) -> Area:
    """The training area, each tile surveyed."""
    records = tuple(record for record in cleaned(layout) if record.area == "train")
    area = Area(layout, "train", records, {record.id: f"mark {record.id}" for record in records})
    for record in records:
        survey = surveying.Middle().survey(load_tile(layout, record), 1)
        write_survey(layout, record, survey, area.marks[record.id])
    return area


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-9], lambda content: content.replace(b"\x00\x00", b"\x07")]
)
def test_a_damaged_survey_is_made_again(layout: Layout, area: Area, damage: Callable[[bytes], bytes]) -> None:
    assert area.missing() == []
    path = survey_path(layout, area.records[0])
    path.write_bytes(damage(path.read_bytes()))
    assert area.missing() == [area.records[0]]
    with pytest.raises(TileError, match=r"is absent or broken; run again: water-gee denoise"):
        area.learn(surveying.Middle(), 0)


def test_surveys_of_other_tiles_are_not_taken(area: Area) -> None:
    first = area.records[0]
    assert replace(area, marks={**area.marks, first.id: "another"}).missing() == [first]


def test_what_was_learned_is_that_of_these_very_tiles(area: Area) -> None:
    assert area.learned() is None
    learned = area.learn(surveying.Middle(), 0)
    assert area.learned() == learned and learned.load()["tiles"] == [one.id for one in area.records[:2]]
    assert replace(area, records=area.records[:2]).learned() is None
    learned.path.write_bytes(learned.path.read_bytes()[:-1])
    assert area.learned() is None
    with pytest.raises(TileError, match="is not the file"):
        Learned(learned.path, learned.sha256[::-1]).load()


def test_a_survey_comes_back_as_it_was_written(layout: Layout, area: Area) -> None:
    survey = {"a": np.arange(6, dtype=np.int16).reshape(2, 3), "fingerprint": np.array([np.nan, 1.5])}
    write_survey(layout, area.records[0], survey, area.marks[area.records[0].id])

    class Keeping(surveying.Middle):
        def learn(self, surveys, seed):
            return {record.id: dict(one) for record, one in surveys}

    found = area.learn(Keeping(), 0).load()
    assert list(found) == [record.id for record in area.records[:2]]
    for name, values in survey.items():
        np.testing.assert_array_equal(found[area.records[0].id][name], values)
        assert found[area.records[0].id][name].dtype == values.dtype

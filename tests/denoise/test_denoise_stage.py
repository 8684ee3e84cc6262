"""`water-gee denoise` on tiles that lie on disk: what it writes, takes up again, and refuses."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio

from composed import settings_at
from denoise.conftest import cleaned, copied, logged, stand_in
from denoise.synthetic import bytes_below, lakes, make_tile, store
from water_gee.config.settings import Settings
from water_gee.denoise.stage import run
from water_gee.errors import TileError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.sealed import unsealed, write_sealed
from water_gee.tiles import clean_path, feature_path, read_manifest, write_manifest

V1 = [
    "denoise=v1", "denoise.samples=150", "denoise.epochs=[3,1,1]", "denoise.batch=64", "denoise.learning_rate=1e-3",
    "denoise.minimum_water=20", "denoise.gate=off", "trainer.threads=1",
]  # fmt: skip
NONE = ["denoise=none", "trainer.threads=1"]
VOTE = ["denoise=vote", "trainer.threads=1"]
LABEL_MODEL = ["denoise=label_model", "trainer.threads=1"]
CONFIDENT = ["denoise=confident", "denoise.block=0.3", "trainer.threads=1"]
METHODS = {"none": NONE, "v1": V1, "vote": VOTE, "label_model": LABEL_MODEL, "confident": CONFIDENT}


def by_v1(stored: Path, root: Path, config_dir: Path) -> Path:
    """Copy the tiles to `root` and clean them."""
    run(settings_at(copied(stored, root).root, "study=tiny", "tiles.size=64", *V1, config_dir=config_dir))
    return root


@pytest.fixture(scope="module")
def drawn(stored: Path, tmp_path_factory: pytest.TempPathFactory, config_dir: Path) -> Path:
    """A root whose tiles were cleaned by v1, with its figures; not to be written to."""
    return by_v1(stored, tmp_path_factory.mktemp("drawn"), config_dir)


@pytest.fixture(scope="module")
def plain(stored: Path, tmp_path_factory: pytest.TempPathFactory, config_dir: Path) -> Path:
    """The same with a word in place of each figure."""
    with pytest.MonkeyPatch.context() as patch:
        stand_in(patch)
        return by_v1(stored, tmp_path_factory.mktemp("plain"), config_dir)


@pytest.fixture
def after(drawn: Path, tmp_path: Path) -> Layout:
    """A copy of the root after v1 with its figures."""
    return copied(drawn, tmp_path)


@pytest.fixture
def after_plain(plain: Path, tmp_path: Path, no_drawing: None) -> Layout:
    """A copy of the root after v1 without drawing, which stays off."""
    return copied(plain, tmp_path)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("small_pictures")
def test_the_files_of_the_contract(drawn: Path, layout: Layout, settings: Callable[..., Settings], method: str) -> None:
    if method == "v1":
        layout = Layout(drawn, "tiny")
    else:
        run(settings(*METHODS[method]))
    for record in cleaned(layout):
        path = clean_path(layout, record.area, record.id)
        with rasterio.open(path) as file, rasterio.open(feature_path(layout, record.area, record.id)) as tile:
            assert file.descriptions == ("label", "confidence", "reason") and set(file.dtypes) == {"float32"}
            assert (file.transform, file.crs, file.shape) == (tile.transform, tile.crs, tile.shape)
            label, confidence, _ = file.read()
        assert set(np.unique(label)) <= {0, 1, 255}
        assert (np.isnan(confidence) == (label == 255)).all()
    content = read_json(layout.clean / "report.json")
    assert content["method"] == method and content["seed"] == 0
    assert {(row["area"], row["id"]) for row in content["tiles"]} == {(r.area, r.id) for r in cleaned(layout)}
    assert content["total"]["pixels"] == 4 * 64 * 64
    for counts in [content["total"], *content["areas"].values(), *(row["counts"] for row in content["tiles"])]:
        assert sum(counts.values()) == 2 * counts["pixels"]  # `pixels` and its parts
    flips = content["total"]["water_to_land"] + content["total"]["land_to_water"]
    assert (flips > 0) == (method != "none")
    drawn = {path.name for path in (layout.clean / "figures").iterdir()}
    assert drawn == set(content["figures"]) and "summary.png" in drawn and len(drawn) == 5
    assert [len(content["shown"][kind]) for kind in ("most_changed", "least_sure")] == [3, 1]  # of four tiles


def test_the_counts_are_those_of_the_labels(plain: Path) -> None:
    layout, own = Layout(plain, "tiny"), slice(3, -3)
    for row in read_json(layout.clean / "report.json")["tiles"]:
        with rasterio.open(clean_path(layout, row["area"], row["id"])) as file:
            label, _, reason = file.read()[:, own, own]
        with rasterio.open(layout.tiles / row["area"] / f"{row['id']}.labels.tif") as file:
            raw = file.read(1)[own, own] >= 0.5
        assert row["counts"]["water_to_land"] == ((label == 0) & raw).sum()
        assert row["counts"]["land_to_water"] == ((label == 1) & ~raw).sum()
        assert row["counts"]["kept_water"] == ((label == 1) & raw).sum()
        assert row["changes"]["water_to_land"]["flipped"] == row["counts"]["water_to_land"]
        assert row["by_reason"]["flipped"] == ((label != raw) & (label != 255)).sum() == (reason == 4).sum()
        assert row["counts"]["unseen"] == (reason == 1).sum() and row["counts"]["neighbour"] == (reason == 2).sum()


def test_order_and_company_of_the_tiles_do_not_matter(after_plain: Layout, settings: Callable[..., Settings]) -> None:
    """Two processes or one, all tiles or one area after the other: the same bytes."""
    layout = after_plain
    expected = bytes_below(layout.clean)
    for path in layout.clean.rglob("*.tif"):
        path.unlink()
    run(settings(*V1, "denoise.areas=[test]"))
    run(settings(*V1, "trainer.threads=2"))
    assert bytes_below(layout.clean) == expected


def test_a_second_run_does_nothing(after: Layout, settings: Callable[..., Settings]) -> None:
    layout = after
    before = {path: path.stat().st_mtime_ns for path in layout.clean.rglob("*") if path.is_file()}
    run(settings(*V1))
    assert {path: path.stat().st_mtime_ns for path in layout.clean.rglob("*") if path.is_file()} == before
    assert len(logged(layout)) == 4


def test_only_what_changed_is_done_again(after: Layout, settings: Callable[..., Settings]) -> None:
    layout = after
    expected = bytes_below(layout.clean)
    first, second, *_ = cleaned(layout)
    path = clean_path(layout, first.area, first.id)
    path.write_bytes(path.read_bytes()[:-200])  # cut short
    clean_path(layout, second.area, second.id).unlink()
    (layout.clean / "figures" / "summary.png").unlink()
    run(settings(*V1))
    assert sorted(logged(layout)[4:]) == sorted([first.id, second.id])
    assert bytes_below(layout.clean) == expected


@pytest.mark.usefixtures("no_drawing")
def test_a_report_of_another_version_is_counted_anew(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*NONE))
    path = layout.clean / "report.json"
    expected = path.read_bytes()
    content = unsealed(read_json(path))
    for row in content["tiles"]:
        del row["by_reason"]
    write_sealed(path, content)
    run(settings(*NONE))
    assert path.read_bytes() == expected and len(logged(layout)) == 4


@pytest.mark.parametrize("change", ["denoise.confidence=0.9", "seed=1"])
def test_other_settings_make_other_labels(after_plain: Layout, settings: Callable[..., Settings], change: str) -> None:
    run(settings(*V1, change))
    assert len(logged(after_plain)) == 8


@pytest.mark.usefixtures("no_drawing")
def test_settings_that_the_method_does_not_read_change_nothing(
    layout: Layout, settings: Callable[..., Settings]
) -> None:
    run(settings(*NONE))
    run(settings(*NONE, "+denoise.minimum_water=7", "trainer.threads=2"))
    assert len(logged(layout)) == 4


@pytest.mark.usefixtures("no_drawing")
def test_a_new_tile_in_place_of_an_old_one(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*NONE))
    records = read_manifest(layout)
    again = store(layout, make_tile(lakes(70, 77), column=1))
    write_manifest(
        layout, [again if (record.area, record.id) == (again.area, again.id) else record for record in records]
    )
    run(settings(*NONE))
    assert logged(layout)[4:] == [again.id]


@pytest.mark.usefixtures("no_drawing")
def test_stale_files_go_and_others_stay(layout: Layout, settings: Callable[..., Settings]) -> None:
    (layout.clean / "old").mkdir(parents=True)
    (layout.clean / "train").mkdir()
    stale = [
        layout.clean / "old" / "2020_c0001_r0001.tif", layout.clean / "train" / "2019_c0001_r0007.tif",
        layout.clean / "train" / ".2020_c0001_r0007.123.tmp.tif",
    ]  # fmt: skip
    mine = layout.clean / "train" / "notes.txt"
    for path in [*stale, mine]:
        path.write_text("x", encoding="utf-8")
    run(settings(*NONE))
    assert not any(path.exists() for path in stale) and not (layout.clean / "old").exists() and mine.exists()


@pytest.mark.usefixtures("no_drawing")
def test_a_broken_tile_is_named_and_the_others_are_cleaned(layout: Layout, settings: Callable[..., Settings]) -> None:
    run(settings(*NONE))
    broken = cleaned(layout)[2]
    feature_path(layout, broken.area, broken.id).write_bytes(b"II*\0")
    with pytest.raises(TileError, match=rf"1 of 4 tiles failed, first {broken.area}/{broken.id}: .*water-gee tiles"):
        run(settings(*V1))
    assert not (layout.clean / "report.json").exists()
    assert sorted(logged(layout)[4:]) == sorted(record.id for record in cleaned(layout))


@pytest.mark.usefixtures("no_drawing")
def test_a_missing_band_ends_in_one_line(layout: Layout, settings: Callable[..., Settings]) -> None:
    records = []
    for record in cleaned(layout):
        tile = make_tile(lakes(70, 1), area=record.area, column=record.column)
        kept = [name for name in tile.names if name != "elevation"]
        features = tile.features[[tile.names.index(name) for name in kept]]
        records.append(store(layout, replace(tile, features=features, names=tuple(kept))))
    write_manifest(layout, records)
    with pytest.raises(TileError, match=r"'elevation'.*water-gee tiles"):
        run(settings(*V1))


@pytest.mark.usefixtures("no_drawing")
def test_without_tiles_it_says_what_to_run(settings: Callable[..., Settings]) -> None:
    with pytest.raises(TileError, match="run first: water-gee tiles"):
        run(settings(*NONE))


@pytest.mark.usefixtures("no_drawing")
def test_a_tile_that_failed_to_download_is_reported(
    layout: Layout, settings: Callable[..., Settings], capsys: pytest.CaptureFixture[str]
) -> None:
    failed = replace(read_manifest(layout)[0], id="2020_c0005_r0007", column=5, status="failed", reason="HTTP 500")
    write_manifest(layout, [*read_manifest(layout), failed])
    run(settings(*NONE))
    assert read_json(layout.clean / "report.json")["without_tile"] == [f"{failed.area}/{failed.id}"]
    assert "1 tiles failed to download" in capsys.readouterr().err


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_run_goes_on_where_it_stopped(
    after: Layout, settings: Callable[..., Settings], config_dir: Path
) -> None:
    layout = after
    expected = bytes_below(layout.clean)
    for path in [*layout.clean.rglob("*.tif"), layout.clean / "report.json"]:
        path.unlink()
    slow = [*V1[:-1], "trainer.threads=2"]
    command = [sys.executable, "-m", "water_gee", "denoise", "study=tiny", f"paths.root={layout.root}", *slow]
    source = Path(__file__).parents[2] / "src"
    environment = {**os.environ, "PYTHONPATH": str(source)}
    # A group of its own tells whether the workers outlive the command.
    process = subprocess.Popen(
        [*command, "--config-dir", str(config_dir)], env=environment, cwd=source.parent, start_new_session=True
    )
    until = time.monotonic() + 180
    while not list(layout.clean.glob("*/2*.tif")) and time.monotonic() < until and process.poll() is None:
        time.sleep(0.01)
    time.sleep(random.random() * 0.2)
    process.kill()
    process.wait()
    there = len(list(layout.clean.glob("*/2*.tif")))
    assert there > 0, "nothing was written before the kill"
    assert _gone(process.pid), "the workers outlived the command"
    done = len(logged(layout))
    run(settings(*V1))
    assert bytes_below(layout.clean) == expected
    assert len(logged(layout)) - done <= 4


def _gone(group: int) -> bool:
    """Wait until no process of `group` is left."""
    until = time.monotonic() + 180
    while time.monotonic() < until:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    os.killpg(group, signal.SIGKILL)
    return False

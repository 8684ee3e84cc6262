"""A service that fails in every way, and a machine that does: nothing is lost, nothing is wrong, one line says why."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import scenes
from eelocal import Server
from tiles.tile_files import SMALL, arguments, contents
from water_gee.cli import main
from water_gee.paths import Layout
from water_gee.tiles import read_manifest

FAULTS = ("429%10", "503%5", "drop%2", "truncate%1", "alter%1")


def asked(server: Server) -> list[dict]:
    return [entry for entry in server.requests if entry["route"] == "computePixels"]


def test_tiles_under_faults_are_those_of_a_faultless_run(tiles, root, downloaded, scene_catalog):
    shares = ("429%20", "500%10", "drop%5", "truncate%5", "alter%5", "short%5")
    with Server(scene_catalog, faults=[f"any={fault}" for fault in shares]) as server:
        tiles(f"earth.url={server.url}", "earth.attempts=30")
        struck = {fault for entry in server.requests for fault in entry.get("faults", [])}
    assert struck >= {"429", "500"}
    assert contents(root) == contents(downloaded)


@pytest.mark.slow
def test_four_hundred_tiles_under_faults_and_five_kills(config_dir, scene_catalog, tmp_path, monkeypatch):
    left, bottom, right, _ = scenes.STRIPS[0].bounds
    more = f"+study.areas.more.bbox=[{left},{bottom},{right},{bottom + 3000}]"
    wanted = (more, "tiles.size=32", "tiles.areas=[train,test,map,more]", "earth.workers=4", "earth.attempts=30")
    clean, root = tmp_path / "clean", tmp_path / "root"
    with Server(scene_catalog) as server:
        main(arguments(config_dir, clean, *wanted, f"earth.url={server.url}"))
    records = read_manifest(Layout(clean))
    assert len(records) >= 400 and "failed" not in {record.status for record in records}
    with Server(scene_catalog, faults=[f"any={fault}" for fault in FAULTS]) as server:
        again = arguments(config_dir, root, *wanted, f"earth.url={server.url}")
        for kill in range(5):
            process = subprocess.Popen([sys.executable, "-m", "water_gee", *again], stderr=subprocess.DEVNULL)
            enough = len(records) * (kill + 1) // 8
            while len(list(root.glob("data/tiles/*/*.labels.tif"))) < enough and process.poll() is None:
                time.sleep(0.02)
            assert process.poll() is None, "it ended before it could be killed"
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
        main(again)
        struck = {fault for entry in server.requests for fault in entry.get("faults", [])}
    assert struck >= {"429", "503", "drop"}
    assert contents(root) == contents(clean)


def test_a_disk_that_fills_costs_one_line_and_the_next_run_goes_on(failing, tiles, small_disk, downloaded, root):
    disk = small_disk(1200)
    root.mkdir()
    (root / "data").symlink_to(disk)
    text = failing()
    assert "a tile cannot be written: [Errno 28] No space left on device" in text
    there = set(disk.rglob("2*.tif"))
    assert there and not list(disk.rglob("tiles.csv")) and not list(disk.rglob(".*tmp*"))
    (root / "data").unlink()
    (root / "data").mkdir()
    for path in disk.rglob("*"):
        if path.is_file():
            copy = root / "data" / path.relative_to(disk)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    tiles()
    assert contents(root) == contents(downloaded)


def test_a_scene_that_is_lost_between_runs_makes_its_year_stale(tiles, whole, scene_catalog, tmp_path):
    catalog = Path(shutil.copytree(scene_catalog, tmp_path / "catalog"))
    tiles(f"earth.catalog={catalog}")
    before = contents(whole)
    lose(catalog, "LC08_131023_20200713")
    tiles(f"earth.catalog={catalog}")
    after = contents(whole)
    rasters = {name for name in before if name.endswith(".tif")}
    changed = {name for name in rasters if before[name] != after.get(name)}
    assert changed and all(name.startswith("train/2020") for name in changed)


def lose(catalog: Path, scene: str) -> None:
    for path in (catalog / scenes.LANDSAT).glob(f"{scene}.*"):
        path.unlink()


def test_a_scene_that_is_lost_while_tiles_come_is_noticed(failing, tiles, root, scene_catalog, tmp_path):
    """Tiles of the fewer scenes must not pass for tiles of the scenes that were planned with."""
    catalog = Path(shutil.copytree(scene_catalog, tmp_path / "catalog"))
    with Server(catalog, faults=["computePixels=delay:0.3"]) as server:
        threading.Thread(target=lambda: (wait_for(server), lose(catalog, "LC08_131023_20200713"))).start()
        text = failing(*SMALL, f"earth.url={server.url}")
        assert "tiles failed" in text
        assert any("changed while" in record.reason for record in read_manifest(Layout(root)))
        server.faults.clear()
        tiles(*SMALL, f"earth.url={server.url}")
    fewer = tmp_path / "fewer"
    tiles(*SMALL, f"earth.catalog={catalog}", root=fewer)
    assert contents(root) == contents(fewer)


def wait_for(server: Server) -> None:
    while not asked(server):
        time.sleep(0.01)


def test_a_credential_that_expires_ends_it_at_once_and_keeps_what_is_there(failing, tiles, root, scene_catalog):
    with Server(scene_catalog, faults=["computePixels=401@2"]) as server:
        text = failing(*SMALL, f"earth.url={server.url}")
        assert text.count("earthengine authenticate") == 1 and "the tiles that are there are kept" in text
        assert len(asked(server)) < 8
        kept = {path: path.stat().st_mtime_ns for path in root.glob("data/tiles/*/2*.tif")}
        server.faults.clear()
        tiles(*SMALL, f"earth.url={server.url}")
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())


def test_a_service_that_is_away_is_not_asked_for_every_tile(failing, scene_catalog, root):
    with Server(scene_catalog, faults=["computePixels=503@3"]) as server:
        text = failing("earth.attempts=2", f"earth.url={server.url}")
        assert "tiles failed one after the other" in text and "what is there is kept" in text
        assert len(asked(server)) < 126, "all tiles, alone and together, twice"
    lines = (root / "logs" / "tiles.jsonl").read_text(encoding="utf-8").splitlines()
    assert 10 <= [json.loads(line)["status"] for line in lines].count("failed") < 40


def test_a_restricted_quota_is_said_once_and_slows(tiles, root, downloaded, scene_catalog, capsys):
    with Server(scene_catalog, faults=["computePixels=quota"]) as server:
        tiles(*SMALL, f"earth.url={server.url}")
    assert capsys.readouterr().err.count("restricts this project") == 1

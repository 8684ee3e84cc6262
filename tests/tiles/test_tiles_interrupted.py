"""A killed run loses nothing: the same command goes on, and the outcome is that of an undisturbed run."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eelocal import Server
from tiles.tile_files import SMALL, arguments, contents, fetched
from water_gee.cli import main


@pytest.fixture(scope="module")
def undisturbed(config_dir, eelocal_url, tmp_path_factory) -> Path:
    """A root after an undisturbed run of the small choice."""
    root = tmp_path_factory.mktemp("undisturbed")
    main(arguments(config_dir, root, f"earth.url={eelocal_url}", *SMALL))
    return root


def start(arguments: list[str]) -> "subprocess.Popen[str]":
    return subprocess.Popen([sys.executable, "-m", "water_gee", *arguments], stderr=subprocess.PIPE, encoding="utf-8")


def wait_until(there, process: "subprocess.Popen[str]") -> None:
    for _ in range(1200):
        if there():
            return
        if process.poll() is not None:
            pytest.fail(f"the stage ended too early: {process.stderr.read()}")
        time.sleep(0.02)
    pytest.fail("the stage did not come so far")


def identities(root: Path) -> dict[Path, tuple[int, int]]:
    return {p: (p.stat().st_ino, p.stat().st_mtime_ns) for p in (root / "data" / "tiles").glob("*/2*.tif")}


def requests(server: Server) -> int:
    return sum(1 for line in server.requests if "computePixels" in json.dumps(line))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=["kill", "ctrl-c", "term"])
def test_the_same_command_goes_on(command, tiles, scene_catalog, root, undisturbed, number):
    with Server(scene_catalog, faults=["computePixels=delay:0.2"]) as slow:
        process = start(command(f"earth.url={slow.url}", *SMALL))
        wait_until(lambda: len(list(root.glob("data/tiles/*/2*.labels.tif"))) >= 4, process)
        os.kill(process.pid, number)
        _, said = process.communicate(timeout=180)
    assert process.returncode != 0
    if number == signal.SIGINT:
        assert said.strip().splitlines()[-1] == "water-gee: interrupted; run the same command again to go on"
    there = identities(root)
    kept = {path for path in there if path.with_name(path.name.replace(".tif", ".labels.tif")) in there}
    assert len(kept) >= 4
    assert not (root / "data" / "tiles" / "tiles.csv").exists()
    with Server(scene_catalog) as server:
        tiles(f"earth.url={server.url}", *SMALL)
        asked = requests(server)
    after = identities(root)
    assert all(after[path] == there[path] for path in kept)
    assert asked <= len(fetched(undisturbed)) - len(kept)
    assert contents(root) == contents(undisturbed)


def test_half_written_files_of_a_kill_do_not_stay(tiles, root, undisturbed):
    shutil.copytree(undisturbed, root)
    (root / "data" / "tiles" / "train" / ".2020_c0312_r3020.4711.tmp.tif").write_bytes(b"half a tile")
    tiles(*SMALL)
    assert contents(root) == contents(undisturbed)


def test_ctrl_c_does_not_wait_for_the_service(command, scene_catalog, root):
    with Server(scene_catalog, faults=["computePixels=delay:20"]) as server:
        process = start(command(f"earth.url={server.url}", *SMALL))
        wait_until((root / "work" / "tiles.jsonl").exists, process)
        time.sleep(0.3)
        begun = time.monotonic()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=180)
        assert time.monotonic() - begun < 10

"""`kill -9` in the middle of `predict`, then the same command again."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import finished


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
@pytest.mark.parametrize("stored", [False, True], ids=["of fetched pieces", "of stored tiles"])
def test_a_killed_command_goes_on(tmp_path, config_dir, stored) -> None:
    def command(root: Path, stage: str = "predict") -> subprocess.Popen:
        choices = ["study=tiny", "study.years=[2020]", "tiles.areas=[map]", "predict.engine=local"]
        if stored:  # slow enough to be caught at work, here as there
            choices += ["tiles.size=64", "predict.tile_size=32", "predict.runtime=torch", "cluster.workers=1"]
        else:
            choices += ["tiles.size=32", "earth.workers=1"]
        words = [sys.executable, "-m", "water_gee", stage, *choices, f"paths.root={root}", "--config-dir", config_dir]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(list(map(str, words)), stderr=subprocess.PIPE, env=environment, encoding="utf-8")

    calm = tmp_path / "calm"
    finished.checkpoint(calm)
    if stored:
        assert command(calm, "tiles").wait(300) == 0
        shutil.copytree(calm / "data", tmp_path / "data")
    said = (alone := command(calm)).communicate(timeout=300)[1]
    assert alone.returncode == 0 and (" 0 are fetched" in said) == stored
    for name, pattern, least in (("predicting", "*.water.tif", 5), ("writing", "built/**/*.tif", 1)):
        rough = tmp_path / name
        finished.checkpoint(rough)
        if stored:
            shutil.copytree(tmp_path / "data", rough / "data")
        killed = command(rough)
        begun = time.monotonic()
        while len(list(rough.rglob(pattern))) < least and time.monotonic() - begun < 120:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait(180)
        kept = list(rough.rglob("*.water.tif"))
        assert len(kept) >= 5 and not (rough / "maps" / "maps.json").exists()
        again = command(rough)
        _, said = again.communicate(timeout=300)
        assert again.returncode == 0 and "were finished before and are kept" in said
        assert (" 0 are fetched" in said) == stored
        assert hashes(calm / "maps") == hashes(rough / "maps")

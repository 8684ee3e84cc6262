"""`kill -9` in the middle of `predict`, then the same command again."""

import hashlib
import os
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
def test_a_killed_command_goes_on(tmp_path, config_dir) -> None:
    def command(root: Path) -> subprocess.Popen:
        choices = ["study=tiny", "tiles.size=32", "predict.engine=local", "earth.workers=1", f"paths.root={root}"]
        words = [sys.executable, "-m", "water_gee", "predict", *choices, "--config-dir", str(config_dir)]
        return subprocess.Popen(
            words, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}, encoding="utf-8"
        )

    calm = tmp_path / "calm"
    finished.checkpoint(calm)
    assert command(calm).wait(300) == 0
    for name, pattern, least in (("predicting", "*.water.tif", 5), ("writing", "built/**/*.tif", 1)):
        rough = tmp_path / name
        finished.checkpoint(rough)
        killed = command(rough)
        begun = time.monotonic()
        while len(list(rough.rglob(pattern))) < least and time.monotonic() - begun < 120:
            time.sleep(0.02)
        killed.send_signal(signal.SIGKILL)
        killed.wait(60)
        kept = list(rough.rglob("*.water.tif"))
        assert len(kept) >= 5 and not (rough / "maps" / "maps.json").exists()
        again = command(rough)
        _, said = again.communicate(timeout=300)
        assert again.returncode == 0 and "were finished before and are kept" in said
        assert hashes(calm / "maps") == hashes(rough / "maps")

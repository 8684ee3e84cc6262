"""A run's origin: the key that equal runs share, its process, git and DVC."""

import os
import subprocess
import sys

import pytest
import yaml

from labelled import quick_settings, write_labelled_tiles
from vouched import vouch_for_labels
from water_gee.runs.lineage import dvc_hashes, git_state, is_gone, job_key, lineage, this_process
from water_gee.tiles import clean_path, read_manifest, read_raster, write_raster


@pytest.fixture
def layout(tmp_path):
    return write_labelled_tiles(tmp_path)


def key(layout, *overrides):
    records = [record for record in read_manifest(layout) if record.status == "ok"]
    return job_key(quick_settings(layout.root, *overrides), lineage(layout, records, layout.root))


def test_the_key_follows_configuration_and_data_and_nothing_else(layout):
    first = key(layout)
    assert key(layout, "run.name=other", "ckpt=last", "predict.engine=local") == first
    assert len({first, key(layout, "seed=1"), key(layout, "model.lr=0.5"), key(layout, "model=pixelcnn")}) == 4
    path = clean_path(layout, "train", read_manifest(layout)[0].id)
    raster = read_raster(path, "")
    raster.values[0, 30, 30] = 1 - raster.values[0, 30, 30]
    write_raster(path, raster.values, raster.names, crs="EPSG:32648", transform=raster.transform)
    vouch_for_labels(layout)
    assert key(layout) != first


def test_the_state_of_git_is_told_and_its_absence_too(tmp_path):
    assert git_state(tmp_path) == ("", "")

    def git(*arguments):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(["git", "-C", str(tmp_path), *identity, *arguments], check=True, capture_output=True)

    git("init")
    (tmp_path / "a").write_text("1", encoding="utf-8")
    git("add", "a")
    git("commit", "-m", "one")
    commit, dirty = git_state(tmp_path)
    assert len(commit) == 40 and dirty == "no"
    (tmp_path / "a").write_text("2", encoding="utf-8")
    assert git_state(tmp_path) == (commit, "yes")


def test_data_has_the_hash_that_dvc_gives_it_whatever_the_lock_says(layout):
    root = layout.root

    def dvc(*arguments):
        subprocess.run([sys.executable, "-m", "dvc", *arguments], cwd=root, check=True, capture_output=True)

    before = dvc_hashes(layout)
    dvc("init", "--no-scm", "-q")
    dvc("add", "-q", "data/tiles", "data/clean")
    recorded = {
        f"data/{name}": yaml.safe_load((root / "data" / f"{name}.dvc").read_text(encoding="utf-8"))["outs"][0]["md5"]
        for name in ("tiles", "clean")
    }
    assert before == recorded == dvc_hashes(layout)
    (layout.clean / "report.json").write_text("{}", encoding="utf-8")
    assert dvc_hashes(layout)["data/clean"] != recorded["data/clean"]
    assert dvc_hashes(layout)["data/tiles"] == recorded["data/tiles"]


def test_a_process_is_known_to_live_or_to_be_gone():
    assert not is_gone(this_process())
    dead = subprocess.run(
        [sys.executable, "-c", "from water_gee.runs.lineage import this_process; print(this_process())"],
        capture_output=True, check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        encoding="utf-8",
    ).stdout.strip()  # fmt: skip
    assert is_gone(dead)
    assert not is_gone(f"another-host {dead.split(' ', 1)[1]}")
    host, number, _ = this_process().rsplit(" ", 2)
    assert is_gone(f"{host} {number} 1")  # the number was given to another process since
    assert not is_gone("")

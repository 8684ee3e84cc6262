"""A copy of the project on the tiny study, taken through `dvc repro` once."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dvc.repo import Repo

import scenes
from water_gee.config import compose as composing

PROJECT = Path(__file__).parents[2]
COPIED = (
    "conf",
    "src",
    ".dvcignore",
    ".gitignore",
    "data.dvc",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    "train.py",
)
SMALL = {
    "conf/tiles/default.yaml": {"size: 512": "size: 64"},
    # Processes that begin take longer than their work here.
    "conf/trainer/default.yaml": {"epochs: 8": "epochs: 2", "threads: 0": "threads: 1"},
    "conf/export/default.yaml": {"parity_pixels: 250000": "parity_pixels: 8000"},
    "conf/evaluate/default.yaml": {"resamples: 1000": "resamples: 100"},
    "params.yaml": {"study: sample ": "study: tiny "},
}


@dataclass(frozen=True)
class Copy:
    """A project folder, and a way to run commands in it."""

    root: Path

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command of the project's environment in the copy."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root / "src"), "DVC_NO_ANALYTICS": "1"}
        outcome = subprocess.run(command, cwd=self.root, env=environment, capture_output=True, encoding="utf-8")
        assert outcome.returncode == 0 or not check, f"{command}\n{outcome.stdout}\n{outcome.stderr}"
        return outcome

    def stale(self) -> set[str]:
        """Return the stages that `dvc status` names."""
        with Repo(str(self.root)) as repo:
            return {name.rpartition(":")[2] for name in repo.status()}  # of another folder, its path is before it

    def replace(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be in a file."""
        path = self.root / file
        text = path.read_text(encoding="utf-8")
        assert old in text, f"{file} lacks {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")


def copy_project(root: Path, *, git: bool = True) -> Copy:
    """Copy the project to `root` with the tiny world as its `data/raw`, its DVC ready."""
    for name in COPIED:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, root / name)  # what is compiled already too, which ten commands then need not do
        else:
            shutil.copy(source, root / name)
    scenes.write_world(root / "data" / "raw")
    shutil.move(root / "data" / "raw" / "conf" / "study" / "tiny.yaml", root / "conf" / "study" / "tiny.yaml")
    (root / "data" / "raw" / "conf" / "study").rmdir()
    (root / "data" / "raw" / "conf").rmdir()
    copy = Copy(root)
    for file, changes in SMALL.items():
        for old, new in changes.items():
            copy.replace(file, old, new)
    (root / "data.dvc").write_text("outs:\n- path: data/raw\n", encoding="utf-8")
    if git:
        copy.run("git", "init", "--quiet")
    copy.run("dvc", "init", "--quiet", *([] if git else ["--no-scm"]))
    copy.run("dvc", "config", "core.analytics", "false")
    copy.run("dvc", "commit", "--force", "--quiet", "data.dvc")
    return copy


@pytest.fixture(scope="session")
def reproduced(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Copy:
    """The tiny study after one `dvc repro`; a test that changes a file puts it back."""
    copy = copy_project(tmp_path_factory.mktemp("chain"))
    shutil.copy(empty_database, copy.root / "mlflow.db")
    copy.run("dvc", "repro")
    return copy


@pytest.fixture
def taken_for_repository(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Path], Path]]:
    """A function that makes composing take a folder for the repository."""

    def take(root: Path) -> Path:
        monkeypatch.setattr(composing, "repository", lambda: root)
        composing.params.cache_clear()
        return root

    yield take
    composing.params.cache_clear()


@pytest.fixture
def project_copy(tmp_path: Path) -> Callable[[], Copy]:
    """A function that makes a copy in which nothing was run yet."""
    return lambda: copy_project(tmp_path / "project")

"""What the tests of all rooms share: a tiny world of scenes, and settings for a study on it."""

import os
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

import scenes
from composed import settings_at
from water_gee.config.settings import Settings

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell's background job ignores Ctrl-C, and so would the commands that tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers that compute on every core each wait for one another: half as many threads take half the processor's time.
    os.environ.setdefault("OMP_NUM_THREADS", "1")

os.environ.pop("MLFLOW_TRACKING_URI", None)  # a team's server is none of the tests' business


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `catalog/`, `reference/` and `conf/study/tiny.yaml`; not to be written to."""
    folder = tmp_path_factory.mktemp("world")
    scenes.write_world(folder)
    return folder


@pytest.fixture(scope="session")
def scene_catalog(world: Path) -> Path:
    """The tiny world's folder catalog; not to be written to."""
    return world / "catalog"


@pytest.fixture(scope="session")
def config_dir(world: Path) -> Path:
    """A user's own groups: the study `tiny`."""
    return world / "conf"


@pytest.fixture
def settings(config_dir: Path, tmp_path: Path) -> Callable[..., Settings]:
    """A function from overrides to the settings of the study `tiny`, its root in the test's own folder."""

    def composed(*overrides: str) -> Settings:
        return settings_at(tmp_path, "study=tiny", "tiles.size=64", "earth.wait=0", *overrides, config_dir=config_dir)

    return composed


@pytest.fixture(scope="session")
def eelocal_url(scene_catalog: Path) -> Iterator[str]:
    """An eelocal that serves the tiny world for the whole session: quicker than one a test (`earth.url=`)."""
    from eelocal import Server

    with Server(scene_catalog) as server:
        yield server.url


@pytest.fixture(scope="session")
def real_scenes() -> Path:
    """The folder of real scenes; skips where there is none."""
    folder = os.environ.get("WATER_GEE_SCENES")
    if not folder:
        pytest.skip("needs the folder of real scenes; set WATER_GEE_SCENES")
    return Path(folder)


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with its tables and nothing in them, which take a second to make."""
    from water_gee.tracking import sqlite_file

    path = tmp_path_factory.mktemp("database") / "mlflow.db"
    sqlite_file.make(path)
    return path


@pytest.fixture(scope="module")
def quick_runs(empty_database: Path) -> Iterator[None]:
    """Trainings without what takes most of their time where they are small: their figures, and a database's tables.

    For tests that are about neither; both are as users have them in the tests of `training` and `tracking`.
    """
    from water_gee.tracking import database
    from water_gee.training import run

    def copy(path: Path) -> None:
        if not path.is_symlink() and not path.exists():
            shutil.copyfile(empty_database, path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "draw_all", lambda *_: None)
        patch.setattr(database, "make", copy)
        yield


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures of few pixels, for tests that do not look at them: most of a page's time is its pictures."""
    from water_gee import drawing

    monkeypatch.setattr(drawing, "_DPI", 30)


@pytest.fixture
def small_disk(tmp_path):
    """A function that mounts a disk of so many KiB, empty; skips where that is not allowed."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = []

    def mount(kib: int) -> Path:
        if mounted:
            subprocess.run(["umount", "--lazy", str(disk)], check=True)
            mounted.pop()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", str(disk)], capture_output=True)
        if done.returncode:
            pytest.skip("needs the right to mount a disk")
        mounted.append(True)
        return disk

    yield mount
    if mounted:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)  # an open database holds it


@pytest.fixture
def foreign_tables(tmp_path: Path) -> Path:
    """A folder of coordinate systems of another version of PROJ, as another program's PROJ_LIB names it."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "proj.db")) as tables:
        tables.execute("CREATE TABLE metadata (key TEXT, value TEXT)")
        layout = [("DATABASE.LAYOUT.VERSION.MAJOR", "1"), ("DATABASE.LAYOUT.VERSION.MINOR", "0")]
        tables.executemany("INSERT INTO metadata VALUES (?, ?)", layout)
        tables.commit()
    return folder

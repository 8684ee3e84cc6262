"""A folder is written by one command at a time; the second ends in one line, and a killed one holds nothing."""

import errno
import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from composed import settings_at
from water_gee.claims import alone, claimed
from water_gee.commands import commands
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.paths import Layout
from water_gee.sealed import write_sealed

WRITING = {
    "simulate": "data/raw", "tiles": "data/tiles", "denoise": "data/clean", "promote": "promoted", "select": "models",
    "export": "export", "denoise-bench": "reports/ladder", "predict": "maps", "sample": "survey", "bodies": "bodies",
    "evaluate": "reports", "catalogue": "catalogue",
}  # fmt: skip
HOLD = """
import sys
from pathlib import Path
from water_gee.claims import alone
from water_gee.paths import Layout

layout = Layout(Path(sys.argv[1]))
with alone(layout, layout.maps):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path / "new" / "root", "tiny")


def refused(layout: Layout, folder: Path) -> bool:
    try:
        with alone(layout, folder):
            return False
    except WaterGeeError as error:
        assert str(error) == f"another command writes {folder} now; wait until it has ended, then run this one again"
        return True


def test_a_folder_is_held_by_one_and_others_are_free(layout) -> None:
    with alone(layout, layout.maps):
        assert refused(layout, layout.maps) and not refused(layout, layout.bodies)
        assert not refused(Layout(layout.root.parent / "other"), layout.root.parent / "other" / "maps")
        assert refused(layout, layout.maps)
    assert not refused(layout, layout.maps)


def test_nothing_is_left_of_it(layout) -> None:
    with pytest.raises(ZeroDivisionError), alone(layout, layout.maps):
        raise ZeroDivisionError
    assert not layout.root.parent.exists()
    layout.work.mkdir(parents=True)
    with alone(layout, layout.maps):
        (layout.work / "tiles.jsonl").touch()
    assert [path.name for path in layout.work.iterdir()] == ["tiles.jsonl"]


def test_a_killed_command_holds_nothing(layout) -> None:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "src")}
    command = [sys.executable, "-c", HOLD, str(layout.root)]
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout.readline() == b"held\n"
        assert refused(layout, layout.maps)
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (layout.work / "maps.lock").exists() and not refused(layout, layout.maps)


def test_the_lock_of_a_command_that_ended_meanwhile_is_not_taken_for_one(layout, monkeypatch) -> None:
    """The file was opened, and its owner removed it before it was locked: the next one would make another."""
    taken, lock = [], fcntl.flock

    def late(file, operation) -> None:
        if not taken:
            Path(file.name).unlink()
        taken.append(file.name)
        lock(file, operation)

    monkeypatch.setattr("water_gee.claims.fcntl.flock", late)
    with alone(layout, layout.maps):
        assert len(taken) == 2 and refused(layout, layout.maps)


def test_where_a_file_system_has_no_locks_work_goes_on(layout, monkeypatch) -> None:
    def none(_file, _operation) -> None:
        raise OSError(errno.ENOTSUP, "not supported")

    monkeypatch.setattr("water_gee.claims.fcntl.flock", none)
    assert not refused(layout, layout.maps) and not layout.root.exists()


def test_a_folder_is_claimed_while_it_is_held(layout) -> None:
    report = layout.maps / "maps.json"
    with claimed(layout, report):
        assert refused(layout, layout.maps)
    write_sealed(report, {"study": "other"})
    with pytest.raises(ConfigError, match="maps holds the study other"), claimed(layout, report):
        pass
    assert not refused(layout, layout.maps)


@pytest.mark.parametrize(("name", "folder"), WRITING.items())
def test_a_command_that_writes_does_so_alone(tmp_path, config_dir, name, folder) -> None:
    settings = settings_at(tmp_path, "study=tiny", config_dir=config_dir)
    layout = Layout.of(settings)
    with alone(layout, layout.root / folder), pytest.raises(WaterGeeError, match=f"another command writes .*{folder}"):
        commands()[name].run(settings)
    assert not any(tmp_path.iterdir())

"""`make setup` finds a Python, or says in one line what is missing."""

import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MAKE = shutil.which("make")
needs_make = pytest.mark.skipif(MAKE is None, reason="needs make")
RIGHT = 'case "$2" in *version*) echo "3.13 True";; esac'
OLD = 'echo "3.9 False"'
PARTIAL = 'case "$2" in *version*) echo "3.12 True";; *) exit 1;; esac'
SHIM = 'echo "no version is chosen" >&2; exit 127'


def command(path: Path, body: str) -> None:
    """Write a shell script that can be run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.fixture
def clone(tmp_path):
    """A folder with what `make setup` reads, and nothing installed."""
    shutil.copytree(PROJECT / "tools", tmp_path / "clone/tools")
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(PROJECT / name, tmp_path / "clone")
    return tmp_path / "clone"


def make(clone: Path, *arguments: str, **pythons: str) -> subprocess.CompletedProcess[str]:
    """Run make where the commands are `sh` and some scripts in the place of Python."""
    folder = clone.parent / "bin"
    folder.mkdir()
    (folder / "sh").symlink_to(shutil.which("sh"))
    for name, body in pythons.items():
        command(folder / name.replace("_", "."), body)
    environment = {"PATH": str(folder)}
    return subprocess.run([MAKE, *arguments], cwd=clone, env=environment, capture_output=True, encoding="utf-8")


@needs_make
@pytest.mark.parametrize(
    ("arguments", "pythons", "words"),
    [
        ([], {}, "no Python is found that is 3.11 or newer; install one"),
        ([], {"python3": OLD, "python3_12": SHIM}, "no Python is found that is 3.11 or newer; install one"),
        ([], {"python3": OLD, "python3_12": PARTIAL}, "python3.12 is Python 3.12 without its module venv"),
        (
            ["PYTHON=python3.9"],
            {"python3_9": OLD, "python3": RIGHT},
            "python3.9 is Python 3.9, and 3.11 or newer is needed",
        ),
        (["PYTHON=/no/python"], {"python3": RIGHT}, "there is no Python by the name of /no/python"),
    ],
)
def test_what_is_missing_is_one_line(clone, arguments, pythons, words) -> None:
    done = make(clone, "setup", *arguments, **pythons)
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make: ***")]
    assert done.returncode
    assert len(said) == 1
    assert said[0].startswith(f"setup: {words}")
    assert "PYTHON=/path/to/python" in said[0]
    assert not (clone / ".venv").exists()

"""`make setup` finds a Python, says in one line what is missing, and installs by uv or, where that fails, by pip."""

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MAKE = shutil.which("make")
SPEC = importlib.util.spec_from_file_location("install", PROJECT / "tools" / "install.py")
install = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(install)

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
    for name in ("Makefile", "pyproject.toml", "constraints.txt", "package.json", "package-lock.json"):
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


@needs_make
def test_the_first_python_that_suits_installs_and_then_there_is_nothing_to_do(clone) -> None:
    log = clone.parent / "log"
    says = f'case "$1" in tools/*) echo "$0 $@" >>"{log}"; mkdir -p .venv/bin;; esac'
    touch = {"touch": f'exec {shutil.which("touch")} "$@"', "mkdir": f'exec {shutil.which("mkdir")} "$@"'}
    pythons = {"python3_11": PARTIAL, "python3_12": f"{RIGHT}; {says}", "python3": f"{RIGHT}; {says}"}
    assert make(clone, "-j4", "setup", **pythons, **touch).returncode == 0
    assert log.read_text(encoding="utf-8").split() == [
        str(clone.parent / "bin/python3.12"),
        "tools/install.py",
        "chain,dev",
    ]
    assert subprocess.run([MAKE, "-q", "setup"], cwd=clone).returncode == 0
    ready = (clone / ".venv/bin/.ready").stat().st_mtime
    os.utime(clone / "constraints.txt", (ready + 5, ready + 5))
    assert subprocess.run([MAKE, "-q", "setup"], cwd=clone).returncode == 1


@pytest.mark.parametrize(
    ("pythons", "installed"),
    [
        ({}, "python3 python3-venv"),
        ({"python3": OLD}, "python3 python3-venv"),
        ({"python3.11": PARTIAL}, "python3 python3-venv"),
        ({"python3.13": RIGHT}, None),
    ],
)
def test_ci_installs_a_python_where_none_suits(clone, pythons, installed) -> None:
    shutil.copytree(PROJECT / ".ci", clone / ".ci")
    folder, log = clone.parent / "bin", clone.parent / "log"
    said = f'echo "$(basename "$0") $*" >>"{log}"'
    for name, body in {**pythons, "apt-get": said, "sudo": '"$@"', "make": said, "git": ""}.items():
        command(folder / name, body)
    for name in ("sh", "bash", "dirname", "basename", "id", "env"):
        (folder / name).symlink_to(shutil.which(name))
    subprocess.run(["bash", ".ci/run"], cwd=clone, env={"PATH": str(folder)}, check=True)
    lines = log.read_text(encoding="utf-8").splitlines()
    asked = [f"apt-get install -y -qq --no-install-recommends {installed}"] if installed else []
    assert lines == [*(["apt-get update -qq"] if installed else []), *asked, "make test"]


def test_uv_looks_where_pip_is_configured_to_look() -> None:
    listing = "\n".join(
        [
            ":env:.find-links='/more/wheels'",
            "freeze.user='true'",
            "global.cert='/etc/cert.pem'",
            "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'",
            "global.find-links='/wheels'",
            "global.index-url='https://mirror.example/simple'",
            "global.no-index='false'",
            "install.index-url='https://other.example/simple'",
        ]
    )
    options, variables = install.uv_settings(install.pip_settings(listing))
    assert variables == {"SSL_CERT_FILE": "/etc/cert.pem"}
    pairs = list(zip(options[::2], options[1::2], strict=True))
    assert sorted(pairs) == [
        ("--default-index", "https://other.example/simple"),
        ("--find-links", "/more/wheels"),
        ("--index", "https://a.example/simple"),
        ("--index", "https://b.example/simple"),
        ("--index-strategy", "unsafe-best-match"),
    ]


def test_a_setting_that_uv_would_not_follow_leaves_it_to_pip() -> None:
    with pytest.raises(install.UvError, match="no-binary"):
        install.uv_settings({"no-binary": ":all:"})


class Tools:
    """An environment's Python that writes down what it is asked to run, and fails where it should."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.fails, self.says = folder, "nothing", "$*"
        self.made = 0

    def make(self, folder: Path) -> None:
        """Take the place of `make_environment`."""
        shutil.rmtree(folder, ignore_errors=True)
        self.made += 1
        self.write()
        (folder / ".unfinished").touch()

    def write(self) -> None:
        """Write the Python."""
        fails = f'case "$*" in {self.fails}) echo "no space left" >&2; exit 2;; esac'
        command(self.folder / "bin/python", f'echo "{self.says}" >>"{self.folder}.log"; {fails}')

    def ran(self) -> list[str]:
        """Return what was run, each shortened to what tells it from the others."""
        lines = Path(f"{self.folder}.log").read_text(encoding="utf-8").splitlines()
        return [" ".join([*line.split()[1:3], line.split()[-1]]) for line in lines]


@pytest.fixture
def tools(tmp_path, monkeypatch):
    monkeypatch.setattr(install.sys, "dont_write_bytecode", False)
    made = Tools(tmp_path / "venv")
    monkeypatch.setattr(install, "make_environment", made.make)
    return made


BY_UV = ["pip config list", "pip install uv", "uv pip .[dev]"]
BY_PIP = "pip install .[dev]"


def test_it_is_installed_by_uv(tools, capfd) -> None:
    assert install.install(tools.folder, "dev") == 0
    assert tools.ran() == BY_UV
    assert not (tools.folder / ".unfinished").exists()
    assert capfd.readouterr() == ("", "")


def test_bytecode_is_written_where_python_would_write_none(tools, monkeypatch) -> None:
    monkeypatch.setattr(install.sys, "dont_write_bytecode", True)
    monkeypatch.setattr(install, "IMPORTS", "all that is imported")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    tools.says = "$* ${PYTHONDONTWRITEBYTECODE-and written}"
    assert install.install(tools.folder, "dev") == 0
    last = Path(f"{tools.folder}.log").read_text(encoding="utf-8").splitlines()[-1]
    assert last == "-c all that is imported and written"


@pytest.mark.parametrize(("fails", "tried"), [("*only-binary=uv*", BY_UV[:2]), ('"-m uv"*', BY_UV)])
def test_where_uv_fails_pip_installs_and_a_line_says_so(tools, capfd, fails, tried) -> None:
    tools.fails = fails
    assert install.install(tools.folder, "dev") == 0
    assert tools.ran() == [*tried, BY_PIP]
    assert tools.made == 2  # none of what uv left is taken for installed
    assert not (tools.folder / ".unfinished").exists()
    assert capfd.readouterr().err == "setup: without uv, by pip, which takes some minutes (no space left)\n"


def test_a_killed_installation_starts_anew_and_a_whole_one_is_kept(tools) -> None:
    assert install.install(tools.folder, "dev") == 0
    assert install.install(tools.folder, "dev") == 0
    assert tools.made == 1
    (tools.folder / ".unfinished").touch()
    assert install.install(tools.folder, "dev") == 0
    assert tools.made == 2


def test_an_update_that_fails_leaves_the_environment_that_was_there(tools) -> None:
    assert install.install(tools.folder, "dev") == 0
    tools.fails = "*"
    tools.write()
    assert install.install(tools.folder, "dev") == 2
    assert tools.made == 1
    assert not (tools.folder / ".unfinished").exists()
    tools.write()
    shutil.rmtree(tools.folder)
    assert install.install(tools.folder, "dev") == 2
    assert (tools.folder / ".unfinished").exists()

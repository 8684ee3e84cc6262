"""A command says the same in every locale."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LOCALES = {
    "C": {"LC_ALL": "C"},
    "C, strictly": {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    "Latin-1": {"PYTHONIOENCODING": "latin-1"},
}
STUDY = """
name: study
crs: EPSG:32648
scale: 30
areas: {train: {bbox: [0, 0, 1, 1]}, test: {bbox: [2, 0, 3, 1]}, map: {bbox: [2, 0, 3, 1]}}
references: {truth: 湖_*.tif}
years: [2020]
months: [6, 8]
"""


@pytest.mark.parametrize("locale", LOCALES)
def test_any_character_can_be_printed(tmp_path: Path, locale: str) -> None:
    folder = tmp_path / os.fsdecode("a 湖, [x]".encode()) / "study"
    folder.mkdir(parents=True)
    (folder / "mine.yaml").write_text(STUDY, encoding="utf-8")
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("LC_", "LANG", "PYTHONUTF8"))
    }
    command = [sys.executable, "-m", "water_gee", "summary", "study=mine", "--config-dir", str(folder.parent)]
    command += ["earth.catalog=scenes", f"paths.root='{folder.parent}'"]
    environment |= LOCALES[locale]
    shown = subprocess.run([*command, "--cfg", "job"], env=environment, capture_output=True)
    assert shown.returncode == 0, shown.stderr.decode()
    assert f"truth: {'?' if locale == 'Latin-1' else '湖'}_".encode() in shown.stdout
    failed = subprocess.run(command, env=environment, capture_output=True)
    assert failed.returncode == 1 and failed.stderr.count(b"\n") == 1
    assert locale == "Latin-1" or os.fsencode(folder.parent) in failed.stderr

"""Two studies in one root: neither destroys or takes up the other's results."""

import shutil
from pathlib import Path

import pytest
import yaml

from chain.conftest import Copy
from composed import settings_at
from water_gee.cli import main
from water_gee.denoise.stage import run as denoise
from water_gee.errors import ConfigError, TileError
from water_gee.tiles.stage import run as tiles


@pytest.fixture
def other(settings, eelocal_url):
    """Settings of a second study in the same place, of one year."""

    def composed(*overrides: str):
        return settings("study.name=second", f"earth.url={eelocal_url}", "study.years=[2020]", *overrides)

    return composed


@pytest.fixture(scope="module")
def made(config_dir: Path, eelocal_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the tiles and labels of the first study; not to be written to."""
    root = tmp_path_factory.mktemp("first")
    own = ("study=tiny", "tiles.size=64", "earth.wait=0", "study.years=[2020]", "denoise=none")
    choice = settings_at(root, *own, f"earth.url={eelocal_url}", config_dir=config_dir)
    tiles(choice)
    denoise(choice)
    return root


@pytest.fixture
def first(made: Path, tmp_path: Path) -> Path:
    """A copy of a root with the tiles and labels of the first study."""
    return Path(shutil.copytree(made, tmp_path, dirs_exist_ok=True))


def files(root: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in (root / "data").rglob("*") if path.is_file()}


def test_the_second_studys_tiles_do_not_replace_the_firsts(first: Path, other) -> None:
    before = files(first)
    with pytest.raises(ConfigError, match=r"data/tiles holds the study tiny; give second a root of its own by paths"):
        tiles(other())
    assert files(first) == before


def test_the_second_study_does_not_take_up_the_firsts_tiles_and_labels(first: Path, other) -> None:
    with pytest.raises(ConfigError, match=r"data/clean holds the study tiny"):
        denoise(other("denoise=none"))
    shutil.rmtree(first / "data" / "clean")
    with pytest.raises(TileError, match=r"tiles.json is of the study tiny and not of second; choose study=tiny"):
        denoise(other("denoise=none"))


def test_dry_run_of_another_study_says_it_too(first: Path, other) -> None:
    with pytest.raises(ConfigError, match="holds the study tiny"):
        tiles(other("tiles.dry_run=true"))


def test_an_unfinished_download_is_its_studys_already(first: Path, other) -> None:
    (first / "data" / "tiles" / "tiles.csv").unlink()
    with pytest.raises(ConfigError, match="holds the study tiny"):
        tiles(other())


@pytest.fixture
def copy(reproduced: Copy, tmp_path: Path) -> Copy:
    """A copy of the tiny study after `dvc repro`, with DVC's cache."""
    return Copy(Path(shutil.copytree(reproduced.root, tmp_path / "project")))


def test_dvc_puts_the_first_study_away_and_brings_it_back(copy: Copy) -> None:
    root, params = copy.root, copy.root / "params.yaml"
    text = params.read_text(encoding="utf-8")
    study = yaml.safe_load((root / "conf" / "study" / "tiny.yaml").read_text(encoding="utf-8"))
    (root / "conf" / "study" / "second.yaml").write_text(
        yaml.safe_dump({**study, "name": "second", "years": [2020]}), encoding="utf-8"
    )
    before = {path: path.read_bytes() for path in (root / "data" / "tiles").rglob("*") if path.is_file()}
    lock = (root / "dvc.lock").read_bytes()
    params.write_text(text.replace("study: tiny", "study: second"), encoding="utf-8")
    said = copy.run("dvc", "repro", "denoise")
    assert "held the study tiny, which stays in DVC's cache" in said.stdout + said.stderr
    assert "second" in (root / "data" / "tiles" / "tiles.json").read_text(encoding="utf-8")
    params.write_text(text, encoding="utf-8")
    (root / "dvc.lock").write_bytes(lock)
    copy.run("dvc", "checkout", "--force")
    assert {path: path.read_bytes() for path in (root / "data" / "tiles").rglob("*") if path.is_file()} == before
    # What was made by hand is in no cache, and stays.
    (root / "data" / "tiles" / "train" / "mine.txt").write_text("mine", encoding="utf-8")
    params.write_text(text.replace("study: tiny", "study: second"), encoding="utf-8")
    refused = copy.run("dvc", "repro", "tiles", check=False)
    assert refused.returncode != 0
    assert "data/tiles holds the study tiny; give second a root of its own" in refused.stdout + refused.stderr


def test_the_command_ends_in_one_line(first: Path, config_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["denoise", "study=tiny", "study.name=second", "tiles.size=64", f"paths.root={first}"]
    with pytest.raises(SystemExit) as ended:
        main([*arguments, "--config-dir", str(config_dir)])
    assert "holds the study tiny" in str(ended.value.code) and "\n" not in str(ended.value.code)

"""The recipes of CONTRIBUTING.md, followed to the letter in a copy of the project, work."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import rasterio

import scenes
from water_gee.denoise import usable
from water_gee.paths import Layout
from water_gee.tiles import TileData, load_tile, read_manifest

PROJECT = Path(__file__).parents[2]
LANDSAT5 = "LANDSAT/LT05/C02/T1_L2"
Run = Callable[..., str]


@dataclass(frozen=True)
class Block:
    """A block of code and where it goes: a file of its own, above a name of a file, or in what that name opens."""

    path: str
    place: str
    name: str
    text: str


def recipes() -> dict[str, list[Block]]:
    """Return the blocks of each recipe by its heading."""
    text = (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## Recipes\n")[1]
    found = {}
    for section in text.split("\n### ")[1:]:
        title, _, body = section.partition("\n")
        found[title] = [
            Block(path, place or "", name or "", code)
            for path, place, name, code in re.findall(
                r"^```(?:python|yaml)\n# (\S+?)(?:: (above|in) (\w+))?\n(.*?)^```$", body, re.MULTILINE | re.DOTALL
            )
        ]
    return found


RECIPES = recipes()


def put(project: Path, block: Block) -> None:
    """Follow one block of a recipe."""
    path = project / block.path
    if not block.place:
        assert not path.exists(), f"{block.path} is there already"
        path.write_text(block.text, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    opening = re.search(rf"^{block.name}\b.*$", text, re.MULTILINE)
    assert opening, f"{block.path} has no {block.name}"
    if block.place == "above":
        place, code = opening.start(), f"{block.text}\n\n"
    else:
        place, code = opening.end() + 1, block.text
    path.write_text(text[:place] + code + text[place:], encoding="utf-8")


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Path:
    """A copy of the project in which every recipe was followed."""
    copy = tmp_path_factory.mktemp("recipes") / "project"
    for folder in ("src", "conf"):
        shutil.copytree(PROJECT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    for name in ("params.yaml", "train.py", "pyproject.toml"):
        shutil.copy(PROJECT / name, copy)
    for block in (block for blocks in RECIPES.values() for block in blocks):
        put(copy, block)
    return copy


@pytest.fixture(scope="module")
def study(world, tmp_path_factory) -> Path:
    """A user's own groups: the tiny study, its scenes those of Landsat 5."""
    folder = tmp_path_factory.mktemp("landsat5")
    shutil.copytree(world / "catalog" / scenes.GLO30, folder / "catalog" / scenes.GLO30)
    (folder / "catalog" / LANDSAT5).mkdir(parents=True)
    renamed = {"SR_B1": "coastal"} | {f"SR_B{number}": f"SR_B{number - 1}" for number in (2, 3, 4, 5, 6)}
    for path in (world / "catalog" / scenes.LANDSAT).iterdir():
        shutil.copy(path, folder / "catalog" / LANDSAT5)
    for path in (folder / "catalog" / LANDSAT5).glob("*.tif"):
        with rasterio.open(path, "r+") as file:
            file.descriptions = [renamed.get(name, name) for name in file.descriptions]
    (folder / "conf" / "study").mkdir(parents=True)
    text = (world / "conf" / "study" / "tiny.yaml").read_text(encoding="utf-8")
    text = text.replace(f"{world}/catalog", f"{folder}/catalog")
    (folder / "conf" / "study" / "tiny.yaml").write_text(text, encoding="utf-8")
    return folder / "conf"


@pytest.fixture(scope="module")
def run(project, study, empty_database) -> Run:
    """A function that runs commands of the copy on the tiny study, one after the other, and returns what they said."""

    shutil.copy(empty_database, project / "mlflow.db")

    def commands(*lines: str) -> str:
        own = ["--config-dir", str(study), "study=tiny", "tiles.size=64", f"paths.root={project}"]
        own += ["sensor=landsat5", "features=evi2", "labels=awei_nsh", "denoise=smooth", "model=window5"]
        own += ["trainer=debug", "trainer.threads=1"]  # a process that begins takes longer than its work here
        given = [[*line.split(), *own] for line in lines]
        outcome = subprocess.run(
            [sys.executable, "-c", IN_ONE_PROCESS.format(given=given)], cwd=project, capture_output=True,
            encoding="utf-8", env={**os.environ, "PYTHONPATH": os.pathsep.join([str(project / "src"), str(project)])},
        )  # fmt: skip
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout + outcome.stderr

    return commands


# A process takes longer to begin than these commands take to end.
IN_ONE_PROCESS = """
if __name__ == "__main__":
    import train
    from water_gee import cli
    for name, *rest in {given!r}:
        if name == "train.py":
            train.main(rest)
        else:
            cli.main([name, *rest])
"""


@pytest.fixture(scope="module")
def tile(project, run) -> TileData:
    """A tile with water of what the copy fetched."""
    run("tiles study.years=[2020]")
    layout = Layout(project, "tiny")
    return load_tile(layout, max(read_manifest(layout), key=lambda record: record.water_pixels))


@pytest.mark.parametrize("title", RECIPES)
def test_a_recipe_takes_two_files_at_most(title) -> None:
    assert 1 <= len({block.path for block in RECIPES[title]}) <= 2


def test_there_is_a_recipe_for_each_thing_that_is_usually_added() -> None:
    things = ["A feature", "A label source", "A denoiser", "A model", "A sensor", "A command"]
    assert list(RECIPES) == things


def test_what_recipes_add_is_well_formed(project) -> None:
    for words in (["check"], ["format", "--check"]):
        outcome = subprocess.run(
            [sys.executable, "-m", "ruff", *words, "src/water_gee"], cwd=project, capture_output=True, encoding="utf-8"
        )
        assert outcome.returncode == 0, outcome.stdout


@pytest.mark.slow
def test_the_model_of_the_recipe_equals_itself_in_earth_engine(project, tile, run) -> None:
    run("denoise", "train.py run.name=exported", "select select.run=exported")
    assert "against PyTorch" in run("export predict.area=test")
    assert (project / "export" / "export.json").is_file()


@pytest.mark.slow
def test_what_recipes_add_is_typed(project) -> None:
    outcome = subprocess.run(
        [sys.executable, "-m", "mypy", "src/water_gee"], cwd=project, capture_output=True, encoding="utf-8"
    )
    assert outcome.returncode == 0, outcome.stdout


def test_the_feature_of_the_recipe_is_its_formula_on_the_sensor_of_the_recipe(tile) -> None:
    near, red = tile.band("nir"), tile.band("red")
    seen = ~np.isnan(near)
    assert seen.any()
    expected = 2.5 * (near - red) / (near + 2.4 * red + 1)
    np.testing.assert_allclose(tile.band("evi2")[seen], expected[seen], atol=1e-5)


def test_the_label_source_of_the_recipe_sees_the_water(tile) -> None:
    share, water = tile.share_by("awei_nsh"), tile.share > 0.5
    seen = ~np.isnan(share) & (tile.looks > 0)
    assert share[seen & water].mean() > 0.9 > 0.1 > share[seen & ~water].mean()


def test_the_denoiser_and_the_model_of_the_recipes_make_labels_and_a_run(project, tile, run) -> None:
    said = run("denoise", "train.py run.name=mine", "wettest")
    with rasterio.open(project / "data" / "clean" / tile.record.area / f"{tile.record.id}.tif") as file:
        label = file.read(1)
    assert set(np.unique(label)) == {0, 1, 255} and ((label != 255) == usable(tile, 3)).all()
    assert (project / "runs" / "mine" / "model.ckpt").is_file()
    assert "pixels of water" in said

"""What a command line composes, shown: resolved values, one group, where each value comes from; and presets."""

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import yaml
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from water_gee.config.compose import compose, with_study
from water_gee.config.settings import Settings, load

PROJECT = Path(__file__).parents[2]
GROUPS = ["earth", "sensor", "tiles", "labels", "model", "data", "trainer", "export", "predict", "evaluate", "simulate"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT / "src")}
    return subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT, env=environment, capture_output=True, check=False, encoding="utf-8"
    )


@pytest.mark.parametrize("command", [("train.py",), ("-m", "water_gee", "tiles")])
def test_the_job_is_shown_with_its_values(command) -> None:
    done = run(*command, "-c", "job", "study=sample")
    content = yaml.safe_load(done.stdout)
    assert done.returncode == 0 and "${" not in done.stdout
    assert content["paths"]["root"] == str(PROJECT) and content["model"]["widths"] == [16, 32, 64, 128]


def test_one_group_or_key_is_shown_alone() -> None:
    assert yaml.safe_load(run("train.py", "--cfg", "job", "-p", "model.widths", "model=mlp").stdout) == [64, 64]
    wrong = run("train.py", "--cfg", "job", "-p", "modell")
    assert wrong.returncode == 1 and wrong.stderr == (
        "train.py: --package modell: there is no such key; see --cfg job for all keys\n"
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--info", "defaults"], "Defaults List"),
        (["-i", "searchpath"], "Config search path"),
        (["--cfg", "hydra", "--resolve"], f"dir: {PROJECT}/logs/sweeps"),
        (["--cfg", "all"], "hydra:"),
    ],
)
def test_hydra_shows_the_rest(arguments, words) -> None:
    done = run("train.py", *arguments)
    assert done.returncode == 0 and words in done.stdout, done.stderr


def test_an_experiment_is_a_studys_settings_in_one_file_and_the_command_line_wins(tmp_path, monkeypatch) -> None:
    settings = load(compose(["experiment=sample_small"]))
    assert (settings.study.name, settings.model.name, settings.data.name) == ("sample", "pixelcnn_small", "crops")
    assert settings.trainer.epochs == 12 and settings.tags == ("sample", "small")
    assert load(compose(["experiment=sample_small", "trainer.epochs=2"])).trainer.epochs == 2
    monkeypatch.setenv("WATER_GEE_SCENES", str(tmp_path))
    chips = load(compose(["experiment=chips"]))
    assert (chips.study.name, chips.tiles.size, chips.tags) == ("hls_chips", 512, ("chips",)), "the tiles follow it"


def test_an_experiment_of_ones_own_names_the_study(tmp_path) -> None:
    folder = tmp_path / "experiment"
    folder.mkdir()
    (folder / "mine.yaml").write_text(
        "# @package _global_\ndefaults:\n  - override /study: sample\n  - override /model: mlp\nseed: 7\n",
        encoding="utf-8",
    )
    settings = load(compose(["experiment=mine"], str(tmp_path)))
    assert (settings.model.name, settings.seed) == ("mlp", 7)
    assert with_study(["experiment=mine"], str(tmp_path))[0] == "study=sample"
    assert with_study(["experiment=mine", "study=other"], str(tmp_path)) == ["experiment=mine", "study=other"]


def test_a_study_without_a_catalog_has_its_scenes_below_the_root(tmp_path) -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    template = text.partition("```yaml\nname: mine")[2].partition("```")[0]
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "mine.yaml").write_text(f"name: mine{template}", encoding="utf-8")
    settings = load(compose(["study=mine"], str(tmp_path)))
    assert (settings.study.name, settings.earth.catalog) == ("mine", "data/raw/catalog")


def test_debugging_trains_a_batch_and_keeps_no_model() -> None:
    trainer = load(compose(["trainer=debug"])).trainer
    assert (trainer.epochs, trainer.batches, trainer.log_model) == (1, 1, False)


@pytest.mark.parametrize("group", GROUPS)
def test_a_default_stands_in_conf_alone(group) -> None:
    """A value that every option of a group gives has no second one in the settings, which could drift from it."""
    annotation = Settings.model_fields[group].annotation
    kinds = [one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]
    files = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in (PROJECT / "conf" / group).glob("*.yaml")]
    given = {name for content in files for name in content}
    fields = [(name, field.default) for kind in kinds for name, field in kind.model_fields.items()]
    assert [name for name, default in fields if name in given and default not in (None, PydanticUndefined)] == []

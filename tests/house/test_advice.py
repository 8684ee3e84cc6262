"""Advice can be followed: the keys that it names exist, and its commands work where the user works."""

import ast
import re
import shlex
from dataclasses import fields
from pathlib import Path
from typing import get_args

import pytest
from pydantic import BaseModel

import train
from water_gee.advice import complete, given
from water_gee.cli import main
from water_gee.commands import commands
from water_gee.config.settings import Settings
from water_gee.denoise import METHODS

SOURCE = Path(__file__).parents[2] / "src" / "water_gee"
_FILES = (
    "py",
    "csv",
    "json",
    "jsonl",
    "yaml",
    "png",
    "ckpt",
    "tif",
    "dvc",
    "html",
    "md",
    "js",
    "db",
    "txt",
    "vrt",
    "geojson",
    "gpkg",
    "parquet",
    "qml",
)


def keys_of(group):
    """Return the keys of a group of the settings, of all its kinds."""
    annotation = Settings.model_fields[group].annotation
    kinds = [one for one in (annotation, *get_args(annotation)) if isinstance(one, type) and issubclass(one, BaseModel)]
    own = {field.name for method in METHODS.values() for field in fields(method)} if group == "denoise" else set()
    return own | {field.alias or name for kind in kinds for name, field in kind.model_fields.items()}


def texts():
    """Yield (file, text) of every string of the product; of an f-string its parts."""
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield path.name, node.value


def test_every_key_that_a_message_names_exists() -> None:
    groups = [name for name in Settings.model_fields if keys_of(name)]
    pattern = re.compile(rf"(?<![\w./])({'|'.join(groups)})\.([a-z_]+)\b(?![/(])")
    named = {(path, match[1], match[2]) for path, text in texts() for match in pattern.finditer(text)}
    assert ("settings.py", "predict", "area") in named
    wrong = {one for one in named if one[2] not in keys_of(one[1]) and one[2] not in _FILES and one[1] != "water_gee"}
    assert wrong == set()


def test_every_command_that_a_message_names_exists() -> None:
    pattern = re.compile(r"water-gee ([a-z]+(?:-[a-z]+)*)")
    named = {(path, match[1]) for path, text in texts() for match in pattern.finditer(text)}
    assert {name for _, name in named} - set(commands()) == set(), named


def test_commands_say_what_was_given_each_key_once_and_quoted() -> None:
    where = "--config-dir 'my conf' study=mine 'paths.root=/a b/c'"
    with given(["study=mine", "paths.root=/a b/c", "seed=3"], "my conf"):
        told = complete("no tiles; run first: water-gee tiles tiles.refresh=true, then python train.py study=other")
    assert told == (
        f"no tiles; run first: water-gee tiles tiles.refresh=true {where}, "
        "then python train.py study=other --config-dir 'my conf' 'paths.root=/a b/c'"
    )
    assert shlex.split(told.partition("first: ")[2].partition(", then")[0])[-1] == "paths.root=/a b/c"


def test_without_anything_given_advice_stays_as_it_is() -> None:
    with given(["seed=3"], None):
        assert complete("run first: water-gee tiles") == "run first: water-gee tiles"


def test_an_error_of_a_command_names_the_root_in_its_advice(tmp_path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["select", f"paths.root={tmp_path}", "study=sample"])
    assert str(ended.value).endswith(f"python train.py {shlex.quote(f'paths.root={tmp_path}')} study=sample") or (
        f"water-gee tiles {shlex.quote(f'paths.root={tmp_path}')} study=sample" in str(ended.value)
    )


@pytest.mark.parametrize("entry", [main, train.main])
def test_a_command_that_ended_says_nothing_in_the_advice_of_a_later_one(tmp_path, entry) -> None:
    command = ["select"] if entry is main else []
    with given(["study=outer"], None):
        with pytest.raises(SystemExit, match="study=sample"):
            entry([*command, f"paths.root={tmp_path}", "study=sample"])
        assert complete("run: water-gee tiles") == "run: water-gee tiles study=outer"
    assert complete("run: water-gee tiles") == "run: water-gee tiles"

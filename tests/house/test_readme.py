"""What the README says of files, stages, groups and code is so."""

import re
from pathlib import Path

import pytest

from water_gee.commands import commands

PROJECT = Path(__file__).parents[2]
GROWING = {"features", "labels", "denoise", "model", "sensor"}  # a recipe's file need not be named
READMES = ("README.md", "README.zh-CN.md")


@pytest.mark.parametrize("name", READMES)
def test_every_file_that_it_links_to_is_there(name) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)#]+)", text)
    assert targets
    assert [target for target in targets if not (PROJECT / target).exists()] == []


@pytest.mark.parametrize("name", READMES)
def test_every_stage_and_room_is_named(name) -> None:
    text = (PROJECT / name).read_text(encoding="utf-8")
    rooms = [path.name for path in (PROJECT / "src" / "water_gee").iterdir() if (path / "__init__.py").is_file()]
    assert [room for room in rooms if room != "config" and f"{room}/" not in text] == []
    stages = [stage for stage in commands() if stage not in ("simulate", "summary", "ui", "cost", "promote")]
    assert [stage for stage in stages if f"`water-gee {stage}`" not in text] == []


def test_every_group_of_conf_is_in_the_table_with_its_files() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for group in sorted(path for path in (PROJECT / "conf").iterdir() if path.is_dir()):
        row = re.search(rf"^\| `{group.name}` \| ([^|]+) \|", text, re.MULTILINE)
        assert row, f"the README has no row for conf/{group.name}"
        named, there = set(re.findall(r"`(\w+)`", row.group(1))), {path.stem for path in group.glob("*.yaml")}
        assert named <= there if group.name in GROWING else named == there


def test_the_lines_that_use_the_network_are_the_model_cards() -> None:
    from water_gee.export.card import USAGE

    lines = [line.split("#")[0].strip() for line in (PROJECT / "README.md").read_text(encoding="utf-8").splitlines()]
    for line in USAGE.splitlines():
        shape = line.replace("expression.json", "export/expression.json").replace("(image)", "(features)")
        assert shape in lines


def test_the_network_of_your_own_is_the_one_that_is_tested() -> None:
    text = (PROJECT / "README.md").read_text(encoding="utf-8")
    for shown in ("mynets/residual.py", "my/conf/model/mine.yaml"):
        block = re.search(rf"^```\w+\n# {re.escape(shown)}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        tested = PROJECT / "tests" / "own" / shown.removeprefix("my/")
        assert block and block.group(1) == tested.read_text(encoding="utf-8")

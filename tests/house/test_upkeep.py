"""The files that keep the project in order agree with each other: package, constraints, pre-commit, workflows."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

PROJECT = Path(__file__).parents[2]
PACKAGE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))
WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


def name(requirement: str) -> str:
    return re.sub(r"[-_.]+", "-", re.match(r"[\w.-]+", requirement)[0]).lower()


PINNED = {
    name(line)
    for line in (PROJECT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if not line.startswith("#") and "==" in line
}


@pytest.mark.parametrize("package", ["water_gee", "eelocal"])
def test_both_packages_ship_their_types(package) -> None:
    assert (PROJECT / "src" / package / "py.typed").is_file()
    assert "py.typed" in PACKAGE["tool"]["setuptools"]["package-data"][package]


def test_the_licence_is_the_one_that_the_package_names() -> None:
    assert PACKAGE["project"]["license"] == "Apache-2.0"
    text = (PROJECT / "LICENSE").read_text(encoding="utf-8")
    assert "Apache License\n                           Version 2.0" in text
    assert "Copyright 2026 The Water_gee authors" in text


def test_every_dependency_and_uv_are_pinned() -> None:
    extras = PACKAGE["project"]["optional-dependencies"].values()
    wanted = {name(one) for group in (PACKAGE["project"]["dependencies"], *extras) for one in group}
    assert wanted | {"uv"} <= PINNED


def test_the_changelog_has_the_version_below_what_is_unreleased() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", text, re.MULTILINE)[:2] == ["Unreleased", PACKAGE["project"]["version"]]


def test_the_hooks_run_the_pinned_tools_of_the_environment() -> None:
    config = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    assert [repository["repo"] for repository in config["repos"]] == ["local"]
    tools = [hook["entry"].split()[0] for hook in config["repos"][0]["hooks"]]
    assert set(tools) == {".venv/bin/ruff", ".venv/bin/mypy"}
    assert {Path(tool).name for tool in tools} <= PINNED


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_read_only_and_name_each_action_by_its_commit(path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    used = re.findall(r"uses: (.*)", text)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v[\d.]+", action)] == []


def test_the_matrix_begins_with_the_oldest_python_that_is_allowed() -> None:
    workflow = yaml.safe_load((PROJECT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    versions = workflow["jobs"]["test"]["strategy"]["matrix"]["python"]
    assert PACKAGE["project"]["requires-python"] == f">={versions[0]}"
    assert PACKAGE["tool"]["mypy"]["python_version"] == versions[0]

"""The files that keep the project in order agree with each other: package, constraints, licence, changes."""

import re
import tomllib
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))


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

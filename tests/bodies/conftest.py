"""The stage `bodies` on maps that tests write."""

from pathlib import Path

import pytest

from water_gee.bodies.stage import run
from water_gee.config.compose import compose
from water_gee.config.settings import Settings, load
from water_gee.paths import Layout


@pytest.fixture(scope="module")
def composed() -> Settings:
    return load(compose([]))


@pytest.fixture
def stage(composed):
    """A function that runs the stage below a root."""

    def at(root: Path, *, study: str = "tiny", **choices: object) -> Layout:
        bodies = composed.bodies.model_copy(update=choices)
        paths = composed.paths.model_copy(update={"root": str(root)})
        named = composed.study.model_copy(update={"name": study})
        run(composed.model_copy(update={"bodies": bodies, "paths": paths, "study": named}))
        return Layout(root, study)

    return at

"""What the tests of the ladder share: a root with tiles whose truth is known."""

import shutil
from pathlib import Path

import pytest

from ladder.grounded import ladder_settings, write_ground
from water_gee.ladder.bench import Bench
from water_gee.ladder.ground import Ground


@pytest.fixture(scope="session")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with tiles and their reference; not to be written to."""
    root = tmp_path_factory.mktemp("ladder")
    write_ground(root)
    return root


@pytest.fixture
def root(written: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    shutil.copytree(written, tmp_path / "root")
    return tmp_path / "root"


@pytest.fixture(scope="session")
def ground(written: Path) -> list[Ground]:
    """The ground of its area train."""
    settings = ladder_settings(written)
    return Bench.of(settings).ground("train")

"""The stage as a user runs it, on the tiny study."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tiles.tile_files import arguments
from water_gee.cli import main


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root that the commands of a test work in, empty at first."""
    return tmp_path / "root"


@pytest.fixture
def command(config_dir: Path, root: Path) -> Callable[..., list[str]]:
    """A function from overrides to the arguments of `water-gee`."""
    return lambda *overrides, root=root: arguments(config_dir, root, *overrides)


@pytest.fixture
def tiles(command: Callable[..., list[str]], eelocal_url: str, root: Path) -> Callable[..., None]:
    """A function that runs the stage in this process, on the session's eelocal."""

    def run(*overrides: str, root: Path = root) -> None:
        own = any(override.startswith(("earth.url", "earth.catalog")) for override in overrides)
        main(command(*([] if own else [f"earth.url={eelocal_url}"]), *overrides, root=root))

    return run


@pytest.fixture
def failing(tiles: Callable[..., None]) -> Callable[..., str]:
    """A function that runs the stage, which must end with one line; returns the line."""

    def run(*overrides: str) -> str:
        with pytest.raises(SystemExit) as stopped:
            tiles(*overrides)
        text = str(stopped.value.code)
        assert text.startswith("water-gee: ") and "\n" not in text
        return text

    return run


@pytest.fixture(scope="session")
def downloaded(config_dir: Path, eelocal_url: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root after one undisturbed run of the whole study; not to be written to."""
    folder = tmp_path_factory.mktemp("downloaded") / "root"
    main(arguments(config_dir, folder, f"earth.url={eelocal_url}"))
    return folder


@pytest.fixture
def whole(downloaded: Path, root: Path) -> Path:
    """The test's root, as after that run."""
    shutil.copytree(downloaded, root)
    return root

"""Settings for a test's own root; equal choices are composed once, which takes a quarter of a second."""

import copy
from functools import cache
from pathlib import Path

from omegaconf import DictConfig

from water_gee.config import compose as composing
from water_gee.config.settings import Settings, load
from water_gee.config.target import remember_folders


def settings_at(root: Path, *overrides: str, config_dir: Path | None = None) -> Settings:
    """Return the settings of some choices, with `root` as `paths.root` unless they name another.

    Not for tests in which a file of `conf/`, `params.yaml` or `config_dir` changes.
    """
    repository = composing.repository()
    composed = copy.deepcopy(_composed(repository, overrides, config_dir))
    remember_folders([repository / "conf", *([config_dir] if config_dir else [])])
    if not any(one.startswith("paths.root=") for one in overrides):
        composed.paths.root = str(root)
    return load(composed)


@cache
def _composed(repository: Path, overrides: tuple[str, ...], config_dir: Path | None) -> DictConfig:
    return composing.compose(list(overrides), str(config_dir) if config_dir else None)

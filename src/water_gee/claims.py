"""Whose results a folder holds: no study overwrites another's."""

import os
from pathlib import Path

from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.progress import say


def claim(layout: Layout, report: Path) -> None:
    """Check that the layout's study may write where `report` speaks for what is there.

    It may where nothing is, or results of its own. Where `dvc repro` runs the stage and DVC keeps what is there, the
    other study's results are only put away: they come back with that study's choice in `params.yaml`.

    Args:
        layout: the root and the study that wants to write.
        report: the sealed report of the folder that is written to, which may be absent.

    Raises:
        ConfigError: another study's results are there and would be lost.
    """
    owner = _owner(report)
    if not layout.study or owner in ("", layout.study):
        return
    folder = report.parent
    if "DVC_STAGE" in os.environ and kept_by_dvc(layout.root, folder):
        say(f"{folder} held the study {owner}, which stays in DVC's cache; it is now {layout.study}'s")
        return
    raise ConfigError(
        f"{folder} holds the study {owner}; give {layout.study} a root of its own by paths.root=DIR, or delete {folder}"
    )


def _owner(report: Path) -> str:
    """Return the study that a report names; empty where there is none, or it cannot be read."""
    try:
        content = read_json(report)
    except WaterGeeError:
        return ""  # nobody can use what is there, whosever it was
    return str(content.get("study") or "") if isinstance(content, dict) else ""


def kept_by_dvc(root: Path, folder: Path) -> bool:
    """Return whether DVC's cache holds a folder as it is now."""
    from dvc.repo import Repo  # takes a second

    from water_gee.dvc_hashes import dvc_hash

    name = dvc_hash(root, folder)
    with Repo(str(root)) as repo:
        return bool(repo.cache.local.exists(name))

"""Whose results a folder holds, and who writes there now: no study and no command overwrites another's."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from water_gee.errors import ConfigError, WaterGeeError
from water_gee.files import read_json
from water_gee.paths import Layout
from water_gee.progress import say


@contextmanager
def claimed(layout: Layout, report: Path) -> Iterator[None]:
    """Hold the folder of a report for a command that writes there, as `alone` does, once it may, as `claim` says.

    Raises:
        WaterGeeError: another command writes there now.
        ConfigError: another study's results are there and would be lost.
    """
    with alone(layout, report.parent):
        claim(layout, report)
        yield


@contextmanager
def alone(layout: Layout, folder: Path) -> Iterator[None]:
    """Hold a folder of a root for one command at a time, of any machine; a killed one holds nothing any more.

    Raises:
        WaterGeeError: another command holds it.
    """
    path = layout.work / f"{'-'.join(folder.relative_to(layout.root).parts)}.lock"
    made = [one for one in (path.parent, *path.parent.parents) if not one.exists()]
    held = _held(path)
    if held is None:
        raise WaterGeeError(f"another command writes {folder} now; wait until it has ended, then run this one again")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # while it is held: who opened it meanwhile sees that it counts no more
        held.close()
        with suppress(OSError):  # a mistake in a new root leaves no folders
            for one in made:
                one.rmdir()


def _held(path: Path) -> IO[str] | None:
    """Return a file with its lock, None where another process has that."""
    while True:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("w", encoding="utf-8")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except BlockingIOError:
            file.close()
            return None
        except FileNotFoundError:
            pass  # it was another command's, which has ended meanwhile
        except OSError:  # a file system without locks
            return file
        file.close()


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

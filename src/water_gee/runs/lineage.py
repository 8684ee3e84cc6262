"""Where a run comes from: code, configuration and data, as hashes that a rerun can be compared with."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

from water_gee.config.configure import chosen
from water_gee.config.settings import Settings
from water_gee.denoise import CleanLabels
from water_gee.dvc_hashes import dvc_hash
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.reads import SOURCE, STAGES, code_of
from water_gee.tiles import TileRecord

_DATA = ("data/raw", "data/tiles", "data/clean")


@dataclass(frozen=True)
class Lineage:
    """The origin of a run; hashes are hexadecimal, empty where there is none."""

    git_commit: str
    git_dirty: str  # yes, no, or empty outside a repository
    code: str  # of the rooms that train
    tiles: str  # of the training tiles, features and labels, as the manifest lists them
    labels: str  # of the clean labels of the training tiles
    tiles_csv: str  # SHA-256 of the whole manifest
    clean_report: str  # SHA-256 of data/clean/report.json
    dvc: dict[str, str]  # by path, as DVC hashes the data folders

    def plain(self) -> dict[str, Any]:
        """Return the lineage as plain types."""
        return asdict(self)


def lineage(layout: Layout, records: Sequence[TileRecord], repository: Path) -> Lineage:
    """Return the lineage of a training on `records` by the code at hand."""
    tiles = [f"{record.area}/{record.id} {record.sha256} {record.labels_sha256}" for record in records]
    clean = CleanLabels.of(layout)
    labels = [f"{record.id} {clean.hashes[record.area, record.id]}" for record in records]
    commit, dirty = git_state(repository)
    return Lineage(
        git_commit=commit,
        git_dirty=dirty,
        code=code_hash(),
        tiles=_digest(sorted(tiles)),
        labels=_digest(sorted(labels)),
        tiles_csv=sha256(layout.tiles / "tiles.csv"),
        clean_report=sha256(layout.clean / "report.json"),
        dvc=dvc_hashes(layout),
    )


def job_key(settings: Settings, origin: Lineage, started_from: str = "", taught_by: str = "") -> str:
    """Return what two runs share that must come out the same: configuration, code, data, start and teacher.

    Args:
        settings: the whole configuration.
        origin: of code and data.
        started_from: SHA-256 of the checkpoint of the network that is started from; empty of a new one.
        taught_by: SHA-256 of the checkpoint of the teacher; empty without one.
    """
    groups = chosen(settings, STAGES["train"].keys)
    prune, distil = groups.pop("prune"), groups.pop("distil")
    parts = [json.dumps(groups, sort_keys=True), origin.code, origin.tiles, origin.labels]
    if started_from:  # whatever name it goes by
        parts += [started_from, f"{prune['share']:g}" if prune["from"] else ""]
    if taught_by:
        parts += ["distil", taught_by, f"{distil['weight']:g}"]
    return _digest(parts)[:16]


@cache
def code_hash() -> str:
    """Return a hash of the source of training, as this process found it first and so runs it."""
    return _digest([f"{path.relative_to(SOURCE).as_posix()} {sha256(path)}" for path in code_of("train")])[:16]


def git_state(repository: Path) -> tuple[str, str]:
    """Return (commit, whether tracked files differ from it: yes or no); empty outside a git repository."""
    git = shutil.which("git")
    if git is None:
        return "", ""

    def ask(*arguments: str) -> str | None:
        done = subprocess.run(
            [git, "-C", str(repository), *arguments],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
        )
        return done.stdout.strip() if done.returncode == 0 else None

    commit = ask("rev-parse", "HEAD")
    if commit is None:
        return "", ""
    return commit, "yes" if ask("status", "--porcelain", "--untracked-files=no") else "no"


def dvc_hashes(layout: Layout) -> dict[str, str]:
    """Return the hash by which DVC knows each data folder that there is, by path below the root."""
    return {name: dvc_hash(layout.root, layout.root / name) for name in _DATA if (layout.root / name).is_dir()}


def this_process() -> str:
    """Return what names this process among all of its host's, past ones too."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def is_gone(process: str) -> bool:
    """Return whether a process that `this_process` named has ended; of another host's that is not known: False."""
    host, _, rest = process.rpartition(" ")[0].rpartition(" ")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    number = int(rest)
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return _started(number) != process.rpartition(" ")[2]


def _started(number: int) -> str:
    """Return when a process began, in ticks since boot; `-` where the system does not tell."""
    try:
        return Path(f"/proc/{number}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return "-"


def _digest(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()

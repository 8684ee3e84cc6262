"""Promoted runs: copies in `promoted/<run id>/` that stay whatever runs later, tracked by DVC as one folder."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from water_gee.errors import ModelError, WaterGeeError
from water_gee.files import read_bytes
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs.records import KEPT, RUN_FILE, RunRecord, all_runs, file_hashes, read_record
from water_gee.sealed import read_checked


def files_of(folder: Path, record: RunRecord) -> dict[str, bytes]:
    """Return what a finished run has left, by name, its record with it.

    Raises:
        ModelError: a file of the run was changed since it ended.
    """
    kept = {
        name: read_checked(folder / name, record.files[name], "train the run again", error=ModelError)
        for name in KEPT
        if name in record.files
    }
    return {**kept, RUN_FILE: read_bytes(folder / RUN_FILE, "train the run again", error=ModelError)}


def keep(layout: Layout, record: RunRecord, files: Mapping[str, bytes]) -> Path:
    """Write a finished run's files to `promoted/`, unless they are there, and let DVC track them."""
    place = layout.promoted / record.run_id
    if read_record(place) != record or file_hashes(place) != record.files:
        half = layout.promoted / f".{record.run_id}.{os.getpid()}.tmp"
        half.mkdir(parents=True)
        try:
            for name, content in files.items():
                (half / name).write_bytes(content)
            shutil.rmtree(place, ignore_errors=True)
            half.rename(place)
        finally:
            shutil.rmtree(half, ignore_errors=True)
    _track(layout)
    return place


def promoted_runs(layout: Layout) -> list[tuple[Path, RunRecord]]:
    """Return folder and record of every promoted run that is there."""
    folders = sorted(layout.promoted.glob("[!.]*")) if layout.promoted.is_dir() else []
    return [(folder, record) for folder in folders if (record := read_record(folder))]


def known_runs(layout: Layout) -> list[tuple[Path, RunRecord]]:
    """Return folder and record of every run, the newest first: of `runs/`, and promoted ones that are gone there."""
    present = all_runs(layout)
    ids = {record.run_id for _, record in present}
    kept = [(folder, record) for folder, record in promoted_runs(layout) if record.run_id not in ids]
    return sorted([*present, *kept], key=lambda run: run[1].started, reverse=True)


def absent(layout: Layout) -> bool:
    """Return whether runs were promoted that are not here, as in a fresh clone."""
    return (layout.root / "promoted.dvc").is_file() and not layout.promoted.is_dir()


def _track(layout: Layout) -> None:
    """Bring `promoted.dvc` up to date, where the root is a DVC repository."""
    if not (layout.root / ".dvc").is_dir():
        return
    from dvc.exceptions import DvcException  # takes a second
    from dvc.repo import Repo

    try:
        with Repo(str(layout.root)) as repo:
            repo.add(str(layout.promoted))
    except DvcException as error:
        raise WaterGeeError(f"DVC cannot keep {layout.promoted} ({error}); mend that and run promote again") from error
    say("promoted.dvc tracks the promoted runs; commit it with git, and `dvc push` shares them")

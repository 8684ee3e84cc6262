"""What an area teaches a method: the surveys of its tiles and what was learned of them, half-finished work on disk.

Both lie below `work/denoise/<area>` until the stage has finished, so that a killed run goes on where it stopped.
"""

import hashlib
import io
import pickle
import shutil
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from water_gee.denoise.method import Method, Survey
from water_gee.denoise.store import ADVICE, own_seed
from water_gee.errors import TileError, WaterGeeError
from water_gee.files import write_bytes
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed, write_sealed
from water_gee.tiles import TileRecord

_FINGERPRINT = "fingerprint"  # in a survey's file: what it was made of; the names of the survey's arrays follow a _


@dataclass(frozen=True)
class Learned:
    """What a method has learned of an area, by its file, so that it need not be sent with every tile."""

    path: Path
    sha256: str

    def load(self) -> Any:
        """Return what `learn` returned; a process reads it once.

        Raises:
            TileError: the file is absent, or not the one that was written.
        """
        return _load(self.path, self.sha256)


@lru_cache(maxsize=1)  # the tiles of an area follow each other
def _load(path: Path, sha256: str) -> Any:
    return pickle.loads(read_checked(path, sha256, ADVICE, error=TileError))


@dataclass(frozen=True)
class Area:
    """The tiles of one area, in the order of their ids: what a method learns from together.

    `marks` holds, by tile's id, the fingerprint of what its survey is made of.
    """

    layout: Layout
    name: str
    records: tuple[TileRecord, ...]
    marks: Mapping[str, str]

    @property
    def mark(self) -> str:
        """The fingerprint of what is learned of the area: those of all its surveys."""
        return hashlib.sha256("\n".join(self.marks[record.id] for record in self.records).encode()).hexdigest()

    def missing(self) -> list[TileRecord]:
        """Return the tiles whose survey is absent, broken or out of date."""
        return [record for record in self.records if not self._is_surveyed(record)]

    def learned(self) -> Learned | None:
        """Return what was learned of these very tiles, None where that has not been done."""
        try:
            known = read_sealed(self._folder / "learned.json", ADVICE)
            if known["fingerprint"] != self.mark:
                return None
            read_checked(self._pickle, known["sha256"], ADVICE)
        except WaterGeeError:
            return None
        return Learned(self._pickle, known["sha256"])

    def learn(self, method: Method, seed: int) -> Learned:
        """Learn of the area's surveys, all of which are there, and keep the outcome."""
        content = pickle.dumps(method.learn(_Surveys(self), own_seed(seed, self.name)))
        write_bytes(self._pickle, content)
        sha256 = hashlib.sha256(content).hexdigest()
        write_sealed(self._folder / "learned.json", {"fingerprint": self.mark, "sha256": sha256})
        return Learned(self._pickle, sha256)

    @property
    def _folder(self) -> Path:
        return work_folder(self.layout) / self.name

    @property
    def _pickle(self) -> Path:
        return self._folder / "learned.pickle"

    def _is_surveyed(self, record: TileRecord) -> bool:
        try:
            return _read(survey_path(self.layout, record))[0] == self.marks[record.id]
        except TileError:
            return False


@dataclass(frozen=True)
class _Surveys:
    """The surveys of an area's tiles, each read when its turn comes; there may be several rounds."""

    area: Area

    def __iter__(self) -> Iterator[tuple[TileRecord, Survey]]:
        for record in self.area.records:
            path = survey_path(self.area.layout, record)
            mark, survey = _read(path)
            if mark != self.area.marks[record.id]:
                raise TileError(f"{path} was changed meanwhile; {ADVICE}")
            if survey:
                yield record, survey


def work_folder(layout: Layout) -> Path:
    """Return where surveys and what was learned of them lie until the stage has finished."""
    return layout.work / "denoise"


def forget(layout: Layout) -> None:
    """Delete the surveys and what was learned of them."""
    if work_folder(layout).exists():
        shutil.rmtree(work_folder(layout))


def survey_path(layout: Layout, record: TileRecord) -> Path:
    """Return where a tile's survey lies."""
    return work_folder(layout) / record.area / f"{record.id}.npz"


def write_survey(layout: Layout, record: TileRecord, survey: Survey | None, mark: str) -> None:
    """Write a tile's survey with the fingerprint `mark`; None as one without arrays."""
    arrays: dict[str, Any] = {f"_{name}": values for name, values in (survey or {}).items()}
    arrays[_FINGERPRINT] = np.array(mark)
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    write_bytes(survey_path(layout, record), content.getbuffer())


def _read(path: Path) -> tuple[str, Survey]:
    """Return the fingerprint and the arrays of a survey's file.

    Raises:
        TileError: the file is absent or broken.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            survey = {name.removeprefix("_"): file[name] for name in file.files if name != _FINGERPRINT}
            return str(file[_FINGERPRINT]), survey
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TileError(f"{path} is absent or broken; {ADVICE}") from error

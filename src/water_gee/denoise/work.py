"""What there is to do with one tile: the jobs of the stage, which a pool does side by side."""

import time
from dataclasses import dataclass
from typing import Literal

from water_gee.denoise.learning import Learned, write_survey
from water_gee.denoise.method import Method
from water_gee.denoise.store import own_seed, write_clean
from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.tiles import TileRecord, load_tile

Step = Literal["survey", "clean"]


@dataclass(frozen=True)
class Job:
    """A tile that is to be surveyed or cleaned, and the fingerprint to write with the outcome."""

    record: TileRecord
    fingerprint: str
    step: Step = "clean"
    learned: Learned | None = None  # of the tile's area, where the method learns

    def __str__(self) -> str:
        """Return the tile's name."""
        return f"{self.record.area}/{self.record.id}"


@dataclass(frozen=True)
class Done:
    """How a job ended: `error` is empty where the outcome is on disk."""

    record: TileRecord
    step: Step
    error: str
    seconds: float


@dataclass(frozen=True)
class Worker:
    """What all jobs of a run share."""

    layout: Layout
    method: Method
    seed: int

    def __call__(self, job: Job) -> Done:
        """Do one job and write its outcome; a failure that the user can mend is returned, not raised."""
        begun = time.monotonic()
        error = ""
        try:
            if job.step == "survey":
                self._survey(job)
            else:
                self._clean(job)
        except WaterGeeError as problem:
            error = str(problem)
        except OSError as problem:
            error = f"{problem}; see to the folder {self.layout.work if job.step == 'survey' else self.layout.clean}"
        return Done(job.record, job.step, error, time.monotonic() - begun)

    def _survey(self, job: Job) -> None:
        tile = load_tile(self.layout, job.record)
        survey = self.method.survey(tile, own_seed(self.seed, job.record.id))
        write_survey(self.layout, job.record, survey, job.fingerprint)

    def _clean(self, job: Job) -> None:
        tile = load_tile(self.layout, job.record)
        learned = job.learned.load() if job.learned else None
        clean = self.method(tile, own_seed(self.seed, job.record.id), learned)
        write_clean(self.layout, tile, clean, job.fingerprint)

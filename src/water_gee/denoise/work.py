"""One tile at a time, many side by side: the workers of the stage."""

import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait
from typing import Literal

from water_gee.denoise.learning import Learned, write_survey
from water_gee.denoise.method import Method
from water_gee.denoise.store import own_seed, write_clean
from water_gee.errors import TileError, WaterGeeError
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


def run_jobs(worker: Callable[[Job], Done], jobs: Sequence[Job], workers: int) -> Iterator[Done]:
    """Yield each job as it is finished, `workers` of them side by side.

    Raises:
        TileError: a worker process died.
    """
    if min(workers, len(jobs)) <= 1:
        yield from map(worker, jobs)
        return
    # `spawn`, since a fork of a process that has run torch or OpenMP may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context, initializer=_end_with_parent)
    try:
        futures = [pool.submit(worker, job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise TileError(
            "a worker process died, perhaps for lack of memory; run the same command again with trainer.threads=1"
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Make a worker end when the command that started it is killed, rather than wait for work for ever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""One tile at a time, many side by side: the workers of the stage."""

import multiprocessing
import os
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing.connection import wait

from water_gee.denoise.labels import Method
from water_gee.denoise.store import tile_seed, write_clean
from water_gee.errors import TileError, WaterGeeError
from water_gee.paths import Layout
from water_gee.tiles import TileRecord, load_tile


@dataclass(frozen=True)
class Job:
    """A tile whose labels are to be cleaned, and the fingerprint to write with them."""

    record: TileRecord
    fingerprint: str


@dataclass(frozen=True)
class Done:
    """How a job ended: `error` is empty where the clean labels are on disk."""

    record: TileRecord
    error: str
    seconds: float


def clean_tile(job: Job, layout: Layout, method: Method, seed: int) -> Done:
    """Clean one tile's labels and write them; a failure that the user can mend is returned, not raised."""
    begun = time.monotonic()
    record, error = job.record, ""
    try:
        tile = load_tile(layout, record)
        write_clean(layout, tile, method(tile, tile_seed(seed, record.id)), job.fingerprint)
    except WaterGeeError as problem:
        error = str(problem)
    except OSError as problem:
        error = f"{problem}; see to the folder {layout.clean}"
    return Done(record, error, time.monotonic() - begun)


def clean_tiles(jobs: Sequence[Job], layout: Layout, method: Method, seed: int, workers: int) -> Iterator[Done]:
    """Yield each tile as it is finished, `workers` of them side by side.

    Raises:
        TileError: a worker process died.
    """
    workers = min(workers, len(jobs)) if method.heavy else 1
    if workers <= 1:
        for job in jobs:
            yield clean_tile(job, layout, method, seed)
        return
    # `spawn`, since a fork of a process that has run torch or OpenMP may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=_end_with_parent)
    try:
        futures = [pool.submit(clean_tile, job, layout, method, seed) for job in jobs]
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

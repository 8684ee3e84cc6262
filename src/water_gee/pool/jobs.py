"""Jobs that are done in any order, wherever there is room, with the same outcome everywhere."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

from threadpoolctl import threadpool_limits

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True)
class Pool:
    """Who does the jobs."""

    kind: Literal["processes", "dask"] = "processes"
    processes: int = 1  # of this machine, at once; 1: the command itself
    address: str = ""  # of the Dask scheduler, as tcp://HOST:PORT
    folder: Path = Path()  # where the jobs read and write; all of Dask's workers must have it under this absolute path


def run_jobs(function: Callable[[J], R], jobs: Sequence[J], pool: Pool) -> Iterator[R]:
    """Yield what `function` returns of each job, as each is finished.

    A job computes on one thread, so that its outcome depends neither on the pool nor on what runs beside it. Jobs that
    have not begun are given up when the caller stops asking, or is interrupted.

    Args:
        function: it can be pickled, as a function of a module or an object of a class of one; what it raises is raised.
        jobs: what it is called with, one by one; the name that an error gives a job is `str(job)`.
        pool: who does them.

    Raises:
        PoolError: a worker died, or the scheduler or its workers cannot be used.
    """
    alone = partial(_on_one_thread, function)
    if pool.kind == "dask" and jobs:
        from water_gee.pool.scheduler import run_on_dask

        yield from run_on_dask(alone, jobs, pool.address, pool.folder)
    elif min(pool.processes, len(jobs)) > 1:
        from water_gee.pool.processes import run_in_processes

        yield from run_in_processes(alone, jobs, pool.processes)
    else:
        yield from map(alone, jobs)


def _on_one_thread(function: Callable[[J], R], job: J) -> R:
    """Call a function while the libraries that compute on many threads are held to one."""
    with threadpool_limits(limits=1):
        return function(job)

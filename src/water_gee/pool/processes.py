"""Jobs in processes of this machine, which end with the command that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from typing import TypeVar

from water_gee.errors import PoolError

J = TypeVar("J")
R = TypeVar("R")


def run_in_processes(function: Callable[[J], R], jobs: Sequence[J], processes: int) -> Iterator[R]:
    """Yield what `function` returns of each job, as each is finished.

    Raises:
        PoolError: a process died.
    """
    # `spawn`, since a fork of a process that has run torch or OpenMP may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(processes, len(jobs)), mp_context=context, initializer=_begin)
    try:
        for future in as_completed([pool.submit(function, job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool as error:
        raise PoolError(
            "a worker process died, perhaps for lack of memory; run the same command again with cluster.workers=1"
        ) from error
    finally:
        # What has begun is waited for: nothing writes on behind the command's back.
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """Make a worker end when the command that started it is killed, and at once, without a word, on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

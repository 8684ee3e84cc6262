"""Jobs in processes of this machine, which end with the command that started them."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import resource_tracker
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
        with _interrupts_kept():
            futures = [pool.submit(function, job) for job in jobs]
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise PoolError(
            "a worker process died, perhaps for lack of memory; run the same command again with cluster.workers=1"
        ) from error
    finally:
        # What has begun is waited for: nothing writes on behind the command's back.
        pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Have Ctrl-C come only after the block, and to a process that is started in it when that has begun.

    Until then Python itself would answer it, with a traceback.
    """
    resource_tracker.ensure_running()  # else it starts with the first process, and lets Ctrl-C in again
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _begin() -> None:
    """Make a worker end when the command that started it is killed, and at once, without a word, on Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()

"""Several requests at once."""

import threading
from collections.abc import Callable, Iterable, Iterator
from queue import Empty, SimpleQueue
from typing import TypeVar

J = TypeVar("J")
R = TypeVar("R")


def in_parallel(work: Callable[[J], R], jobs: Iterable[J], workers: int) -> Iterator[R]:
    """Yield `work(job)` for each job as it is done, `workers` of them at once; an exception of `work` is raised here.

    When the caller stops early, or Ctrl-C falls, no further job begins. The threads are daemons, unlike those of
    `concurrent.futures`: the program's end need not wait for requests that may take minutes.
    """
    waiting: SimpleQueue[J] = SimpleQueue()
    done: SimpleQueue[tuple[R | None, BaseException | None]] = SimpleQueue()
    stopped = threading.Event()
    count = 0
    for job in jobs:
        waiting.put(job)
        count += 1

    def run() -> None:
        while not stopped.is_set():
            try:
                job = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((work(job), None))
            except BaseException as error:
                done.put((None, error))

    for number in range(min(workers, count)):
        threading.Thread(target=run, name=f"request-{number}", daemon=True).start()
    try:
        for _ in range(count):
            result, error = done.get()
            if error is not None:
                raise error
            yield result  # type: ignore[misc]  # set where there is no error; None may be a result
    finally:
        stopped.set()

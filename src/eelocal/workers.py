"""A few daemon threads for heavy work: requests queue for them, and a running job can be told to stop."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from eelocal.errors import EEError

_current = threading.local()
_LISTEN = 0.1  # seconds between two looks at whether the client is still there

GONE = EEError("The client closed the connection.", 499, "CANCELLED")
"""Why work ends whose client went away; nobody reads it."""


def never() -> bool:
    """Return False: there is no client that could go away."""
    return False


class Job:
    """A piece of work, waiting, running or done."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self._started = threading.Event()
        self._done = threading.Event()
        self._result: Any = None
        self._error: BaseException | None = None
        self._reason: EEError | None = None

    def run(self) -> None:
        """Do the work on this thread and keep what comes of it."""
        _current.job = self
        self._started.set()
        try:
            checkpoint()
            self._result = self._work()
        except BaseException as error:  # it is raised again on the thread that waits
            self._error = error
        finally:
            _current.job = None
            self._done.set()

    def stop(self, reason: EEError) -> None:
        """Let the job's next `checkpoint` raise `reason`."""
        self._reason = reason

    def wait(self, seconds: float, late: EEError, gone: Callable[[], bool] = never) -> Any:
        """Return the job's result; time in the queue does not count.

        Args:
            seconds: how long it may run.
            late: what is raised when it runs longer.
            gone: returns whether the client went away; then the job is stopped, waiting or running.

        Raises:
            EEError: `late`, `GONE`, or whatever the work raised.
        """
        self._listen(self._started, None, gone)
        if not self._listen(self._done, seconds, gone):
            self.stop(late)
            raise late.again()
        if self._error is not None:
            raise self._error
        return self._result

    def _listen(self, event: threading.Event, seconds: float | None, gone: Callable[[], bool]) -> bool:
        """Wait for an event as long as the client is there; return whether it came within `seconds`."""
        end = math.inf if seconds is None else time.monotonic() + seconds
        while not event.wait(min(_LISTEN, max(0.0, end - time.monotonic()))):
            if gone():
                self.stop(GONE)
                raise GONE.again()
            if time.monotonic() >= end:
                return event.is_set()
        return True

    def raise_if_stopped(self) -> None:
        """Raise the reason that `stop` gave, if it was called."""
        if self._reason is not None:
            raise self._reason.again()


def checkpoint() -> None:
    """Stop here if the job that this thread works on was stopped.

    Each algorithm of an expression, each node of a plan and each window of an asset that is read comes by here.
    """
    job: Job | None = getattr(_current, "job", None)
    if job is not None:
        job.raise_if_stopped()


class Workers:
    """`count` daemon threads, started when first needed; daemons, so that they never keep a process alive."""

    def __init__(self, count: int, name: str) -> None:
        self._count, self._name = count, name
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads: list[threading.Thread] = []

    def submit(self, work: Callable[[], Any]) -> Job:
        """Queue `work`."""
        job = Job(work)
        with self._lock:
            if len(self._threads) < self._count:
                thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
                self._threads.append(thread)
                thread.start()
        self._queue.put(job)
        return job

    def close(self) -> None:
        """Let the threads end after what is queued."""
        for _ in self._threads:
            self._queue.put(None)

    def _serve(self) -> None:
        while (job := self._queue.get()) is not None:
            job.run()

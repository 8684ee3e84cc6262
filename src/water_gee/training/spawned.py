"""Processes of this machine that do one work together, and end with the one that started them."""

import multiprocessing
import os
import pickle
import shutil
import signal
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from water_gee.errors import ModelError, WaterGeeError
from water_gee.surroundings import one_line
from water_gee.training.ddp import Place
from water_gee.training.history import OnEpoch

Work = Callable[[Place, Path, OnEpoch], Any]  # by a process' place, the file to meet through, and whom to tell epochs
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE = 3.0  # seconds in which a process whose end made another one fail is seen to have ended


@dataclass(frozen=True)
class _Failure:
    rank: int
    when: float  # of the machine's clock; 0 where a process ended without a word, as one that is killed
    error: WaterGeeError | None
    line: str
    trace: str = ""  # of a mistake of the program

    @property
    def is_cause(self) -> bool:
        """Whether it cannot be that another process is gone."""
        return not self.trace


@contextmanager
def started(work: Work, world: int) -> Iterator[Callable[[OnEpoch | None], Any]]:
    """Let processes begin a work; yields a function that waits for its end. However the block is left, they end.

    The function takes who is told of the epochs (each waits until it has been told), and returns what the process of
    rank 0 returns. They end, too, when this process ends in any way.

    Args:
        work: what each does; picklable.
        world: processes.

    Raises:
        WaterGeeError: what one of them raised.
        ModelError: one of them failed in another way; names it and its last words.
    """
    context = multiprocessing.get_context("spawn")  # a fork of a process that has run torch or OpenMP may hang
    folder = Path(tempfile.mkdtemp(prefix="water-gee-"))
    processes: dict[Connection, BaseProcess] = {}
    try:
        for rank in range(world):
            here, there = context.Pipe()
            process: BaseProcess = context.Process(
                target=_begin, args=(work, Place(rank, world, rank, world), folder / "meeting", there), daemon=True
            )
            processes[here] = process  # before it starts: whatever comes between, it is ended
            with _ignoring_signals():
                process.start()
            there.close()
        yield lambda on_epoch: _listen(processes, on_epoch)
    finally:
        for process in processes.values():
            if process.pid is not None:
                process.kill()  # they have nothing to save, and may be waiting for one another
                process.join()
        shutil.rmtree(folder, ignore_errors=True)


def _listen(processes: dict[Connection, BaseProcess], on_epoch: OnEpoch | None) -> Any:
    """Pass on the epochs until all have ended well; return what the first returns."""
    ranks = {pipe: rank for rank, pipe in enumerate(processes)}
    working, result = dict(processes), None
    while working:
        for pipe in wait(list(working)):
            assert isinstance(pipe, Connection)
            message = _received(ranks[pipe], pipe, working[pipe])
            if isinstance(message, _Failure):
                del working[pipe]
                _fail(message, {other: (ranks[other], process) for other, process in working.items()}, len(ranks))
            elif isinstance(message, bytes):
                del working[pipe]
                result = pickle.loads(message) if ranks[pipe] == 0 else result
            else:
                if on_epoch:
                    on_epoch(*message)
                with suppress(OSError):  # it has ended meanwhile, which the next look shows
                    pipe.send(None)
    return result


def _received(rank: int, pipe: Connection, process: BaseProcess) -> Any:
    try:
        return pipe.recv()
    except (EOFError, OSError):
        process.join()
        code = process.exitcode or 0
        if code < 0:
            name = signal.Signals(-code).name
            line = f"it was killed by {name}; if that was for want of memory, use fewer processes"
        else:
            line = f"it left no word but exit code {code}"
        return _Failure(rank, 0.0, None, line)


def _fail(first: _Failure, others: dict[Connection, tuple[int, BaseProcess]], world: int) -> None:
    """Raise what made the processes fail: the earliest failure, as the others only lost that process."""
    failures, until = [first], time.monotonic() + _GRACE
    while others and not any(one.is_cause for one in failures) and (left := until - time.monotonic()) > 0:
        for pipe in wait(list(others), left):
            assert isinstance(pipe, Connection)
            message = _received(others[pipe][0], pipe, others[pipe][1])
            if isinstance(message, _Failure):
                failures.append(message)
            del others[pipe]
    cause = min(failures, key=lambda one: (not one.is_cause, one.when))
    if cause.error:
        raise cause.error
    print(cause.trace, end="", file=sys.stderr)
    raise ModelError(f"training process {cause.rank + 1} of {world} ended: {cause.line}")


def _begin(work: Work, place: Place, meeting: Path, pipe: Connection) -> None:
    """Do a process' part of the work and tell how it ended."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the process that started this one decides
    threading.Thread(target=_end_with_parent, args=(meeting.parent,), daemon=True).start()

    def tell(epoch: int, metrics: Any) -> None:
        pipe.send((epoch, dict(metrics)))
        pipe.recv()

    try:
        result = work(place, meeting, tell)
        pipe.send(pickle.dumps(result if place.rank == 0 else None))
    except Exception as error:
        when, line = time.monotonic(), one_line(error)
        told = error if isinstance(error, WaterGeeError) else None
        last = f"{type(error).__name__}: {' '.join(str(error).split())}"
        pipe.send(_Failure(place.rank, when, told, line or last, "" if line else traceback.format_exc()))


def _end_with_parent(folder: Path) -> None:
    """End this process with the one that started it, whatever is going on here."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    shutil.rmtree(folder, ignore_errors=True)  # a killed process could not
    os._exit(1)


@contextmanager
def _ignoring_signals() -> Iterator[None]:
    """Ignore the signals to end within the block: so does a process started in it, from its first moment."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

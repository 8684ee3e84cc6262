"""Jobs for the tests of the pool: functions that the processes of a pool can load."""

import os
import time
from pathlib import Path

import numpy  # noqa: F401  # loads a library that computes on many threads
from threadpoolctl import threadpool_info


def square(number: int) -> int:
    return number * number


def slow(number: int) -> int:
    time.sleep(0.2)
    return number


def meet(folder: Path, many: int) -> int:
    """Wait until so many processes have come here; return this one's number."""
    (folder / f"process {os.getpid()}").touch()
    until = time.monotonic() + 180
    while len(list(folder.glob("process *"))) < many and time.monotonic() < until:
        time.sleep(0.01)
    return os.getpid()


def broken(number: int) -> int:
    return 1 // (number - 2)


def threads(number: int) -> int:
    return max(library["num_threads"] for library in threadpool_info())


def die(number: int) -> int:
    if number == 2:
        os._exit(9)
    return number


def die_once(marker: Path) -> str:
    """Kill the first process that gets this job."""
    if not marker.exists():
        marker.touch()
        os._exit(9)
    return marker.name


def note(marker: Path) -> Path:
    """Take 0.1 s and leave a file."""
    time.sleep(0.1)
    marker.touch()
    return marker


def alone(folder: Path) -> bool:
    """Return whether no other job ran in this process at the same time."""
    mine = folder / str(os.getpid())
    try:
        mine.touch(exist_ok=False)
    except FileExistsError:
        return False
    time.sleep(0.05)
    mine.unlink()
    return True

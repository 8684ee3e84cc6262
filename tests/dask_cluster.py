"""A Dask scheduler and workers on this machine's loopback, each a process of its own."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Cluster:
    """The processes of a cluster, and how to reach it."""

    address: str
    scheduler: subprocess.Popen
    workers: list[subprocess.Popen]


@contextmanager
def dask_cluster(folder: Path, *, workers: int = 2, threads: int = 1, failures: int = 3) -> Iterator[Cluster]:
    """Start a cluster whose files lie in `folder`, and end it.

    Its workers are not started again when they die; a job may cost `failures` of them.
    """
    pytest.importorskip("distributed", reason="needs the extra dask: make setup")
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "tests")]),
        "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(failures),
        "DASK_TEMPORARY_DIRECTORY": str(folder),
    }
    known = folder / "scheduler.json"
    known.unlink(missing_ok=True)  # an earlier cluster's
    started: list[subprocess.Popen] = []

    def start(program: str, *options: str) -> subprocess.Popen:
        here = ["--host", "127.0.0.1", "--dashboard-address", "127.0.0.1:0"]  # which --no-dashboard would open to all
        command = [sys.executable, "-m", f"distributed.cli.{program}", *here]
        with (folder / f"{program}-{len(started)}.log").open("w", encoding="utf-8") as log:
            process = subprocess.Popen(
                [*command, "--scheduler-file", str(known), *options], env=environment, stdout=log, stderr=log
            )
        started.append(process)
        return process

    try:
        scheduler = start("dask_scheduler", "--port", "0")
        address = _address(known, scheduler)
        crew = [start("dask_worker", "--no-nanny", "--nthreads", str(threads)) for _ in range(workers)]
        _wait_for(workers, address)
        yield Cluster(address, scheduler, crew)
    finally:
        for process in started:
            process.kill()
            process.wait()


def _address(known: Path, scheduler: subprocess.Popen) -> str:
    until = time.monotonic() + 180
    while time.monotonic() < until and scheduler.poll() is None:
        try:
            return json.loads(known.read_text(encoding="utf-8"))["address"]
        except (OSError, ValueError):  # not there yet, or not whole
            time.sleep(0.05)
    raise AssertionError("the scheduler did not start")


def _wait_for(workers: int, address: str) -> None:
    from distributed import Client

    with Client(address, set_as_default=False) as client:
        if workers:
            client.wait_for_workers(workers, timeout=180)

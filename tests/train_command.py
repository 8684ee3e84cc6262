"""`python train.py` as a process of its own, and what it leaves in MLflow."""

import os
import subprocess
import sys
import time
from pathlib import Path

TRAIN = Path(__file__).resolve().parents[1] / "train.py"


def start(*arguments: str, **options) -> subprocess.Popen[str]:
    """Start the command; its output is piped unless told otherwise."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    environment = {**os.environ, "COLUMNS": "120"}
    return subprocess.Popen(
        [sys.executable, str(TRAIN), *arguments],
        cwd=TRAIN.parent,
        env=environment,
        **options,
        encoding="utf-8",
    )


def command(*arguments: str) -> tuple[int, str, str]:
    """Run the command to its end; return its code, output and errors."""
    process = start(*arguments)
    out, err = process.communicate(timeout=600)
    return process.returncode, out, err


def wait_for(reached, process: subprocess.Popen[str], seconds: float = 400) -> None:
    """Wait until a function says true; fail where the process ends or the time is over before."""
    until = time.monotonic() + seconds
    while not reached():
        assert process.poll() is None, "the command ended too early"
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)


def mlflow_runs(layout) -> list:
    """Return every run of every experiment."""
    from water_gee.tracking.database import connect

    client = connect(layout)
    return list(client.search_runs([one.experiment_id for one in client.search_experiments()]))


def parents_and_children(layout) -> tuple[list, list]:
    """Return the runs of sweeps and searches, and the others."""
    runs = mlflow_runs(layout)
    return [run for run in runs if "kind" in run.data.tags], [run for run in runs if "kind" not in run.data.tags]

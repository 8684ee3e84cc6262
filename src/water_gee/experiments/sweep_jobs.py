"""The jobs of a sweep, started by Hydra and its launchers: here, or in other processes."""

import os
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig

from water_gee.config.compose import register, repository, with_study
from water_gee.config.settings import load
from water_gee.errors import WaterGeeError
from water_gee.experiments.job import run_job
from water_gee.experiments.jobs import Jobs
from water_gee.experiments.sweep import close_sweep, open_sweep
from water_gee.experiments.workers import end_with, tell_failure
from water_gee.output import quieten
from water_gee.progress import say
from water_gee.runs import this_process

_PARENT = "WATER_GEE_SWEEP"  # the sweep's run, jobs and process, for jobs that a launcher starts in other processes


def sweep(jobs: Jobs) -> None:
    """Train every combination with Hydra; a job that fails does not stop the others.

    Raises:
        WaterGeeError: jobs failed.
    """
    opened = open_sweep(jobs.overrides, jobs.settings)
    os.environ[_PARENT] = f"{opened.run_id} {opened.jobs} {this_process()}"
    interrupted = True
    try:
        with tempfile.TemporaryDirectory() as scratch:  # Hydra's own output has nothing that the runs do not say
            # A cluster's jobs read what submitit left for them, which is no business of this machine's alone.
            kept = any(one.startswith(("hydra.sweep", "hydra/launcher=submitit")) for one in jobs.overrides)
            folder = ["--config-dir", str(Path(jobs.config_dir).resolve())] if jobs.config_dir else []
            extra = [] if kept else [f"hydra.sweep.dir={scratch}"]
            sys.argv = ["train.py", "-m", *folder, *extra, *with_study(jobs.overrides, jobs.config_dir)]
            hydra.main(config_path=str(repository() / "conf"), config_name="config", version_base="1.3")(_task)()
        interrupted = False
    finally:
        failed = close_sweep(opened, interrupted=interrupted)
    if failed:
        raise WaterGeeError(f"{failed} of {opened.jobs} jobs failed; the others are whole")


def _task(composed: Any) -> float:
    """Train one job of a sweep, here or in a process that a launcher started; return its validation IoU."""
    register()  # named here so that another process imports it with this function, before Hydra composes there
    parent, jobs, process = os.environ[_PARENT].split(" ", 2)
    if process != this_process():
        quieten()
        end_when_told()
        end_with(process)
    own = list(HydraConfig.get().overrides.task)
    say(f"job {HydraConfig.get().job.num + 1} of {jobs}: {' '.join(own)}")
    try:
        return run_job(load(composed), own, parent=parent).iou
    except Exception as error:
        tell_failure(own, error)
        return float("nan")  # the other jobs go on; the summary repeats what failed


def end_when_told() -> None:
    """Let a process that gets the signal to end mark its run as killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))

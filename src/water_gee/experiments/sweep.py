"""A sweep: a parent run in MLflow, its jobs as children, and at the end a comparison of them."""

import hashlib
import json
import shlex
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from mlflow import MlflowClient
from mlflow.entities import Run

from water_gee.config.compose import repository
from water_gee.config.settings import Settings
from water_gee.config.sweeps import expand, swept
from water_gee.denoise import training_records
from water_gee.errors import ConfigError
from water_gee.experiments.start import training_key
from water_gee.experiments.sweep_table import print_summary
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs import FAILED, FINISHED, KILLED, RUNNING, lineage, this_process
from water_gee.tracking import (
    GIVEN_UP_TAG,
    KEY_TAG,
    PARENT_TAG,
    PROCESS_TAG,
    connect,
    end_dead_runs,
    experiment,
    is_ours,
    log_best,
    log_curves,
    whose,
    word_tags,
)

_SWEEP_TAG = "water_gee.sweep"
_NOT_THE_SWEEP = ("study=", "paths.", "hydra")  # where it runs and is kept, not what is swept


@dataclass
class Sweep:
    """A sweep that is going on."""

    layout: Layout
    client: MlflowClient
    experiment_id: str
    run_id: str
    jobs: int
    keys: Sequence[str] = ()  # what differs between the jobs, as on the command line

    def children(self) -> list[Run]:
        """Return the sweep's runs, the best first, of each job only the finished or else the latest."""
        runs = self.client.search_runs([self.experiment_id], f"tags.`{PARENT_TAG}` = '{self.run_id}'")
        of_job: dict[str, Run] = {}
        for run in sorted(runs, key=lambda run: (run.info.status == FINISHED, run.info.start_time)):
            of_job[run.data.tags.get(KEY_TAG, run.info.run_id)] = run
        return sorted(of_job.values(), key=lambda run: run.data.metrics.get("valid/iou", -1.0), reverse=True)


def open_sweep(overrides: Sequence[str], jobs: Sequence[Settings]) -> Sweep:
    """Return the sweep of these overrides: a new one, or the same one, cut off or finished, taken up again.

    Args:
        overrides: the command line, `seed=0,1` as one of them.
        jobs: the settings of each combination, in the order of `expand`.

    Raises:
        TileError: the tiles or labels are not there yet.
        ConfigError: the combinations are no sweep of one study, or the sweep is running in another process.
    """
    _check_one_study(jobs)
    layout = Layout.of(jobs[0])
    origin = lineage(layout, training_records(layout), repository())
    keys = [training_key(job, origin) for job in jobs]
    _check_all_differ(keys, expand(overrides))
    told = [override for override in overrides if not override.startswith(_NOT_THE_SWEEP)]
    key = digest([*sorted(told), *keys])
    return begin(layout, jobs[0].study.name, key, "sweep", told, len(jobs), swept(overrides), jobs[0].tags)


def begin(
    layout: Layout,
    study: str,
    key: str,
    kind: str,
    told: Sequence[str],
    jobs: int,
    keys: Sequence[str],
    words: Sequence[str] = (),
) -> Sweep:
    """Return the sweep of a key, whose parent run is now running: a new one, or the earlier one below this root.

    Args:
        layout: of the root.
        study: whose experiment it is in.
        key: of the whole sweep.
        kind: `sweep` or `search`.
        told: what the user chose.
        jobs: how many there will be.
        keys: what differs between them.
        words: of the user, to find it by.

    Raises:
        ConfigError: it is running in another process of this machine.
    """
    client = connect(layout)
    experiment_id = experiment(client, layout, study)
    end_dead_runs(client, experiment_id, layout)
    found = client.search_runs([experiment_id], f"tags.`{_SWEEP_TAG}` = '{key}'")
    earlier = [run for run in found if is_ours(run, layout)]
    for run in earlier:
        process = run.data.tags.get(PROCESS_TAG, "")
        if run.info.status == RUNNING and process.startswith(f"{socket.gethostname()} ") and process != this_process():
            raise ConfigError(f"this {kind} is running already, in process {process.split()[1]}; wait for it or end it")
    taken_up = next((run.info.run_id for run in earlier if run.info.status != RUNNING), None)
    if taken_up:
        client.update_run(taken_up, status=RUNNING)
        client.set_tag(taken_up, PROCESS_TAG, this_process())
        say(f"this {kind} was begun before; going on in it ({jobs} jobs)")
        return Sweep(layout, client, experiment_id, taken_up, jobs, keys)
    tags = {
        _SWEEP_TAG: key, PROCESS_TAG: this_process(), "mlflow.source.name": "train.py", "kind": kind,
        "overrides": shlex.join(told), **word_tags(words), **whose(layout),
    }  # fmt: skip
    run_id = client.create_run(experiment_id, run_name=f"{kind} {' '.join(told)}"[:120], tags=tags).info.run_id
    return Sweep(layout, client, experiment_id, run_id, jobs, keys)


def close_sweep(sweep: Sweep, *, interrupted: bool = False) -> int:
    """Compare the children, on the parent run and on the terminal; return how many jobs did not finish.

    A job that a search gave up has finished in this sense.
    """
    end_dead_runs(sweep.client, sweep.experiment_id, sweep.layout)  # of a launcher's other processes
    children = sweep.children()
    finished = [run for run in children if run.info.status == FINISHED]
    given_up = [run for run in children if run.info.status == KILLED and GIVEN_UP_TAG in run.data.tags]
    failed = sum(run.info.status == FAILED for run in children)
    if finished:
        log_best(sweep.client, sweep.run_id, finished)
    if finished and not interrupted:
        log_curves(sweep.client, sweep.run_id, finished[0])
    missing: int = max(failed, sweep.jobs - len(finished) - len(given_up))
    status = KILLED if interrupted else FAILED if missing else FINISHED
    sweep.client.set_terminated(sweep.run_id, status)
    print_summary(children, sweep.jobs, sweep.keys)
    return missing


def digest(parts: Sequence[str]) -> str:
    """Return a key of 16 hexadecimal digits."""
    return hashlib.sha256(json.dumps(list(parts)).encode()).hexdigest()[:16]


def _check_one_study(jobs: Sequence[Settings]) -> None:
    if len(studies := dict.fromkeys(job.study.name for job in jobs)) > 1:
        raise ConfigError(f"study={','.join(studies)}: a sweep is of one study; start one sweep for each")
    if len(roots := dict.fromkeys(job.paths.root for job in jobs)) > 1:
        raise ConfigError(f"paths.root={','.join(roots)}: a sweep has one root; start one sweep for each")
    if any(job.search.method != "none" for job in jobs):
        raise ConfigError("search=optuna is not swept over; put the values into search.space as choices")
    if len(jobs) > 1 and any(job.run.name for job in jobs):
        raise ConfigError(f"run.name={jobs[0].run.name} names one run; leave it out of a sweep, which names its own")


def _check_all_differ(keys: Sequence[str], overrides: Sequence[Sequence[str]]) -> None:
    """Refuse two jobs that would come out the same, and side by side would be trained twice."""
    first: dict[str, int] = {}
    for number, key in enumerate(keys):
        if (same := first.setdefault(key, number)) != number:
            one, other = (" ".join(overrides[place]) for place in (same, number))
            raise ConfigError(
                f"two jobs of the sweep are the same training: {one}, and {other}; sweep over each value once, and "
                "only over what training reads (model, data, trainer, features, seed)"
            )

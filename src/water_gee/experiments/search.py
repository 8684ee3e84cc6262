"""A search: each trial is a run like a sweep's job, hopeless ones are given up, and what was cut off goes on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import optuna
from optuna.trial import TrialState

from water_gee.config.compose import compose, repository
from water_gee.config.search import Dimension
from water_gee.config.settings import Settings, load
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.experiments.job import FinishedJob, run_job
from water_gee.experiments.jobs import Jobs
from water_gee.experiments.search_figures import log_search
from water_gee.experiments.start import training_key
from water_gee.experiments.sweep import Sweep, begin, close_sweep, digest
from water_gee.experiments.trials import next_trial, open_study, overrides_of, trials_of, try_again
from water_gee.experiments.workers import tell_failure
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs import lineage
from water_gee.tracking import GivenUp
from water_gee.training import OnEpoch


class RunTrial(Protocol):
    """Trains by settings and overrides, as a child of a run, and tells each epoch."""

    def __call__(self, settings: Settings, overrides: Sequence[str], *, parent: str, on_epoch: OnEpoch) -> FinishedJob:
        """Return the job when it is finished."""
        ...


@dataclass(frozen=True)
class Search:
    """A search that is going on."""

    settings: Settings
    fixed: Sequence[str]  # what the user chose, one value a key
    config_dir: str | None
    space: Mapping[str, Dimension]
    study: optuna.Study
    sweep: Sweep


def search(jobs: Jobs) -> None:
    """Let Optuna choose; each trial is a run like a sweep's job.

    Raises:
        WaterGeeError: trials failed.
    """
    if failed := run_search(jobs.first, jobs.overrides, jobs.config_dir):
        raise WaterGeeError(f"{failed} of {jobs.first.search.trials} trials failed; the same command tries them again")


def run_search(
    settings: Settings, overrides: Sequence[str], config_dir: str | None = None, run: RunTrial = run_job
) -> int:
    """Try `search.trials` sets of choices, less those that an earlier start has tried; return how many failed.

    Args:
        settings: the configuration of the search.
        overrides: what the user chose, one value a key.
        config_dir: the user's own groups.
        run: trains a trial.

    Raises:
        ConfigError: a key or value of the space does not exist, or nothing is left to search.
        TileError: the tiles or labels are not there yet.
    """
    fixed = [one for one in overrides if not one.lstrip("+~").startswith("search")]
    space = open_space(settings, fixed)
    for corner in corners(space):
        _settings([*fixed, *corner], config_dir)  # a mistake in the space ends it before anything is written
    layout = Layout.of(settings)
    key = search_key(settings, space, layout)
    told = [one for one in fixed if not one.startswith(("study=", "paths."))]
    sweep = begin(
        layout, settings.study.name, key, "search", told, settings.search.trials, list(space), settings.tags
    )  # fmt: skip
    interrupted = True
    try:
        study = open_study(layout, f"{settings.study.name}-{key}", settings.search)
        going_on = Search(settings, fixed, config_dir, space, study, sweep)
        try_again(study)
        while trial := next_trial(study, space, settings.search, settings.seed):
            _try(going_on, trial, run)
        log_search(sweep.client, sweep.run_id, study)
        # The sampler may propose the very same choices twice; they are then trained once.
        sweep.jobs = len({tuple(overrides_of(one.params)) for one in trials_of(study)})
        interrupted = False
    finally:
        failed = close_sweep(sweep, interrupted=interrupted)
    return failed


def open_space(settings: Settings, fixed: Sequence[str]) -> dict[str, Dimension]:
    """Return what is searched: the space, without the keys that the command line fixes.

    Raises:
        ConfigError: nothing is left, or a run's name is fixed.
    """
    if settings.run.name:
        raise ConfigError(f"run.name={settings.run.name} names one run; leave it out of a search, which names its own")
    named = {one.lstrip("+~").partition("=")[0] for one in fixed}
    for key, one in settings.search.space.items():
        if one is not None and key in named:
            say(f"{key} is fixed on the command line, so it is not searched")
    left = {key: one for key, one in settings.search.space.items() if one is not None and key not in named}
    if not left:
        raise ConfigError("nothing is left to search; add a key: '+search.space={model.lr: {low: 1e-4, high: 1e-2}}'")
    return left


def corners(space: Mapping[str, Dimension]) -> list[list[str]]:
    """Return overrides that together hold every bound and choice of a space."""
    values = [one.choices if one.choices is not None else [one.low, one.high] for one in space.values()]
    return [
        overrides_of({key: some[number % len(some)] for key, some in zip(space, values, strict=True)})
        for number in range(max(map(len, values)))
    ]


def search_key(settings: Settings, space: Mapping[str, Dimension], layout: Layout) -> str:
    """Return what two starts of one search share: all but the number of trials, which may be raised."""
    origin = lineage(layout, training_records(layout), repository())
    how = settings.search.model_dump_json(exclude={"trials", "space"})
    return digest(
        [training_key(settings, origin), how, *(f"{key} {space[key].model_dump_json()}" for key in sorted(space))]
    )


def _settings(overrides: Sequence[str], config_dir: str | None) -> Settings:
    """Return the settings of a trial, which is no search itself."""
    return load(compose([*overrides, "search=none"], config_dir))


def _try(searching: Search, trial: optuna.Trial, run: RunTrial) -> None:
    """Run one trial and tell Optuna how it ended."""
    study, sweep = searching.study, searching.sweep
    chosen = overrides_of({key: trial.params[key] for key in searching.space})
    done = sum(one.state.is_finished() for one in trials_of(study))
    say(f"trial {done + 1} of {searching.settings.search.trials}: {' '.join(chosen)}")
    overrides = [*searching.fixed, *chosen]
    try:
        settings = _settings(overrides, searching.config_dir)
        report = _report(study, trial, settings.trainer.epochs)
        job = run(settings, overrides, parent=sweep.run_id, on_epoch=report)
    except GivenUp:
        study.tell(trial, state=TrialState.PRUNED)
    except Exception as error:
        study.tell(trial, state=TrialState.FAIL)  # the others go on; the next start tries it again
        tell_failure(chosen, error)
    except BaseException:
        study.tell(trial, state=TrialState.FAIL)  # interrupted
        raise
    else:
        trial.set_user_attr("run", job.folder.name)
        study.tell(trial, job.iou)


def _report(study: optuna.Study, trial: optuna.Trial, epochs: int) -> OnEpoch:
    """Return what takes each epoch of a trial; it raises `GivenUp` where going on is not worth it."""
    last = study.get_trials(deepcopy=False)[trial.number].last_step  # of an attempt that was cut off
    seen = -1 if last is None else last

    def report(epoch: int, metrics: Mapping[str, float]) -> None:
        if epoch > seen:
            trial.report(float(metrics["valid_iou"]), epoch)
        if seen <= epoch < epochs - 1 and trial.should_prune():
            say(f"given up after epoch {epoch + 1}: it falls behind the other trials")
            raise GivenUp(epoch + 1)

    return report

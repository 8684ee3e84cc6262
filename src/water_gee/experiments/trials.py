"""The trials of a search, in Optuna's database: what is proposed next, and what is tried again.

The sampler is the Tree-structured Parzen Estimator (Bergstra et al., 2011). It is seeded anew for each trial, so that
a search that was killed and started again proposes what the undisturbed one would have.
"""

from collections.abc import Mapping
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import SQLAlchemyError

from water_gee.config.search import Dimension, SearchSettings
from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.runs import is_gone, this_process
from water_gee.surroundings import from_outside
from water_gee.tracking import address

_PROCESS, _REPEATS = "process", "repeats"  # kept with a trial: who tries it, and which one it tries again
_SEEDS = 10_000  # apart, so that two seeds of the configuration share no trial's
_PATIENCE = 60  # seconds that a write waits for another process


def open_study(layout: Layout, name: str, settings: SearchSettings) -> optuna.Study:
    """Return the study of a name in `search.db`, which is made where there is none.

    Raises:
        WaterGeeError: the file is not a database of this Optuna.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    uri = address(layout.searches)
    try:
        storage = optuna.storages.RDBStorage(uri, engine_kwargs={"connect_args": {"timeout": _PATIENCE}})
        return optuna.create_study(
            storage=storage, study_name=name, direction="maximize", pruner=_pruner(settings), load_if_exists=True
        )
    except (SQLAlchemyError, RuntimeError) as error:
        raise WaterGeeError(
            from_outside(error)
            or f"{layout.searches} does not open ({str(error).splitlines()[0]}); move it away, or if an older Optuna "
            f"wrote it: optuna storage upgrade --storage '{uri}'"
        ) from error


def _pruner(settings: SearchSettings) -> Any:
    if settings.pruner == "median":
        return optuna.pruners.MedianPruner(n_startup_trials=settings.startup, n_warmup_steps=settings.warmup)
    if settings.pruner == "halving":
        return optuna.pruners.SuccessiveHalvingPruner(min_resource=settings.warmup + 1, reduction_factor=2)
    return optuna.pruners.NopPruner()


def trials_of(study: optuna.Study) -> list[FrozenTrial]:
    """Return the trials, of one that was tried again only the last attempt."""
    found = study.get_trials(deepcopy=False)
    repeated = {trial.user_attrs.get(_REPEATS) for trial in found}
    return [trial for trial in found if trial.number not in repeated]


def try_again(study: optuna.Study) -> None:
    """Queue what failed, or was cut off with the process that tried it, with the same choices."""
    for trial in trials_of(study):
        process = trial.user_attrs.get(_PROCESS, "")
        if trial.state == TrialState.RUNNING and (not process or is_gone(process)):
            study.tell(trial.number, state=TrialState.FAIL)
        elif trial.state != TrialState.FAIL:
            continue
        study.add_trial(
            optuna.trial.create_trial(
                state=TrialState.WAITING, params=trial.params, distributions=trial.distributions,
                user_attrs={_REPEATS: trial.number}, intermediate_values=trial.intermediate_values,
            )
        )  # fmt: skip


def next_trial(
    study: optuna.Study, space: Mapping[str, Dimension], settings: SearchSettings, seed: int
) -> optuna.Trial | None:
    """Return the next trial with its choices made, or None where all have been tried."""
    found = trials_of(study)
    if len(found) >= settings.trials and all(trial.state != TrialState.WAITING for trial in found):
        return None
    own = (seed * _SEEDS + len(found)) % 2**32
    study.sampler = optuna.samplers.TPESampler(n_startup_trials=settings.startup, seed=own)
    trial = study.ask({key: distribution(one) for key, one in space.items()})
    trial.set_user_attr(_PROCESS, this_process())
    return trial


def distribution(one: Dimension) -> Any:
    """Return a dimension as Optuna knows it."""
    if one.choices is not None:
        return optuna.distributions.CategoricalDistribution(one.choices)
    kind = optuna.distributions.IntDistribution if one.whole else optuna.distributions.FloatDistribution
    return kind(one.low, one.high, log=one.log, step=one.step or (1 if one.whole else None))


def overrides_of(params: Mapping[str, Any]) -> list[str]:
    """Return choices as overrides; numbers to four digits, finer than any training can tell apart."""
    return [f"{key}={_text(value)}" for key, value in params.items()]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.4g}" if isinstance(value, float) else str(value)

"""What a sweep's overrides stand for: `model=pixelcnn,mlp seed=0,1` are four jobs."""

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from water_gee.errors import ConfigError

_MOST = 1000  # jobs; more is a mistake in a range


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job, as Hydra's own sweeper makes them: the last one varies fastest.

    Raises:
        ConfigError: an override cannot be read, or there are too many jobs.
    """
    choices = _choices(overrides)
    jobs = [list(job) for job in product(*(values for _, values in choices))]
    if len(jobs) > _MOST:
        raise ConfigError(f"the sweep has {len(jobs)} jobs; narrow it to {_MOST} at most")
    return jobs


def swept(overrides: Sequence[str]) -> list[str]:
    """Return the keys that are given several values, as they stand in a job's overrides."""
    return [key for key, values in _choices(overrides) if len(values) > 1]


def _choices(overrides: Sequence[str]) -> list[tuple[str, list[str]]]:
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        return [(one.get_key_element(), _values(one)) for one in parsed]
    except HydraException as error:
        raise ConfigError(f"{str(error).splitlines()[0]}; write an override as key=value") from error


def _values(one: Override) -> list[str]:
    if not one.is_sweep_override():
        return [one.input_line or ""]
    return [f"{one.get_key_element()}={value}" for value in one.sweep_string_iterator()]

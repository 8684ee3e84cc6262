"""What a sweep's overrides stand for: `model=pixelcnn,mlp seed=0,1` are four jobs."""

from collections.abc import Sequence
from itertools import product

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from water_gee.errors import ConfigError

_MOST = 1000  # jobs; more is a mistake in a range


def expand(overrides: Sequence[str]) -> list[list[str]]:
    """Return the overrides of each job, as Hydra's own sweeper makes them: the last one varies fastest.

    Raises:
        ConfigError: an override cannot be read, or there are too many jobs.
    """
    try:
        parsed = OverridesParser.create().parse_overrides(list(overrides))
        choices = [
            [f"{one.get_key_element()}={value}" for value in one.sweep_string_iterator()]
            if one.is_sweep_override()
            else [one.input_line or ""]
            for one in parsed
        ]
    except HydraException as error:
        raise ConfigError(f"{str(error).splitlines()[0]}; write an override as key=value") from error
    jobs = [list(job) for job in product(*choices)]
    if len(jobs) > _MOST:
        raise ConfigError(f"the sweep has {len(jobs)} jobs; narrow it to {_MOST} at most")
    return jobs

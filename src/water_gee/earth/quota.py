"""What the service tells of a project: how quickly it answers, whether it is restricted, what it may store."""

import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import ee

from water_gee.earth.failures import SERVICE_ERRORS
from water_gee.earth.session import Session
from water_gee.earth.tasks import asked

_RESTRICTED = "restricted mode"  # in the client's warning about the header x-earth-engine-quota-status

# It is not a call of this service, or not for this account; no stage depends on it.
_NOT_TOLD: tuple[type[Exception], ...] = (*SERVICE_ERRORS, AttributeError, KeyError, TypeError, ValueError)


@dataclass(frozen=True)
class Answers:
    """How quickly small requests are answered.

    Attributes:
        seconds: the median.
        restricted: whether the service says that the project has used up its quota of computation.
    """

    seconds: float
    restricted: bool


@dataclass(frozen=True)
class Quota:
    """What the service tells of a project without computing; empty where it tells nothing.

    Attributes:
        registration: `REGISTERED_COMMERCIALLY`, `REGISTERED_NOT_COMMERCIALLY` or `NOT_REGISTERED`.
        exports: tasks that may run at once.
        stored: (used, limit) of `assets` and of `bytes`.
    """

    registration: str = ""
    exports: int | None = None
    stored: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def answers(session: Session, requests: int = 5) -> Answers:
    """Send some small requests, one after another, each of which the service must compute.

    Raises:
        EarthError: the service refused, or went on failing.
    """
    taken = []
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for number in range(requests):
            began = time.perf_counter()
            asked(session, ee.Number(time.time_ns() % 2**31).add(number).getInfo)  # nobody has computed this sum before
            taken.append(time.perf_counter() - began)
    return Answers(median(taken), any(_RESTRICTED in str(one.message) for one in told))


def quota(project: str) -> Quota:
    """Return what the service tells of a project; what it does not tell stays empty."""
    config = _told(ee.data.getProjectConfig)
    root = _told(lambda: ee.data.getAssetRootQuota(f"projects/{project}/assets"))
    exports = config.get("maxConcurrentExports")
    stored = {
        name: (int(root[key]["usage"]), int(root[key]["limit"]))
        for name, key in (("assets", "asset_count"), ("bytes", "asset_size"))
        if key in root
    }
    return Quota(str(config.get("registrationState", "")), None if exports is None else int(exports), stored)


def _told(ask: Any) -> dict[str, Any]:
    try:
        return dict(ask())
    except _NOT_TOLD:
        return {}

"""What went wrong with a request: in one line, and whether to try again."""

from dataclasses import dataclass
from typing import Any

import ee
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from googleapiclient.errors import HttpError

from water_gee.errors import EarthError

_BUSY = frozenset({408, 425, 429})
# OSError holds the refused and broken connections and the time-outs.
SERVICE_ERRORS: tuple[type[Exception], ...] = (
    ee.EEException, HttpError, RefreshError, DefaultCredentialsError, TransportError, OSError,
)  # fmt: skip


class TruncatedError(Exception):
    """The service's answer is not the pixels that were asked for."""


class ImpossibleError(Exception):
    """The service's answer holds values that cannot be; `again` is true where a second answer was the same."""

    def __init__(self, text: str, *, again: bool) -> None:
        super().__init__(text)
        self.again = again


FAILURES: tuple[type[Exception], ...] = (*SERVICE_ERRORS, TruncatedError, ImpossibleError)


@dataclass(frozen=True)
class Failure:
    """A failed request: the service's message in one line, and whether it may succeed when repeated."""

    message: str
    passing: bool


def diagnose(error: BaseException) -> Failure:
    """Return what an exception of the client means."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImpossibleError):
        return Failure(text, not error.again)
    if isinstance(error, TruncatedError):
        return Failure(f"truncated answer: {text}", True)
    if isinstance(error, RefreshError | DefaultCredentialsError):
        return Failure("not authenticated with Earth Engine; run: earthengine authenticate", False)
    status = _status(error)
    if status is not None:
        return Failure(_advised(text), status in _BUSY or status >= 500)
    if isinstance(error, TimeoutError):
        return Failure(f"no answer within earth.deadline: {text}", True)
    if isinstance(error, TransportError | OSError):
        return Failure(f"no connection: {text}", True)
    if "earthengine authenticate" in text or "authorize access" in text:
        return Failure("not authenticated with Earth Engine; run: earthengine authenticate", False)
    return Failure(_advised(text), False)


def may_pass(error: BaseException) -> bool:
    """Return whether a request that failed so may succeed when repeated."""
    return isinstance(error, FAILURES) and diagnose(error).passing


def as_earth_error(error: BaseException, attempts: int = 1) -> EarthError:
    """Return the user's error for an exception of the client."""
    failure = diagnose(error)
    tried = f" (tried {attempts} times)" if attempts > 1 else ""
    return EarthError(f"{failure.message}{tried}")


def _status(error: BaseException) -> int | None:
    """Return the HTTP status behind an error; the client's own exception carries it only as its context."""
    for candidate in (error, error.__context__, error.__cause__):
        response: Any = getattr(candidate, "resp", None)
        if response is not None:
            return int(response.status)
    return None


def _advised(text: str) -> str:
    """Add the fix to the service's texts that have one."""
    lowered = text.lower()
    if "memory limit" in lowered or "computation timed out" in lowered or "total request size" in lowered:
        return f"{text.rstrip('.')}; use smaller tiles (tiles.size)"
    if "no band" in lowered or "did not match any bands" in lowered:
        return f"{text.rstrip('.')}; remove or replace that scene, or correct sensor.bands"
    if "asset" in lowered and "not found" in lowered:
        return f"{text.rstrip('.')}; add it to the catalog, or name another (sensor.collections, dem.asset)"
    return text

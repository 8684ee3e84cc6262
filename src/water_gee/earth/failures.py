"""What went wrong with a request: in one line, whether to try again, and what else may help."""

import re
from dataclasses import dataclass
from typing import Any

import ee
from google.auth.exceptions import DefaultCredentialsError, RefreshError, TransportError
from googleapiclient.errors import HttpError

from water_gee.errors import EarthError

_ONE_BAND = re.compile(r"[Aa]vailable bands: \[?(?P<band>\w+)\]?\W*$")  # as no scene has
_BUSY = 429
_PASSING = frozenset({408, 425, _BUSY})
_ACCOUNT = frozenset({401, 403})
_SIGN_IN = "not authenticated with Earth Engine; run: earthengine authenticate"
# What the service says where a smaller request may succeed.
_TOO_LARGE = ("memory limit", "computation timed out", "total request size", "pixel grid dimensions", "too many pixels")
# OSError holds the refused and broken connections and the time-outs.
SERVICE_ERRORS: tuple[type[Exception], ...] = (
    ee.EEException, HttpError, RefreshError, DefaultCredentialsError, TransportError, OSError,
)  # fmt: skip


class AccountError(EarthError):
    """The service refuses the account or the project: no other request would fare better."""


class TooLargeError(EarthError):
    """The service cannot answer so much at once: a part of it may succeed."""


class TruncatedError(Exception):
    """The service's answer is not what was asked for."""


class DamagedError(Exception):
    """The service's answer was altered on its way."""


class ImpossibleError(Exception):
    """The service's answer holds values that cannot be; `again` is true where a second answer was the same."""

    def __init__(self, text: str, *, again: bool) -> None:
        super().__init__(text)
        self.again = again


FAILURES: tuple[type[Exception], ...] = (*SERVICE_ERRORS, TruncatedError, DamagedError, ImpossibleError)


@dataclass(frozen=True)
class Failure:
    """A failed request.

    Attributes:
        message: the service's, in one line, with its remedy where one is known.
        passing: whether the same request may succeed when it is repeated.
        busy: whether the service asks for fewer requests.
        too_large: whether a smaller request may succeed.
        account: whether no request of this account will succeed.
        wait: the seconds that the service asks to wait, 0 where it names none.
    """

    message: str
    passing: bool
    busy: bool = False
    too_large: bool = False
    account: bool = False
    wait: float = 0.0


def diagnose(error: BaseException) -> Failure:
    """Return what an exception of the client means."""
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, ImpossibleError):
        return Failure(text, not error.again)
    if isinstance(error, DamagedError):
        return Failure(f"damaged answer: {text}", True)
    if isinstance(error, TruncatedError):
        return Failure(f"truncated answer: {text}", True)
    if isinstance(error, RefreshError | DefaultCredentialsError):
        # A refresh that met a busy server is not a refused one.
        return Failure(_SIGN_IN, False, account=True) if not getattr(error, "retryable", False) else Failure(text, True)
    response = _response(error)
    if response is not None:
        status = int(response.status)
        passing = status in _PASSING or status >= 500
        too_large = not passing and _is_too_large(text)
        account = status in _ACCOUNT
        advised = f"{text.rstrip('.')}; see to the account, earth.project and its quota" if account else _advised(text)
        return Failure(advised, passing, status == _BUSY, too_large, account, _seconds(response))
    if isinstance(error, TimeoutError):
        return Failure(f"no answer within earth.deadline: {text}", True)
    if isinstance(error, TransportError | OSError):
        return Failure(f"no connection: {text}", True)
    if "earthengine authenticate" in text or "authorize access" in text:
        return Failure(_SIGN_IN, False, account=True)
    return Failure(_advised(text), False, too_large=_is_too_large(text))


def may_pass(error: BaseException) -> bool:
    """Return whether a request that failed so may succeed when repeated."""
    return isinstance(error, FAILURES) and diagnose(error).passing


def as_earth_error(error: BaseException, attempts: int = 1) -> EarthError:
    """Return the user's error for an exception of the client."""
    failure = diagnose(error)
    tried = f" (tried {attempts} times)" if attempts > 1 else ""
    kind = AccountError if failure.account else TooLargeError if failure.too_large else EarthError
    return kind(f"{failure.message}{tried}")


def _response(error: BaseException) -> Any:
    """Return the HTTP answer behind an error; the client's own exception carries it only as its context."""
    for candidate in (error, error.__context__, error.__cause__):
        response: Any = getattr(candidate, "resp", None)
        if response is not None:
            return response
    return None


def _seconds(response: Any) -> float:
    """Return the seconds of a `Retry-After`; a date there is not read."""
    named = str(response.get("retry-after", ""))
    return float(named) if named.isdecimal() else 0.0


def _is_too_large(text: str) -> bool:
    lowered = text.lower()
    return any(words in lowered for words in _TOO_LARGE)


def _advised(text: str) -> str:
    """Add the fix to the service's texts that have one."""
    lowered = text.lower()
    if one := _ONE_BAND.search(text):
        return f"{text.rstrip('.')}; set dem.band={one['band']} if it is the elevation model, else replace that scene"
    if "no band" in lowered or "did not match any bands" in lowered:
        return f"{text.rstrip('.')}; remove or replace that scene, or correct sensor.bands"
    if "asset" in lowered and "not found" in lowered:
        return f"{text.rstrip('.')}; add it to the catalog, or name another (sensor.collections, dem.asset)"
    return text

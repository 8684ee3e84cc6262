"""Faults on purpose, so that a client's retries, resumes and error texts can be tested.

A fault reads ``ROUTE=ACTION[:VALUE][*TIMES][@AFTER][%SHARE]``:

- ROUTE: ``computePixels``, ``compute``, ``getPixels``, ``export``, ``operations``, ``assets``, ... or ``any``
- ACTION: an HTTP status (``429``, ``500``, ``400:Message``), ``delay:SECONDS``, ``drop`` (no reply at all),
  ``truncate`` (the connection ends in the middle of the body), ``short`` (a well-formed reply with half the body),
  ``alter`` (a byte of the body, or so many, is another), ``trickle:BYTES`` (the body comes at so many bytes a second),
  ``memory:PIXELS`` and ``timeout:PIXELS`` (the service's errors for a computation that is too large, from so many
  pixels on), ``quota`` (the header by which the service says that the project is restricted)
- TIMES: how many requests it strikes (all, without it); AFTER: how many it lets pass before
- SHARE: per cent of the requests that it strikes, drawn at random with a fixed seed (all, without it).
"""

from __future__ import annotations

import random
import re
import threading
from dataclasses import dataclass
from typing import Any

from eelocal.errors import EEError

_SPEC = re.compile(
    r"(?P<route>\w+)=(?P<action>[1-5]\d\d|[a-z]+)(?::(?P<value>[^*@%]*))?"
    r"(?:\*(?P<times>\d+))?(?:@(?P<after>\d+))?(?:%(?P<share>\d+(?:\.\d+)?))?"
)
_NUMBERED = {"delay", "trickle", "memory", "timeout"}  # need a number
_PLAIN = {"drop", "truncate", "short", "alter", "quota"}
_BESIDE = {"delay", "quota"}  # strike beside others
_TOO_LARGE = {"memory": "User memory limit exceeded.", "timeout": "Computation timed out."}
_STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


@dataclass
class Fault:
    """One fault and how often it still strikes."""

    route: str
    action: str
    value: str = ""
    times: int | None = None
    after: int = 0
    share: float = 100.0  # per cent

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Return the fault that `spec` describes.

        Raises:
            EEError: it describes none.
        """
        match = _SPEC.fullmatch(spec)
        if match is None or not _is_known(match["action"], match["value"]):
            raise EEError(
                f"fault '{spec}' is not ROUTE=ACTION[:VALUE][*TIMES][@AFTER][%SHARE], like computePixels=429*3"
            )
        times = int(match["times"]) if match["times"] else None
        share = float(match["share"] or 100)
        return cls(match["route"], match["action"], match["value"] or "", times, int(match["after"] or 0), share)

    def error(self, content: Any = None) -> EEError | None:
        """Return the error reply of a fault that is an HTTP status, or for which a request is too large; else None."""
        if self.action in _TOO_LARGE:
            return EEError(_TOO_LARGE[self.action]) if _pixels(content) >= float(self.value) else None
        if not self.action.isdigit():
            return None
        code = int(self.action)
        return EEError(self.value or f"Injected fault {code}.", code, _STATUS.get(code, "INTERNAL"))


def altered(body: bytes, count: int, chance: random.Random) -> bytes:
    """Return a body with so many of its bytes changed, each to another value."""
    damaged = bytearray(body)
    for place in chance.sample(range(len(body)), min(count, len(body))):
        damaged[place] ^= chance.randrange(1, 256)
    return bytes(damaged)


class Faults:
    """The faults of a server; more can be added while it runs."""

    def __init__(self, specs: list[str] | None, routes: frozenset[str]) -> None:
        """Start with the faults that `specs` describe, on routes of the names `routes`."""
        self._lock = threading.Lock()
        self._routes = routes | {"any"}
        self._faults: list[Fault] = []
        self.chance = random.Random(0)
        for spec in specs or []:
            self.add(spec)

    def add(self, spec: str) -> None:
        """Add the fault that `spec` describes.

        Raises:
            EEError: it describes none, or names no route.
        """
        fault = Fault.parse(spec)
        if fault.route not in self._routes:
            raise EEError(f"fault '{spec}': the route is not one of {', '.join(sorted(self._routes))}")
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def strike(self, route: str) -> list[Fault]:
        """Return the faults that strike this request: delays and quota headers, and the first of the others."""
        struck: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.route not in (route, "any") or fault.times == 0:
                    continue
                if fault.action not in _BESIDE and any(other.action not in _BESIDE for other in struck):
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.share < 100 and self.chance.random() * 100 >= fault.share:
                    continue
                if fault.times is not None:
                    fault.times -= 1
                struck.append(fault)
        return struck


def _is_known(action: str, value: str | None) -> bool:
    if action == "alter":
        return not value or value.isdecimal()
    return action.isdigit() or action in _PLAIN or (action in _NUMBERED and _is_number(value))


def _pixels(content: Any) -> int:
    """Return how many pixels a request asks for; 0 where it names no grid."""
    try:
        size = content["grid"]["dimensions"]
        return int(size["width"]) * int(size["height"])
    except (TypeError, KeyError, ValueError):
        return 0


def _is_number(text: str | None) -> bool:
    try:
        return float(text or "") >= 0
    except ValueError:
        return False

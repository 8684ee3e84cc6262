"""Faults on purpose, so that a client's retries, resumes and error texts can be tested.

A fault reads ``ROUTE=ACTION[:VALUE][*TIMES][@AFTER]``:

- ROUTE: ``computePixels``, ``compute``, ``getPixels``, ``export``, ``operations``, ``assets``, ... or ``any``
- ACTION: an HTTP status (``429``, ``500``, ``400:Message``), ``delay:SECONDS``, ``drop`` (no reply at all),
  ``truncate`` (the connection ends in the middle of the body), ``short`` (a well-formed reply with half the body)
- TIMES: how many requests it strikes (all, without it); AFTER: how many it lets pass before.
"""

from __future__ import annotations

import re
import threading
from dataclasses import dataclass

from eelocal.errors import EEError

_SPEC = re.compile(
    r"(?P<route>\w+)=(?P<action>[1-5]\d\d|delay|drop|truncate|short)(?::(?P<value>[^*@]*))?"
    r"(?:\*(?P<times>\d+))?(?:@(?P<after>\d+))?"
)
_STATUS = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 503: "UNAVAILABLE"}


@dataclass
class Fault:
    """One fault and how often it still strikes."""

    route: str
    action: str
    value: str = ""
    times: int | None = None
    after: int = 0

    @classmethod
    def parse(cls, spec: str) -> Fault:
        """Return the fault that `spec` describes.

        Raises:
            EEError: it describes none.
        """
        match = _SPEC.fullmatch(spec)
        if match is None or (match["action"] == "delay" and not _is_number(match["value"])):
            raise EEError(f"fault '{spec}' is not ROUTE=ACTION[:VALUE][*TIMES][@AFTER], like computePixels=429*3")
        times = int(match["times"]) if match["times"] else None
        return cls(match["route"], match["action"], match["value"] or "", times, int(match["after"] or 0))

    def error(self) -> EEError | None:
        """Return the error reply of a fault that is an HTTP status, else None."""
        if not self.action.isdigit():
            return None
        code = int(self.action)
        return EEError(self.value or f"Injected fault {code}.", code, _STATUS.get(code, "INTERNAL"))


class Faults:
    """The faults of a server; more can be added while it runs."""

    def __init__(self, specs: list[str] | None, routes: frozenset[str]) -> None:
        """Start with the faults that `specs` describe, on routes of the names `routes`."""
        self._lock = threading.Lock()
        self._routes = routes | {"any"}
        self._faults: list[Fault] = []
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
        """Return the faults that strike this request: all delays, and the first of the others."""
        struck: list[Fault] = []
        with self._lock:
            for fault in self._faults:
                if fault.route not in (route, "any") or fault.times == 0:
                    continue
                if any(other.action != "delay" for other in struck) and fault.action != "delay":
                    continue
                if fault.after:
                    fault.after -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                struck.append(fault)
        return struck


def _is_number(text: str | None) -> bool:
    try:
        return float(text or "") >= 0
    except ValueError:
        return False

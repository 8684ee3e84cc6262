"""Requests are repeated while that may help, at the service's pace."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_when_event_set
from tenacity import wait_exponential_jitter as wait_jitter
from tenacity.nap import sleep_using_event

from water_gee.earth.failures import FAILURES, as_earth_error, diagnose, may_pass
from water_gee.earth.pace import Pace

T = TypeVar("T")
_LONGEST_WAIT = 60.0  # seconds


@dataclass(frozen=True)
class Retry:
    """How often a request is tried, the seconds before the second try (doubled before each further one), and the pace.

    A service that names the seconds (`Retry-After`) is believed, up to a minute.
    """

    attempts: int = 5
    wait: float = 1.0
    stopped: threading.Event = field(default_factory=threading.Event, compare=False)
    pace: Pace = field(default_factory=Pace, compare=False)

    def call(self, ask: Callable[[], T], attempted: Callable[[], None] = lambda: None) -> T:
        """Return what `ask` returns, repeated on overload, server errors, time-outs and broken answers.

        Raises:
            EarthError: an error that will not pass, or that did not pass; the service's message in one line.
        """
        tries = 0

        def counted() -> T:
            nonlocal tries
            tries += 1
            attempted()
            try:
                answer = ask()
            except FAILURES as error:
                if diagnose(error).busy:
                    self.pace.slow()
                raise
            self.pace.quicken()
            return answer

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts) | stop_when_event_set(self.stopped),
            wait=self._seconds,
            retry=retry_if_exception(may_pass),
            sleep=sleep_using_event(self.stopped),
            reraise=True,
        )
        try:
            return retrying(counted)
        except FAILURES as error:
            raise as_earth_error(error, tries) from error

    def _seconds(self, state: RetryCallState) -> float:
        """Return how long to wait before the next try."""
        if not self.wait:
            return 0.0
        drawn = wait_jitter(initial=self.wait, max=_LONGEST_WAIT, jitter=self.wait)(state)
        error = state.outcome.exception() if state.outcome is not None else None
        named = diagnose(error).wait if error is not None else 0.0
        return max(drawn, min(named, _LONGEST_WAIT))

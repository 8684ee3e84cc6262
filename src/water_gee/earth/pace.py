"""How many requests are under way at once: as many as asked for, fewer while the service says that it is too much."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SLOWER = 0.7  # of the requests at once that are left when the service is busy
_STEP = 0.5  # seconds that must lie between two steps down: those refused together are one sign, not many


class Pace:
    """Lets so many requests through at once; fewer after a refusal for haste, one more after each round that went well.

    The rule is that of TCP's congestion control, additive increase and multiplicative decrease (Chiu & Jain 1989).
    """

    def __init__(self, most: int = 40, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with `most` at once, which is never exceeded."""
        self._most = most
        self._allowed = float(most)
        self._under_way = 0
        self._clock = clock
        self._slowed = -_STEP
        self._free = threading.Condition()

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return max(1, int(self._allowed))

    @contextmanager
    def slot(self) -> Iterator[None]:
        """Wait until a request may start, and hold its place for the length of the block."""
        with self._free:
            self._free.wait_for(lambda: self._under_way < self.allowed)
            self._under_way += 1
        try:
            yield
        finally:
            with self._free:
                self._under_way -= 1
                self._free.notify()

    def slow(self) -> None:
        """Let fewer through: the service refused one for haste."""
        with self._free:
            now = self._clock()
            if now - self._slowed >= _STEP:
                self._slowed = now
                self._allowed = max(1.0, self._allowed * _SLOWER)

    def quicken(self) -> None:
        """Count a request that went well: a round of them lets one more through."""
        with self._free:
            self._allowed = min(float(self._most), self._allowed + 1 / self._allowed)
            self._free.notify()

    def restrict(self) -> bool:
        """Let one through at a time from now on, since the service restricts the account; return whether it is news."""
        with self._free:
            news = self._most > 1
            self._most, self._allowed = 1, 1.0
            return news

"""The service's limits, refused in the service's own words.

Sources: Earth Engine's quota page and the reference of ``computePixels``; the texts are those that users of the
service report. Where a text is not known it is eelocal's own, and the README says so.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from eelocal.errors import EEError, bad_request


@dataclass(frozen=True)
class Limits:
    """What a request and a client may ask for.

    Attributes:
        body: bytes of a request's body.
        pixels: bytes of the pixels of one reply, uncompressed, a mask byte a pixel and band included.
        side: pixels a side of a grid.
        bands: bands of a reply.
        elements: elements of a collection that is printed.
        concurrent: computing requests at once.
        minute: requests a minute.
        seconds: time that an interactive computation may take.
        tasks: tasks that may wait or run.
        running: tasks that run at once.
        arrival: seconds within which a request must have come, from its first byte on; a connection's first byte too.
        idle: seconds that a connection may be silent between two requests, or while it takes a reply.
    """

    body: int = 10_485_760
    pixels: int = 50_331_648
    side: int = 32_768
    bands: int = 1_024
    elements: int = 5_000
    concurrent: int = 40
    minute: int = 6_000
    seconds: float = 300.0
    tasks: int = 3_000
    running: int = 2
    arrival: float = 60.0
    idle: float = 600.0

    def check_body(self, size: int) -> None:
        """Refuse a request body of too many bytes."""
        if size > self.body:
            raise bad_request(f"Request payload size exceeds the limit: {self.body} bytes.")

    def check_grid(self, width: int, height: int) -> None:
        """Refuse a grid with too long a side."""
        if max(width, height) > self.side:
            raise bad_request(f"Pixel grid dimensions ({width}x{height}) must be less than or equal to {self.side}.")

    def check_pixels(self, width: int, height: int, itemsizes: list[int]) -> None:
        """Refuse a reply with too many bands, or too many bytes; a band counts its type and a mask byte."""
        if len(itemsizes) > self.bands:
            raise bad_request(f"Number of bands ({len(itemsizes)}) must be less than or equal to {self.bands}.")
        size = width * height * sum(itemsize + 1 for itemsize in itemsizes)
        if size > self.pixels:
            raise bad_request(f"Total request size ({size} bytes) must be less than or equal to {self.pixels} bytes.")

    def check_elements(self, count: int) -> None:
        """Refuse to print a collection of too many elements."""
        if count > self.elements:
            raise bad_request(f"Collection query aborted after accumulating over {self.elements} elements.")


class Gate:
    """Counts requests: too many at once, or in a minute, are refused with 429."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._lock = threading.Lock()
        self._at_once = 0
        self._recent: deque[float] = deque()

    @contextmanager
    def passing(self, computes: bool) -> Iterator[None]:
        """Hold a place for one request; `computes` is False for those that only look something up.

        Raises:
            EEError: 429, there is no place.
        """
        now = time.monotonic()
        with self._lock:
            while self._recent and self._recent[0] < now - 60:
                self._recent.popleft()
            full = len(self._recent) >= self._limits.minute
            if full or (computes and self._at_once >= self._limits.concurrent):
                raise EEError(
                    "Too Many Requests: Request was rejected because the request rate or concurrency limit"
                    " was exceeded.",
                    429,
                    "RESOURCE_EXHAUSTED",
                )
            self._recent.append(now)
            self._at_once += computes
        try:
            yield
        finally:
            with self._lock:
                self._at_once -= computes

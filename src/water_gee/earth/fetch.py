"""Pixels of an expression on the study's lattice: one request, its mask exact, repeated while that may help."""

import hashlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import ee
import numpy as np
from numpy.typing import NDArray
from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, stop_when_event_set
from tenacity import wait_exponential_jitter as wait_jitter
from tenacity.nap import sleep_using_event

from water_gee.earth.failures import FAILURES, ImpossibleError, TruncatedError, as_earth_error, may_pass
from water_gee.study import Grid, Window

T = TypeVar("T")
PIXEL_LIMIT = 50_331_648  # bytes that one request may answer, uncompressed
# Masked pixels travel as this value: the answer itself has no mask. No band of ours comes near it.
_MASKED = -1e30
_LONGEST_WAIT = 60.0  # seconds


@dataclass(frozen=True)
class Retry:
    """How often a request is tried, and the seconds before the second try, doubled before each further one."""

    attempts: int = 5
    wait: float = 1.0
    stopped: threading.Event = field(default_factory=threading.Event, compare=False)

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
            return ask()

        retrying = Retrying(
            stop=stop_after_attempt(self.attempts) | stop_when_event_set(self.stopped),
            wait=wait_jitter(initial=self.wait, max=_LONGEST_WAIT, jitter=self.wait) if self.wait else _no_wait,
            retry=retry_if_exception(may_pass),
            sleep=sleep_using_event(self.stopped),
            reraise=True,
        )
        try:
            return retrying(counted)
        except FAILURES as error:
            raise as_earth_error(error, tries) from error


def _no_wait(_: RetryCallState) -> float:
    return 0.0


def fetch(
    image: Any,
    grid: Grid,
    window: Window,
    bands: Sequence[str],
    retry: Retry | None = None,
    attempted: Callable[[], None] = lambda: None,
    problem: Callable[[NDArray[np.float32]], str] = lambda values: "",
) -> NDArray[np.float32]:
    """Return an image's bands in a window of the lattice as float32 [band, y, x], NaN where masked.

    Args:
        image: the `ee.Image`.
        grid: the lattice.
        window: of the lattice.
        bands: in the order that is returned.
        retry: how often to try.
        attempted: called before each try.
        problem: returns what is impossible of an answer's values, empty where nothing is. Such an answer is asked for
            again: damage on the way passes, and what comes twice is the imagery's own.

    Raises:
        EarthError: the service refused, went on failing, or gave impossible values twice.
    """
    before = b""
    left, _, _, top = grid.bounds(window)
    request = {
        "expression": image.select(list(bands)).toFloat().unmask(_MASKED, False).toFloat(),
        "fileFormat": "NUMPY_NDARRAY",
        "grid": {
            "dimensions": {"width": window.width, "height": window.height},
            "affineTransform": {
                "scaleX": grid.scale, "shearX": 0, "translateX": left,
                "shearY": 0, "scaleY": -grid.scale, "translateY": top,
            },
            "crsCode": grid.crs,
        },
    }  # fmt: skip

    def ask() -> NDArray[np.float32]:
        try:
            pixels = ee.data.computePixels(request)
        except (ValueError, EOFError) as error:  # numpy could not read the answer
            raise TruncatedError(str(error)) from error
        values = _checked(pixels, window, bands)
        if said := problem(values):
            nonlocal before
            earlier, before = before, hashlib.sha256(values.tobytes()).digest()
            raise ImpossibleError(said, again=earlier == before)
        return values

    return (retry or Retry()).call(ask, attempted)


def _checked(pixels: NDArray[Any], window: Window, bands: Sequence[str]) -> NDArray[np.float32]:
    """Return an answer's fields as [band, y, x] with NaN for masked pixels.

    Raises:
        TruncatedError: it has another size, or other bands.
    """
    names = pixels.dtype.names or ()
    missing = [band for band in bands if band not in names]
    if pixels.shape != (window.height, window.width) or missing:
        raise TruncatedError(
            f"{pixels.shape} pixels of {', '.join(names)} instead of "
            f"{(window.height, window.width)} of {', '.join(bands)}"
        )
    if any(pixels.dtype[band].kind != "f" for band in bands):
        raise TruncatedError(f"pixels are {pixels.dtype} and not float")
    values = np.stack([pixels[band].astype(np.float32) for band in bands])
    values[values <= np.float32(0.99 * _MASKED)] = np.nan
    return values


def request_bytes(window: Window, bands: int) -> int:
    """Return what the service counts for one float request: 4 bytes and a mask byte a pixel and band."""
    return window.width * window.height * bands * 5


def expression_hash(image: Any) -> str:
    """Return the SHA-256 of an expression as it is sent."""
    return hashlib.sha256(ee.serializer.toJSON(image, for_cloud_api=True).encode()).hexdigest()

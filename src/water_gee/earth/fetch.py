"""Pixels of an expression on the study's lattice: checked, repeated while that may help, in parts where it must be."""

import hashlib
import io
import json
import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

import ee
import numpy as np
from numpy.typing import NDArray

from water_gee.earth.checksum import CHECK, opened, with_check
from water_gee.earth.failures import DamagedError, ImpossibleError, TooLargeError, TruncatedError
from water_gee.earth.retry import Retry
from water_gee.progress import say
from water_gee.study import Grid, Window

PIXEL_LIMIT = 50_331_648  # bytes that one request may answer, uncompressed
_LONGEST_SIDE = 32_768  # pixels
_LEAST_SIDE = 16  # pixels: what cannot be had in so small a part cannot be had

_STANDS_FOR = "water-gee-expression-"
_TOKEN = re.compile(_STANDS_FOR + "[0-9a-f]{64}")
_encoding = threading.Lock()
_known: "WeakValueDictionary[str, Prepared]" = WeakValueDictionary()


class Prepared:
    """An image's bands, ready to be asked for in any number of windows.

    The client encodes an expression for every request: 20 ms for a tile's, which is more than all else that is done for
    it. So it is encoded once, when it is first asked for, and what the client sends instead is exchanged for it on the
    way (`completed`).
    """

    def __init__(self, image: Any, bands: Sequence[str]) -> None:
        """Take an `ee.Image`, or a function that makes it, whose bands are asked for with a check beside them."""
        self._image = image
        self.bands = tuple(bands)
        self.most = float("inf")  # pixels: of so many at once the service has said that they are too much
        self.double = False  # whether sums that came did not fit, though the answer was the same twice
        self._text = ""

    @property
    def text(self) -> str:
        """The encoded expression."""
        with _encoding:  # of a year's many requests at once, the first encodes
            if not self._text:
                image = self._image() if callable(self._image) else self._image
                self._text = json.dumps(ee.serializer.encode(with_check(image, list(self.bands))))
        return self._text

    @cached_property
    def token(self) -> str:
        """What stands for the expression until the request is sent."""
        token = _STANDS_FOR + hashlib.sha256(self.text.encode()).hexdigest()
        _known[token] = self
        return token

    @cached_property
    def placeholder(self) -> str:
        """The token as the client encodes it."""
        return json.dumps(ee.serializer.encode(self.token))


def completed(body: str) -> str:
    """Return the body of a request with the expression of a `Prepared` in the place of what stands for it.

    Raises:
        RuntimeError: the client sends something else than it says.
    """
    if (found := _TOKEN.search(body)) is None:
        return body
    prepared = _known[found[0]]
    if prepared.placeholder not in body:
        raise RuntimeError("this version of earthengine-api writes requests in an unknown way; install 1.7.x")
    return body.replace(prepared.placeholder, prepared.text)


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

    A window is asked for in one request where one may answer so much, else in quarters; in quarters, too, where the
    service says that it is too much.

    Args:
        image: the `ee.Image`, or a `Prepared` one with these bands.
        grid: the lattice.
        window: of the lattice.
        bands: in the order that is returned.
        retry: how often to try.
        attempted: called before each try.
        problem: returns what is impossible of an answer's values, empty where nothing is. Such an answer is asked for
            again: damage on the way passes, and what comes twice is the imagery's own.

    Raises:
        EarthError: the service refused, went on failing, or gave impossible values twice.
        ValueError: `image` was prepared with other bands.
    """
    prepared = image if isinstance(image, Prepared) else Prepared(image, bands)
    if prepared.bands != tuple(bands):
        raise ValueError(f"prepared were {', '.join(prepared.bands)}, and not {', '.join(bands)}")
    return _Question(prepared, grid, retry or Retry(), attempted, problem).answer(window)


@dataclass(frozen=True)
class _Question:
    """What is asked, whatever the window; see `fetch`."""

    prepared: Prepared
    grid: Grid
    retry: Retry
    attempted: Callable[[], None]
    problem: Callable[[NDArray[np.float32]], str]

    def answer(self, window: Window) -> NDArray[np.float32]:
        """Return the pixels of a window, in one request or in several."""
        prepared = self.prepared
        if not fits(window, len(prepared.bands)) or window.width * window.height >= prepared.most:
            return self._in_parts(window)
        try:
            return self._ask(window)
        except TooLargeError as error:
            if max(window.width, window.height) <= _LEAST_SIDE:
                size = f"{window.width} x {window.height}"
                raise TooLargeError(
                    f"{str(error).rstrip('.')} (of {size} pixels; take features or labels out)"
                ) from error
            prepared.most = min(prepared.most, window.width * window.height)
            return self._in_parts(window)

    def _in_parts(self, window: Window) -> NDArray[np.float32]:
        values = np.empty((len(self.prepared.bands), window.height, window.width), np.float32)
        for part in window.quarters():
            rows, columns = part.within(window)
            values[:, rows, columns] = self.answer(part)
        return values

    def _ask(self, window: Window) -> NDArray[np.float32]:
        prepared, grid = self.prepared, self.grid
        before = b""
        left, _, _, top = grid.bounds(window)
        request = {
            "expression": prepared.token,
            "fileFormat": "NPY",
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
            nonlocal before
            content = ee.data.computePixels(request)
            with _cores:
                values, whole = _read(content, window, prepared.bands)
                said = self.problem(values)
                if whole and not said:
                    return values
                earlier, before = before, hashlib.sha256(values.tobytes()).digest()
            if said:
                raise ImpossibleError(said, again=earlier == before)
            if earlier != before:
                raise DamagedError("pixels do not have the sum that was sent with them")
            if not prepared.double:
                prepared.double = True
                say("the service sums pixels otherwise than this machine; what differs is asked for twice and compared")
            return values

        return self.retry.call(ask, self.attempted)


# Answers are worked on by few at once, however many requests are under way: it bounds the memory.
_cores = threading.BoundedSemaphore(2)


def _read(content: bytes, window: Window, bands: Sequence[str]) -> tuple[NDArray[np.float32], bool]:
    """Return an answer's bands [band, y, x], NaN where masked, and whether they have the sum that came with them.

    Raises:
        TruncatedError: it is not an array, has another size, or other bands.
    """
    expected = np.dtype([*((band, "<f4") for band in bands), (CHECK, "<f8")])
    file = io.BytesIO(content)
    try:
        version = np.lib.format.read_magic(file)
        reader = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, by_column, dtype = reader(file, max_header_size=1 << 20)
    except (ValueError, EOFError, TypeError, SyntaxError, UnicodeError) as error:
        raise TruncatedError(" ".join(str(error).split())[:200]) from error
    count = window.width * window.height
    if shape != (window.height, window.width) or by_column or dtype != expected:
        raise TruncatedError(
            f"{shape} pixels of {', '.join(dtype.names or [str(dtype)])[:200]} instead of "
            f"{(window.height, window.width)} of {', '.join(bands)}"
        )
    if len(content) - file.tell() != count * expected.itemsize:
        raise TruncatedError(f"{len(content) - file.tell()} bytes of pixels instead of {count * expected.itemsize}")
    pixels = np.frombuffer(content, expected, count, file.tell())
    words = pixels.view("<f4").reshape(count, -1)
    values: NDArray[np.float32] = words[:, : len(bands)].T.astype(np.float32, order="C")  # a copy: bytes are read-only
    whole = opened(values, pixels[CHECK])
    return values.reshape(len(bands), window.height, window.width), whole


def request_bytes(window: Window, bands: int) -> int:
    """Return what the service counts for a request: 4 bytes and a mask byte a pixel and band, and 9 for the check."""
    return window.width * window.height * (bands * 5 + 9)


def fits(window: Window, bands: int) -> bool:
    """Return whether one request may answer a window of so many bands."""
    return max(window.width, window.height) <= _LONGEST_SIDE and request_bytes(window, bands) <= PIXEL_LIMIT


def expression_hash(image: Any) -> str:
    """Return the SHA-256 of an expression as it is sent."""
    return hashlib.sha256(ee.serializer.toJSON(image, for_cloud_api=True).encode()).hexdigest()

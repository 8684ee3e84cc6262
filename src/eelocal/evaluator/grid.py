"""Where pixels lie: projections, pixel lattices and windows on them."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError

from eelocal.errors import EEError, bad_request
from eelocal.evaluator.antimeridian import near

Six = tuple[float, float, float, float, float, float]
Window = tuple[int, int, int, int]
"""top, left, bottom, right of a part of a lattice, in its pixels; the last two are exclusive."""

IDENTITY: Six = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
METRES_PER_DEGREE = 111319.49079327358
"""Length of a degree of the equator of WGS 84, what the service takes for a degree."""

_CODE = re.compile(r"(EPSG|ESRI):[0-9]{1,9}", re.IGNORECASE)
_WKT = re.compile(r"\s*(PROJ|GEOG|GEOD|BOUND|COMPD_|COMPOUND|FITTED_)(CS|CRS)\s*[\[(]", re.IGNORECASE)
_FARTHEST = 2.0**52  # pixels from a projection's origin: beyond it a pixel's number is not exact
_PHASE_DIGITS = 8
_EDGE = 1e-7
_local = threading.local()


@lru_cache(maxsize=256)
def parse_crs(crs: str) -> CRS:
    """Return the coordinate system of a code or WKT.

    Raises:
        EEError: where it cannot be parsed.
    """
    try:
        return CRS.from_user_input(crs)
    except CRSError:
        raise _unparsed(crs) from None


@lru_cache(maxsize=256)
def named_crs(crs: str, form: str = "code or WKT") -> str:
    """Return a coordinate system's name as a request may give it: an authority's code, or WKT.

    PROJ reads much else, from ``+proj=utm`` to the name of a system.

    Raises:
        EEError: it is neither, or not of the `form` "code" or "WKT" that is wanted, or no flat system of two axes.
    """
    code = _CODE.fullmatch(crs) is not None
    if not (code or _WKT.match(crs)) or form == ("WKT" if code else "code"):
        raise _unparsed(crs)
    parsed = parse_crs(crs)
    if not (parsed.is_geographic or parsed.is_projected) or len(parsed.axis_info) != 2:
        raise _unparsed(crs)
    return crs


def _unparsed(crs: str) -> EEError:
    return bad_request(f"Projection: The CRS of a map projection could not be parsed: '{crs[:80]}'.")


@lru_cache(maxsize=1024)
def same_crs(a: str, b: str) -> bool:
    """Whether two names mean one coordinate system."""
    return a == b or parse_crs(a).equals(parse_crs(b), ignore_axis_order=True)


def transformer(source: str, target: str) -> Transformer:
    """Return the (x, y) transformer between two systems, one a thread as PROJ wants."""
    cache: dict[tuple[str, str], Transformer] = _local.__dict__.setdefault("transformers", {})
    if (source, target) not in cache:
        cache[source, target] = Transformer.from_crs(parse_crs(source), parse_crs(target), always_xy=True)
    return cache[source, target]


@lru_cache(maxsize=256)
def metres_per_unit(crs: str) -> float:
    """Return the nominal length of the system's unit."""
    parsed = parse_crs(crs)
    if parsed.is_geographic:
        return METRES_PER_DEGREE
    return float(parsed.axis_info[0].unit_conversion_factor) if parsed.axis_info else 1.0


@dataclass(frozen=True)
class Projection:
    """A coordinate system and the affine transform from pixels to it (a, b, c, d, e, f)."""

    crs: str
    transform: Six = IDENTITY

    @property
    def nominal_scale(self) -> float:
        """The pixel size in metres."""
        a, b, _, d, e, _ = self.transform
        return math.sqrt(abs(a * e - b * d)) * metres_per_unit(self.crs)

    def at_scale(self, metres: float) -> Projection:
        """Return the projection whose pixels are that large, its origin kept."""
        if not 0 < metres < math.inf:
            raise bad_request("The scale must be positive.")
        if not self.nominal_scale:
            raise bad_request(f"Projection: the transform {list(self.transform)} cannot be inverted.")
        ratio = metres / self.nominal_scale
        a, b, c, d, e, f = self.transform
        return Projection(self.crs, (a * ratio, b * ratio, c, d * ratio, e * ratio, f))

    def to_json(self) -> dict[str, Any]:
        """Return the service's description."""
        return {"type": "Projection", "crs": self.crs, "transform": list(self.transform)}


WGS84 = Projection("EPSG:4326")


@dataclass(frozen=True)
class PixelGrid:
    """A request's pixels: an affine transform (a, b, c, d, e, f) of pixel corners in `crs`, and a size."""

    crs: str
    transform: Six
    width: int
    height: int


@dataclass(frozen=True)
class Lattice:
    """All the pixels, without bound, that a projection's transform defines.

    Two requests that are whole pixels apart have the very same lattice, and so the very same coordinates for
    the pixels they share: nothing can depend on how an area was cut.
    """

    crs: str
    a: float
    b: float
    c: float
    d: float
    e: float
    f: float
    _hash: int = field(init=False, compare=False, repr=False, default=0)

    def __post_init__(self) -> None:
        """Hash once: a plan asks for the hash for every node."""
        object.__setattr__(self, "_hash", hash((self.crs, self.a, self.b, self.c, self.d, self.e, self.f)))

    def __hash__(self) -> int:
        """Return the hash."""
        return self._hash

    @property
    def upright(self) -> bool:
        """Whether rows and columns run along the axes."""
        return self.b == 0 and self.d == 0

    @property
    def projection(self) -> Projection:
        """The projection of these pixels."""
        return Projection(self.crs, (self.a, self.b, self.c, self.d, self.e, self.f))

    def centres(self, window: Window) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return x and y of the pixels' centres: `[1, x]` and `[y, 1]` where upright, else `[y, x]` both."""
        top, left, bottom, right = window
        col = np.arange(left, right, dtype=np.float64)[None, :] + 0.5
        row = np.arange(top, bottom, dtype=np.float64)[:, None] + 0.5
        if self.upright:
            return self.c + self.a * col, self.f + self.e * row
        return self.c + self.a * col + self.b * row, self.f + self.d * col + self.e * row

    def pixels(self, x: NDArray[np.float64], y: NDArray[np.float64]) -> tuple[Any, Any]:
        """Return fractional column and row of coordinates, broadcast as the inputs are where upright."""
        if self.upright:
            return (x - self.c) / self.a, (y - self.f) / self.e
        det = self.a * self.e - self.b * self.d
        dx, dy = x - self.c, y - self.f
        return (self.e * dx - self.b * dy) / det, (self.a * dy - self.d * dx) / det

    def bounds(self, window: Window) -> tuple[float, float, float, float]:
        """Return xmin, ymin, xmax, ymax of a window."""
        top, left, bottom, right = window
        xs = [self.c + self.a * col + self.b * row for col in (left, right) for row in (top, bottom)]
        ys = [self.f + self.d * col + self.e * row for col in (left, right) for row in (top, bottom)]
        return min(xs), min(ys), max(xs), max(ys)


@lru_cache(maxsize=4096)
def place(projection: Projection) -> tuple[Lattice, int, int]:
    """Return the lattice of a projection and the (row, column) at which the projection's own origin lies on it.

    Raises:
        EEError: for a transform that cannot be inverted.
    """
    a, b, c, d, e, f = (float(v) for v in projection.transform)
    det = a * e - b * d
    if det == 0 or not math.isfinite(det):
        raise bad_request(f"Projection: the transform {list(projection.transform)} cannot be inverted.")
    col, row = (e * c - b * f) / det, (a * f - d * c) / det
    if not abs(col) < _FARTHEST or not abs(row) < _FARTHEST:
        raise bad_request(
            f"Projection: the transform {list(projection.transform)} puts pixels too far from the origin."
        )
    left, column_phase = _split(col)
    top, row_phase = _split(row)
    crs = projection.crs
    parse_crs(crs)
    x, y = a * column_phase + b * row_phase, d * column_phase + e * row_phase
    return Lattice(crs, a, b, x, d, e, y), top, left


def _split(position: float) -> tuple[int, float]:
    whole = math.floor(position)
    phase = round(position - whole, _PHASE_DIGITS)
    return (whole + 1, 0.0) if phase >= 1 else (whole, phase)


def fractional(target: Lattice, window: Window, source: Lattice) -> tuple[Any, Any]:
    """Return, for each pixel centre of a window of `target`, its fractional column and row on `source`.

    The two broadcast against each other to `[y, x]`.
    """
    x, y = target.centres(window)
    if not same_crs(target.crs, source.crs):
        shape = np.broadcast_shapes(x.shape, y.shape)
        x, y = transformer(target.crs, source.crs).transform(
            np.broadcast_to(x, shape).ravel(), np.broadcast_to(y, shape).ravel()
        )
        x, y = np.asarray(x).reshape(shape), np.asarray(y).reshape(shape)
        if parse_crs(source.crs).is_geographic:
            x = near(x)
    return source.pixels(x, y)


def whole(positions: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the pixel that holds each position; a position a rounding error below an edge is on the edge."""
    clean = np.where(np.isfinite(positions), positions, -1e15)
    return np.floor(np.clip(clean, -1e15, 1e15) + _EDGE).astype(np.int64)


def span(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> Window:
    """Return the smallest window that holds all of the pixels."""
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def join(a: Window, b: Window) -> Window:
    """Return the smallest window around two."""
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def overlap(a: Window, b: Window) -> Window | None:
    """Return what two windows share, or None."""
    out = max(a[0], b[0]), max(a[1], b[1]), min(a[2], b[2]), min(a[3], b[3])
    return out if out[0] < out[2] and out[1] < out[3] else None

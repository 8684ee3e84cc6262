"""Pixels from one lattice on another: stored rasters, reprojection, interpolation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.catalog import ImageAsset
from eelocal.errors import bad_request
from eelocal.evaluator.grid import (
    WGS84,
    Lattice,
    Projection,
    Window,
    fractional,
    overlap,
    parse_crs,
    place,
    span,
    whole,
)
from eelocal.evaluator.node import Link, Node
from eelocal.evaluator.pixeltype import named, widen
from eelocal.evaluator.raster import EMPTY, Mask, Raster, Values
from eelocal.raster import BandInfo

_MOST_SOURCE_PIXELS = 64_000_000


@lru_cache(maxsize=64)
def nearest(target: Lattice, window: Window, source: Lattice) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return column and row on `source` of each pixel of a window; they broadcast to `[y, x]`."""
    columns, rows = fractional(target, window, source)
    return whole(columns), whole(rows)


def take(values: Values, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> Values:
    """Pick pixels `[*array, y, x]` by column and row, which broadcast against each other."""
    if rows.shape[1] == 1 and columns.shape[0] == 1:
        return values[..., rows[:, 0], :][..., columns[0]]
    return values[..., rows, columns]


class AssetNode(Node):
    """A stored band, by the nearest pixel where it is asked for on another lattice."""

    def __init__(self, asset: ImageAsset, info: BandInfo) -> None:
        """Take type and projection from the catalog."""
        a, b, c, d, e, f = info.transform
        super().__init__(named(info.dtype), (), Projection(info.crs, (a, b, c, d, e, f)))
        self.asset = asset
        self.name = info.name
        self.native, self.top, self.left = place(self.projection)
        self.size = (info.width, info.height)
        # Columns around the globe: a raster in degrees is found wherever they are counted from.
        self.turn = round(360 / abs(a)) if a and not b and parse_crs(info.crs).is_geographic else 0

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Read the part of the raster below the window."""
        if lattice == self.native:
            top, left, bottom, right = window
            return _first_of(self._read((top, left - turn, bottom, right - turn)) for turn in self._turns(left, right))
        columns, rows = nearest(lattice, window, self.native)
        turns = self._turns(int(columns.min()), int(columns.max()) + 1)
        return _first_of(self._pick(columns - turn, rows) for turn in turns)

    def _turns(self, left: int, right: int) -> list[int]:
        """Return by how many columns a range may be moved so that it meets the raster: none where it never does."""
        turns = (0, self.turn, -self.turn) if self.turn else (0,)
        return [turn for turn in turns if left - turn < self.left + self.size[0] and right - turn > self.left]

    def _pick(self, columns: NDArray[np.int64], rows: NDArray[np.int64]) -> Raster:
        needed = overlap(span(columns, rows), self._bounds())
        if needed is None:
            return EMPTY
        top, left, bottom, right = needed
        if (bottom - top) * (right - left) > _MOST_SOURCE_PIXELS:
            raise bad_request(f"eelocal: '{self.asset.id}' is asked for at too coarse a scale; ask for a smaller area.")
        source = self._read(needed)
        if source.values is None:
            return EMPTY
        inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
        rows, columns = np.clip(rows - top, 0, bottom - top - 1), np.clip(columns - left, 0, right - left - 1)
        mask: Mask | None = None if inside.all() else inside
        if source.mask is not None:
            picked = take(source.mask, columns, rows)
            mask = picked if mask is None else picked & mask
        return Raster(take(source.values, columns, rows), mask)

    def _bounds(self) -> Window:
        width, height = self.size
        return self.top, self.left, self.top + height, self.left + width

    def _read(self, window: Window) -> Raster:
        inside = overlap(window, self._bounds())
        if inside is None:
            return EMPTY
        top, left, bottom, right = inside
        values, valid = self.asset.read(self.name, left - self.left, top - self.top, right - left, bottom - top)
        if not valid.any():
            return EMPTY
        if inside == window:
            return Raster(values, None if valid.all() else valid)
        shape = (window[2] - window[0], window[3] - window[1])
        part = (slice(top - window[0], bottom - window[0]), slice(left - window[1], right - window[1]))
        out, mask = np.zeros(shape, values.dtype), np.zeros(shape, bool)
        out[part], mask[part] = values, valid
        return Raster(out, mask)


def _first_of(rasters: Iterable[Raster]) -> Raster:
    """Return the pixels of the first raster that has them."""
    found = [raster for raster in rasters if raster.values is not None]
    if not found:
        return EMPTY
    out = found[0]
    for other in found[1:]:
        if out.mask is None or out.values is None or other.values is None:
            break
        mask = None if other.mask is None else out.mask | other.mask
        out = Raster(np.where(out.mask, out.values, other.values), mask)
    return out


class ReprojectNode(Node):
    """The input computed on a lattice of its own, then taken by the nearest pixel."""

    def __init__(self, source: Node, projection: Projection) -> None:
        """Fix the lattice."""
        super().__init__(source.type, [source], projection)
        self.native, _, _ = place(projection)

    def links(self, lattice: Lattice) -> Sequence[Link]:
        """The input on the fixed lattice."""
        return [(self.inputs[0], self.native)]

    def windows(self, lattice: Lattice, window: Window) -> Sequence[Window | None]:
        """The part below the window."""
        if lattice == self.native:
            return [window]
        needed = span(*nearest(lattice, window, self.native))
        if (needed[2] - needed[0]) * (needed[3] - needed[1]) > _MOST_SOURCE_PIXELS:
            raise bad_request(
                "Reprojection output too large: the scale of reproject() is far finer than that asked for."
            )
        return [needed]

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Pick."""
        (raster,) = rasters
        if lattice == self.native or raster.values is None or (raster.uniform and raster.mask is None):
            return raster
        columns, rows = nearest(lattice, window, self.native)
        top, left, _, _ = span(columns, rows)
        values = raster.values if raster.uniform else take(raster.values, columns - left, rows - top)
        mask = None if raster.mask is None else take(raster.mask, columns - left, rows - top)
        return Raster(values, mask, raster.uniform)


class ResampleNode(Node):
    """The input interpolated between the pixels of its default projection."""

    def __init__(self, source: Node, mode: str) -> None:
        super().__init__(widen(source.type) if source.type.is_int else source.type, [source])
        self.native, _, _ = place(source.projection)
        self.mode = mode

    def links(self, lattice: Lattice) -> Sequence[Link]:
        """The input on its own lattice."""
        return [(self.inputs[0], self.native)]

    def windows(self, lattice: Lattice, window: Window) -> Sequence[Window | None]:
        """The part below the window, with the pixels that interpolation reaches for."""
        if lattice == self.native:
            return [window]
        columns, rows = fractional(lattice, window, self.native)
        top, left, bottom, right = span(whole(columns - 0.5), whole(rows - 0.5))
        grow = 1 if self.mode == "bicubic" else 0
        return [(top - grow, left - grow, bottom + 1 + grow, right + 1 + grow)]

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Weigh the pixels around; masked where one with a weight is."""
        (raster,) = rasters
        if raster.values is None:
            return EMPTY
        if lattice == self.native or raster.uniform:
            return Raster(raster.values.astype(self.type.dtype), raster.mask, raster.uniform)
        first = self.windows(lattice, window)[0]
        if first is None:
            raise AssertionError("interpolation always needs pixels")
        columns, rows = np.broadcast_arrays(*fractional(lattice, window, self.native))
        x, y = columns - 0.5 - first[1], rows - 0.5 - first[0]
        x0, y0 = whole(x), whole(y)
        reach = (-1, 0, 1, 2) if self.mode == "bicubic" else (0, 1)
        weigh = _cubic if self.mode == "bicubic" else _linear
        total, valid = np.zeros(x.shape), np.ones(x.shape, bool)
        data = raster.values.astype(np.float64)
        for down in reach:
            for across in reach:
                weight = weigh(x - (x0 + across)) * weigh(y - (y0 + down))
                at = (np.clip(y0 + down, 0, data.shape[-2] - 1), np.clip(x0 + across, 0, data.shape[-1] - 1))
                used = np.abs(weight) > 1e-9
                if raster.mask is not None:
                    valid &= raster.mask[at] | ~used
                total += np.where(used, weight * data[at], 0.0)
        return Raster(total.astype(self.type.dtype), None if valid.all() else valid)


def _linear(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.0, 1.0 - np.abs(distance))


def _cubic(distance: NDArray[np.float64]) -> NDArray[np.float64]:
    d = np.abs(distance)
    near, far = (1.5 * d - 2.5) * d * d + 1.0, ((-0.5 * d + 2.5) * d - 4.0) * d + 2.0
    return np.where(d <= 1, near, np.where(d < 2, far, 0.0))


def has_projection(node: Node) -> bool:
    """Whether a band has a default projection of its own."""
    return node.projection is not WGS84 and node.projection != WGS84


def describe(projection: Projection) -> dict[str, Any]:
    """Return a band's `crs` and `crs_transform`."""
    return {"crs": projection.crs, "crs_transform": list(projection.transform)}

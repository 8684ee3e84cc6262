"""The computed pixels of one band on one window."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Values = NDArray[Any]
Mask = NDArray[np.bool_]


class Raster:
    """Values with their mask.

    `values` is `[*array, y, x]`: the axes of array pixels come first, so that concatenating bands, reshaping
    pixels and multiplying by a constant matrix are single operations on contiguous memory. A `uniform`
    raster holds one pixel, `[*array]`, the same everywhere. `mask` is `[y, x]`, or None where every pixel is valid.
    `values` is None where no pixel is valid at all (`EMPTY`).
    """

    __slots__ = ("mask", "uniform", "values")

    def __init__(self, values: Values | None, mask: Mask | None = None, uniform: bool = False) -> None:
        self.values = values
        self.mask = mask
        self.uniform = uniform

    @property
    def empty(self) -> bool:
        """Whether no pixel is valid."""
        return self.values is None

    @property
    def array_shape(self) -> tuple[int, ...]:
        """The shape of each pixel: () for scalars."""
        values = self.filled
        return values.shape if self.uniform else values.shape[:-2]

    @property
    def filled(self) -> Values:
        """The values of a raster that is known not to be empty."""
        if self.values is None:
            raise AssertionError("an empty raster has no values")
        return self.values

    @property
    def spread(self) -> Values:
        """The values with the two pixel axes, of length one where the raster is uniform."""
        values = self.filled
        return values[..., None, None] if self.uniform else values

    def crop(self, top: int, left: int, height: int, width: int) -> Raster:
        """Return the view of a part."""
        if self.values is None or (self.uniform and self.mask is None):
            return self
        part = (slice(top, top + height), slice(left, left + width))
        values = self.values if self.uniform else self.values[(..., *part)]
        return Raster(values, None if self.mask is None else self.mask[part], self.uniform)


EMPTY = Raster(None)


def both(masks: Iterable[Mask | None]) -> Mask | None:
    """Return where all masks are valid; bands that share one mask object cost nothing."""
    found: list[Mask] = []
    for mask in masks:
        if mask is not None and not any(mask is other for other in found):
            found.append(mask)
    if not found:
        return None
    out = found[0]
    for mask in found[1:]:
        out = out & mask
    return out

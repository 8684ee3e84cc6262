"""Lazy bands: a node knows its type and projection, and computes pixels only when a plan asks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eelocal.evaluator.grid import WGS84, Lattice, Projection, Window
from eelocal.evaluator.pixeltype import PixelType, cast
from eelocal.evaluator.raster import EMPTY, Raster, Values, both

Link = tuple["Node", Lattice]


class Node:
    """One lazily computed band.

    Attributes:
        type: the type of its pixels.
        projection: its default projection; WGS 84 with pixels of one degree where it has none of its own.
        inputs: the nodes it is computed from.
    """

    def __init__(self, type_: PixelType, inputs: Sequence[Node] = (), projection: Projection | None = None) -> None:
        """Take the default projection of the first input that has one, unless one is given."""
        self.type = type_
        self.inputs = tuple(inputs)
        if projection is None:
            projection = next((n.projection for n in inputs if n.projection is not WGS84), WGS84)
        self.projection: Projection = projection

    def links(self, lattice: Lattice) -> Sequence[Link]:
        """Return the inputs, each with the lattice it is computed on."""
        return [(node, lattice) for node in self.inputs]

    def windows(self, lattice: Lattice, window: Window) -> Sequence[Window | None]:
        """Return, for each link, the part of it that a window of this node needs (None for nothing)."""
        return [window] * len(self.inputs)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Return the pixels of a window from those of the links."""
        raise NotImplementedError  # every kind of node writes its own


class ConstantNode(Node):
    """The same pixel everywhere: a number or an array."""

    def __init__(self, value: Values, type_: PixelType) -> None:
        super().__init__(type_)
        self.raster = Raster(np.asarray(value, dtype=type_.dtype), None, uniform=True)

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Return the one pixel."""
        return self.raster


class ValuesNode(Node):
    """A function of the values of its inputs at the same pixel; masked where any input is.

    The function gets `[*array, y, x]` of each input, with pixel axes of length one for uniform inputs, and returns
    values of that form.
    """

    def __init__(self, function: Callable[..., Values], type_: PixelType, inputs: Sequence[Node]) -> None:
        super().__init__(type_, inputs)
        self.function = function

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Apply the function."""
        if any(raster.values is None for raster in rasters):
            return EMPTY
        uniform = all(raster.uniform for raster in rasters)
        with np.errstate(all="ignore"):
            values = cast(self.function(*(raster.spread for raster in rasters)), self.type)
        return Raster(values[..., 0, 0] if uniform else values, both(raster.mask for raster in rasters), uniform)


class MaskedNode(Node):
    """A function of whole rasters, masks included."""

    def __init__(self, function: Callable[..., Raster], type_: PixelType, inputs: Sequence[Node]) -> None:
        super().__init__(type_, inputs)
        self.function = function

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Apply the function."""
        with np.errstate(all="ignore"):
            return self.function(*rasters)


class LatticeNode(Node):
    """Values that depend on where the pixel lies alone."""

    def __init__(
        self, function: Callable[[Lattice, Window], Values | Raster], type_: PixelType, inputs: Any = ()
    ) -> None:
        """Keep the function: a lattice and a window in, `[y, x]` out."""
        super().__init__(type_, inputs)
        self.function = function

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Apply the function."""
        out = self.function(lattice, window)
        return out if isinstance(out, Raster) else Raster(out.astype(self.type.dtype, copy=False))

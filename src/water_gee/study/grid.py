"""The study's pixel lattice, windows on it, and its division into tiles."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import numpy as np
import shapely
from affine import Affine
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

_SLACK = 1e-6  # share of a pixel by which a bound may miss the lattice from rounding alone
_EDGE = 0.01  # share of a pixel by which an area must reach into a tile: a datum's rounding makes it no tile of its own


@dataclass(frozen=True)
class Window:
    """A rectangle of whole pixels: `left` counts east and `top` counts south from the lattice's origin."""

    left: int
    top: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """The first pixel column east of the window."""
        return self.left + self.width

    @property
    def bottom(self) -> int:
        """The first pixel row south of the window."""
        return self.top + self.height

    def buffer(self, pixels: int) -> Self:
        """Return the window grown by `pixels` on each side."""
        return type(self)(self.left - pixels, self.top - pixels, self.width + 2 * pixels, self.height + 2 * pixels)

    def intersects(self, other: "Window") -> bool:
        """Return whether the two share a pixel."""
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom

    def __or__(self, other: "Window") -> Self:
        """Return the smallest window that holds both."""
        left, top = min(self.left, other.left), min(self.top, other.top)
        return type(self)(left, top, max(self.right, other.right) - left, max(self.bottom, other.bottom) - top)

    def __and__(self, other: "Window") -> Self:
        """Return what two windows that meet have in common."""
        left, top = max(self.left, other.left), max(self.top, other.top)
        return type(self)(left, top, min(self.right, other.right) - left, min(self.bottom, other.bottom) - top)

    def __contains__(self, other: "Window") -> bool:
        """Return whether every pixel of the other is one of this window's."""
        return self | other == self

    def quarters(self) -> list[Self]:
        """Return the window's parts, cut across each side of more than one pixel."""
        rows, columns = _halved(self.top, self.height), _halved(self.left, self.width)
        return [type(self)(left, top, width, height) for top, height in rows for left, width in columns]

    def within(self, other: "Window") -> tuple[slice, slice]:
        """Return the (y, x) slices of this window in an array that holds `other`."""
        y, x = self.top - other.top, self.left - other.left
        return slice(y, y + self.height), slice(x, x + self.width)


def _halved(start: int, length: int) -> list[tuple[int, int]]:
    half = length // 2
    return [(start, half), (start + half, length - half)] if half else [(start, length)]


@dataclass(frozen=True)
class Grid:
    """One fixed lattice of pixels: a crs, a scale in its units, and a corner through which it passes."""

    crs: str
    scale: float
    origin: tuple[float, float] = (0.0, 0.0)

    def transform(self, window: Window) -> Affine:
        """Return the affine transform of a window: pixel (column, row) to crs (x, y)."""
        x = self.origin[0] + window.left * self.scale
        y = self.origin[1] - window.top * self.scale
        return Affine(self.scale, 0.0, x, 0.0, -self.scale, y)

    def bounds(self, window: Window) -> tuple[float, float, float, float]:
        """Return (left, bottom, right, top) of a window in crs units."""
        left, top = self.origin[0] + window.left * self.scale, self.origin[1] - window.top * self.scale
        return left, top - window.height * self.scale, left + window.width * self.scale, top

    def window(self, bounds: tuple[float, float, float, float]) -> Window:
        """Return the smallest window that covers (left, bottom, right, top) in crs units."""
        left = math.floor((bounds[0] - self.origin[0]) / self.scale + _SLACK)
        right = math.ceil((bounds[2] - self.origin[0]) / self.scale - _SLACK)
        top = math.floor((self.origin[1] - bounds[3]) / self.scale + _SLACK)
        bottom = math.ceil((self.origin[1] - bounds[1]) / self.scale - _SLACK)
        return Window(left, top, right - left, bottom - top)


@dataclass(frozen=True)
class Tile:
    """A square of the lattice in one year, and the margin of neighbours that is stored around it.

    `column` counts east and `row` counts north from the origin, in tiles, so that an id never changes
    when an area grows.
    """

    area: str
    year: int
    column: int
    row: int
    size: int
    margin: int

    @property
    def id(self) -> str:
        """The tile's name: its year, column and row."""
        return f"{self.year}_c{self.column:04d}_r{self.row:04d}"

    @property
    def window(self) -> Window:
        """The tile's own pixels."""
        return Window(self.column * self.size, -(self.row + 1) * self.size, self.size, self.size)

    @property
    def core(self) -> tuple[slice, slice]:
        """The (y, x) slices of the tile's own pixels in what is stored."""
        return self.window.within(self.outer)

    @property
    def outer(self) -> Window:
        """The tile's own pixels and its margin: what is stored."""
        return self.window.buffer(self.margin)


def tiles_of(area: str, geometry: BaseGeometry, grid: Grid, *, year: int, size: int, margin: int) -> Iterator[Tile]:
    """Yield the tiles whose own pixels meet `geometry` (in the grid's crs), north to south, west to east."""
    if geometry.is_empty:
        return
    window = grid.window(geometry.bounds)
    columns = np.arange(window.left // size, -(-window.right // size))
    edge, side = _EDGE * grid.scale, size * grid.scale
    west = grid.origin[0] + columns * side
    shapely.prepare(geometry)
    for south in range(window.top // size, -(-window.bottom // size)):
        north = grid.origin[1] - south * side
        squares = shapely.box(west + edge, north - side + edge, west + side - edge, north - edge)
        for column in columns[shapely.intersects(geometry, squares)]:
            yield Tile(area, year, int(column), -(south + 1), size, margin)


def outline(grid: Grid, window: Window) -> Polygon:
    """Return a window's outline in the grid's crs."""
    return box(*grid.bounds(window))

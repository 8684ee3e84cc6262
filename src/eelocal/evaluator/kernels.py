"""Kernels: the weights of a neighbourhood around a focus pixel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.registry import implements

Cell = tuple[int, int, float]
"""Rows below and columns right of the focus, and a weight."""


@dataclass(frozen=True, eq=False)
class Kernel:
    """Weights `[y, x]`; `x`, `y` the focus from the left and the top; `shape` what it was made as."""

    weights: NDArray[np.float64]
    x: int
    y: int
    shape: str

    def cells(self, zero: bool = False) -> list[Cell]:
        """Return the cells, row by row; those of no weight only if asked."""
        height, width = self.weights.shape
        return [
            (row - self.y, col - self.x, float(self.weights[row, col]))
            for row in range(height)
            for col in range(width)
            if zero or self.weights[row, col] != 0
        ]


def scaled(weights: NDArray[np.float64], normalize: bool, magnitude: float = 1.0) -> NDArray[np.float64]:
    """Normalise weights to a sum of one, or of zero where any is negative, and multiply by the magnitude."""
    if normalize:
        if (weights < 0).any():
            weights = weights - weights.mean()
        elif weights.sum() != 0:
            weights = weights / weights.sum()
    return weights * magnitude


def _centred(weights: NDArray[np.float64], shape: str, normalize: bool, magnitude: float) -> Kernel:
    height, width = weights.shape
    return Kernel(scaled(weights, normalize, magnitude), width // 2, height // 2, shape)


@implements("Kernel.fixed")
def fixed(width: int, height: int, weights: list[Any], x: int, y: int, normalize: bool) -> Kernel:
    """Weights are `[height][width]`; the focus defaults to the middle."""
    try:
        table = np.array(weights, dtype=np.float64)
    except (TypeError, ValueError):
        raise bad_request("The weights must be a list of rows of numbers, all of one length.") from None
    if table.ndim != 2 or not table.size:
        raise bad_request("The weights must be a list of rows of numbers, all of one length.")
    rows, cols = table.shape
    if (width not in (-1, cols)) or (height not in (-1, rows)):
        raise bad_request(f"The weights are {rows} rows of {cols}, not {height} rows of {width}.")
    x, y = cols // 2 if x == -1 else x, rows // 2 if y == -1 else y
    if not (0 <= x < cols and 0 <= y < rows):
        raise bad_request(f"The focus ({x}, {y}) is outside of the kernel.")
    return Kernel(scaled(table, normalize), x, y, "fixed")


def need_pixels(units: str) -> None:
    """Refuse kernels in metres.

    Raises:
        EEError: for any unit but pixels.
    """
    if units != "pixels":
        raise bad_request(f"eelocal does not implement kernels in {units}; give the radius in pixels.")


def _offsets(radius: float, other: float | None = None) -> tuple[NDArray[Any], NDArray[Any]]:
    if radius < 0 or (other is not None and other < 0):
        raise bad_request("The radius must not be negative.")
    across = int(np.ceil(radius - 0.5)) if radius != int(radius) else int(radius)
    down = across if other is None else int(other)
    y, x = np.mgrid[-down : down + 1, -across : across + 1]
    return y, x


Inside = Callable[[NDArray[Any], NDArray[Any], float], NDArray[Any]]
_SHAPES: dict[str, Inside] = {
    "square": lambda y, x, r: np.ones(y.shape),
    "circle": lambda y, x, r: x * x + y * y <= r * r,
    "plus": lambda y, x, r: (x == 0) | (y == 0),
    "cross": lambda y, x, r: abs(x) == abs(y),
    "diamond": lambda y, x, r: abs(x) + abs(y) <= r,
    "octagon": lambda y, x, r: abs(x) + abs(y) <= np.floor(r * 1.5 + 0.5),
}


def named(shape: str, radius: float, normalize: bool = True, magnitude: float = 1.0) -> Kernel:
    """Return a kernel of a named shape.

    Raises:
        EEError: for an unknown shape.
    """
    inside = _SHAPES.get(shape)
    if inside is None:
        raise bad_request(f"Unknown kernel type '{shape}'.")
    y, x = _offsets(radius)
    return _centred(np.asarray(inside(y, x, radius), np.float64), shape, normalize, magnitude)


def _register(shape: str) -> None:
    @implements(f"Kernel.{shape}", note="in pixels only")
    def make(radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
        need_pixels(units)
        return named(shape, radius, normalize, magnitude)


for _shape in _SHAPES:
    _register(_shape)


@implements("Kernel.rectangle", note="in pixels only")
def rectangle(x_radius: float, y_radius: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """All cells alike."""
    need_pixels(units)
    y, _ = _offsets(x_radius, y_radius)
    return _centred(np.ones(y.shape), "rectangle", normalize, magnitude)


@implements("Kernel.gaussian", note="in pixels only")
def gaussian(radius: float, sigma: float, units: str, normalize: bool, magnitude: float) -> Kernel:
    """A Gaussian sampled at the pixels' centres."""
    need_pixels(units)
    y, x = _offsets(radius)
    return _centred(np.exp(-(x * x + y * y) / (2 * sigma * sigma)), "gaussian", normalize, magnitude)


def _register_edge(shape: str, table: list[list[int]]) -> None:
    @implements(f"Kernel.{shape}")
    def make(magnitude: float, normalize: bool) -> Kernel:
        return _centred(np.array(table, np.float64), shape, normalize, magnitude)


_register_edge("sobel", [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]])
_register_edge("prewitt", [[1, 0, -1], [1, 0, -1], [1, 0, -1]])
_register_edge("laplacian4", [[0, 1, 0], [1, -4, 1], [0, 1, 0]])
_register_edge("laplacian8", [[1, 1, 1], [1, -8, 1], [1, 1, 1]])

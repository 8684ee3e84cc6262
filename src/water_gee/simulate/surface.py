"""From the routing grid to the drawing grid of 10 m: a smooth surface, with detail that the routing does not see."""

import numpy as np
from scipy.interpolate import RectBivariateSpline

from water_gee.simulate.noise import Floats, fractal, smoothstep
from water_gee.simulate.routing import Array
from water_gee.simulate.spec import FINE, SCALE
from water_gee.simulate.terrain import CELLS

CELL = SCALE / FINE  # metres along a cell of the drawing grid


def refine(values: Array, pad: int, *, order: int = 3) -> Floats:
    """Return `values` of the routing grid on the 10 m cells of the strip, [y, x], by splines of the given order."""
    count = values.shape[0]
    nodes = np.arange(count, dtype=np.float64)
    cells = (np.arange((count - 2 * pad) * CELLS) + 0.5) / CELLS - 0.5 + pad
    spline = RectBivariateSpline(nodes, nodes, values, kx=order, ky=order)
    refined: Floats = spline(cells, cells).astype(np.float32)
    return refined


def detailed(height: Array, pad: int, generator: np.random.Generator) -> Floats:
    """Return the ground at 10 m: refined, with roughness that grows with slope from 0.2 m on plains to 9 m on crags."""
    ground = refine(height, pad)
    south, east = np.gradient(height, CELLS * CELL)
    steep = refine(np.hypot(south, east), pad, order=1)
    amplitude = 0.2 + 3.0 * smoothstep(steep, 0.02, 0.45) + 6.0 * smoothstep(steep, 0.45, 0.85)
    ground += amplitude * fractal(ground.shape, generator, exponent=3.5, longest=45.0)
    return ground


def normals(ground: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the unit normals of `ground` (m, cells of 10 m): their eastward, northward and upward parts, [y, x]."""
    south, east = np.gradient(ground, np.float32(CELL))
    up = 1.0 / np.sqrt(1.0 + south * south + east * east)
    return -east * up, south * up, up


def block_mean(values: Floats, by: int = FINE) -> Floats:
    """Return the means of blocks of `by` x `by` cells: from the drawing grid to pixels."""
    rows, columns = values.shape[0] // by, values.shape[1] // by
    # Summing rows first keeps the reads sequential; a mean over two axes at once is four times slower.
    total = values.reshape(rows, by, columns * by).sum(axis=1)
    mean: Floats = total.reshape(rows, columns, by).sum(axis=2) * np.float32(1.0 / by**2)
    return mean

"""Rivers as drawn lines: smooth centre lines through the routing grid, as wide as their drainage area makes them."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from water_gee.simulate.basins import Basins
from water_gee.simulate.noise import Floats, fractal, smoothstep
from water_gee.simulate.routing import Array, Indices
from water_gee.simulate.surface import CELL
from water_gee.simulate.terrain import CELLS

# Width in m at 1 km2. It grows with the root of the area, as in hydraulic geometry (Leopold and Maddock 1953); the
# factor is an assumption.
_WIDTH = 3.0
_LEAST_AREA = 0.8  # km2: smaller brooks vanish under their banks
_SMOOTHING = 5  # passes over the centre lines, whose nodes lie on a grid


@dataclass(frozen=True)
class Lines:
    """Pieces of centre lines, in cells of the drawing grid from its north-west corner, and their widths in cells."""

    x0: Array
    y0: Array
    x1: Array
    y1: Array
    width: Array


def centre_lines(basins: Basins, generator: np.random.Generator) -> Lines:
    """Return the centre lines of all rivers that drain more than 0.8 km2; they meander on plains."""
    relief = basins.relief
    count = basins.height.shape[0]
    nodes = np.flatnonzero(basins.area.ravel() > _LEAST_AREA)
    place = np.full(count * count, -1)
    place[nodes] = np.arange(nodes.size)
    receiver = basins.flow.receiver[nodes]
    below = np.where(place[receiver] >= 0, place[receiver], np.arange(nodes.size))
    area = basins.area.ravel()[nodes]
    above = _main_donor(below, area)
    y, x = (axis.astype(np.float64) for axis in np.divmod(nodes, count))
    for _ in range(_SMOOTHING):
        y, x = (0.5 * line + 0.25 * line[below] + 0.25 * line[above] for line in (y, x))
    width = _WIDTH * np.sqrt(area)

    # Bends some ten widths long and two widths deep, where the ground is flat.
    steep = np.hypot(*np.gradient(ndimage.gaussian_filter(basins.height, 3.0), CELLS * CELL)).astype(np.float32)
    flat = smoothstep(steep, 0.08, 0.015).ravel()[nodes]
    shape = (count, count)
    for wide, longest in ((15.0, 8.0), (70.0, 26.0)):
        depth = flat * np.minimum(np.minimum(width, wide) * 1.6, 90.0) / (CELLS * CELL)
        for line in (y, x):
            line += depth * fractal(shape, generator, exponent=3.5, longest=longest, shortest=4.0).ravel()[nodes]
    y, x = ((line - relief.pad + 0.5) * CELLS for line in (y, x))
    keep = below != np.arange(nodes.size)
    return Lines(x[keep], y[keep], x[below][keep], y[below][keep], width[keep] / CELL)


def draw(coverage: Floats, lines: Lines) -> None:
    """Raise `coverage` [y, x] (share of a cell) to the share that `lines` cover; edges and brooks are partial."""
    rows, columns = coverage.shape
    flat = coverage.reshape(-1)
    length = np.hypot(lines.x1 - lines.x0, lines.y1 - lines.y0)
    pieces = np.maximum(np.ceil(length / np.clip(lines.width / 5, 0.45, 3.0)), 1).astype(np.int64)
    which = np.repeat(np.arange(pieces.size), pieces)
    share = (np.arange(which.size) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[which]
    x = lines.x0[which] + share * (lines.x1 - lines.x0)[which]
    y = lines.y0[which] + share * (lines.y1 - lines.y0)[which]
    width = lines.width[which]
    reach = np.ceil(width / 2 + 0.5).astype(np.int64)
    for extent in np.unique(reach):
        of = np.flatnonzero(reach == extent)
        across = np.arange(-extent, extent + 1)
        for dy in across:
            for dx in across:
                if dx**2 + dy**2 > (extent + 1) ** 2:
                    continue
                column, row = np.floor(x[of]).astype(np.int64) + dx, np.floor(y[of]).astype(np.int64) + dy
                distance = np.hypot(column + 0.5 - x[of], row + 0.5 - y[of])
                part = np.clip(width[of] / 2 - distance + 0.5, 0.0, np.minimum(width[of], 1.0))
                hit = (part > 0) & (column >= 0) & (column < columns) & (row >= 0) & (row < rows)
                np.maximum.at(flat, row[hit] * columns + column[hit], part[hit].astype(np.float32))


def _main_donor(below: Indices, area: Array) -> Indices:
    """Return each node's largest donor, or the node itself at a source."""
    order = np.argsort(area, kind="stable")  # the largest is written last and stays
    above = np.arange(below.size)
    order = order[below[order] != order]
    above[below[order]] = order
    return above

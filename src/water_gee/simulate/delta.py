"""The delta that the main river builds into the large lake."""

import numpy as np
from numpy.typing import NDArray

from water_gee.simulate.basins import Basins
from water_gee.simulate.noise import Floats, fractal
from water_gee.simulate.rivers import Lines, draw
from water_gee.simulate.surface import CELL, refine
from water_gee.simulate.terrain import CELLS

_REACH = 0.55  # of the root of the lake's area: how far the delta has grown (assumption)
_ARMS = 7
_OPENING = 1.15  # radians from the delta's axis to its flanks


def build_delta(
    basins: Basins, lake: NDArray[np.bool_], generator: np.random.Generator
) -> tuple[NDArray[np.bool_], Floats, tuple[float, float]]:
    """Return the delta's ground, its arms (share of each cell under water), and its tip (row, column), at 10 m.

    `lake` is the large lake, [y, x]. The ground fans out from the place where the main river enters it; arms split
    towards the front and narrow as they share the river's water.
    """
    path = basins.flow.downstream(int(basins.relief.main[0]), basins.flow.receiver)
    count = basins.height.shape[0]
    rows, columns = ((axis - basins.relief.pad + 0.5) * CELLS for axis in np.divmod(path, count))
    arms = np.zeros(lake.shape, np.float32)
    entry = _entry(lake, rows, columns)
    if entry is None:
        return np.zeros(lake.shape, np.bool_), arms, (0.0, 0.0)
    apex_y, apex_x = rows[entry], columns[entry]
    size = float(np.sqrt(lake.sum()))
    y, x = np.nonzero(lake[::CELLS, ::CELLS])
    near = np.hypot(y * CELLS - apex_y, x * CELLS - apex_x) < size
    axis = np.arctan2((y[near] * CELLS).mean() - apex_y, (x[near] * CELLS).mean() - apex_x)

    reach = _REACH * size
    grid_y = np.arange(lake.shape[0], dtype=np.float32)[:, None] - np.float32(apex_y)
    grid_x = np.arange(lake.shape[1], dtype=np.float32)[None, :] - np.float32(apex_x)
    distance = np.hypot(grid_y, grid_x)
    turn = (np.arctan2(grid_y, grid_x) - np.float32(axis) + np.pi) % (2 * np.pi) - np.pi
    node_shape = basins.height.shape
    ragged = fractal(node_shape, generator, exponent=2.6, longest=max(size / 5 / CELLS, 8.0)).astype(np.float64)
    lobes = refine(ragged, basins.relief.pad)
    front = reach * np.maximum(np.cos(turn / _OPENING * np.pi / 2), 0.0) ** 0.5 * np.exp(0.16 * lobes)
    fan = lake & ((distance < front * (np.abs(turn) < _OPENING)) | (distance < 0.12 * reach))

    main_width = float(3.0 * np.sqrt(basins.area.flat[path[entry]]) / CELL)
    for arm in range(_ARMS):
        goal = _OPENING * 0.85 * (2 * (arm + generator.uniform(0.25, 0.75)) / _ARMS - 1)
        share = generator.uniform(0.25, 0.6)
        draw(arms, _arm(apex_x, apex_y, axis, goal, reach, main_width * share, generator))
    arms *= fan
    tip = (apex_y + 0.8 * reach * np.sin(axis), apex_x + 0.8 * reach * np.cos(axis))
    return fan, arms, (float(tip[0]), float(tip[1]))


def _entry(lake: NDArray[np.bool_], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> int | None:
    """Return the place on the river's path, just inside the lake, or None where it misses the lake."""
    for place, (row, column) in enumerate(zip(rows, columns, strict=True)):
        inside = 0 <= row < lake.shape[0] and 0 <= column < lake.shape[1]
        if inside and lake[int(row), int(column)]:
            return place
    return None


def _arm(
    x: float, y: float, axis: float, goal: float, reach: float, width: float, generator: np.random.Generator
) -> Lines:
    """Return one arm as a line that leaves the apex along the axis, turns towards `goal` and wanders."""
    steps = np.linspace(0.0, 1.35, 60)
    phase = generator.uniform(0, 2 * np.pi, 2)
    wander = 0.10 * np.sin(9.0 * steps + phase[0]) + 0.06 * np.sin(21.0 * steps + phase[1])
    turn = axis + goal * np.minimum(steps * 1.6, 1.0) ** 0.7 + wander
    xs, ys = x + steps * reach * np.cos(turn), y + steps * reach * np.sin(turn)
    widths = width * (1.0 - 0.45 * np.minimum(steps[:-1], 1.0))
    return Lines(xs[:-1], ys[:-1], xs[1:], ys[1:], widths)

"""Basins for lakes: a large one on the main river, many small ones on the plains, and a valley that a dam can fill."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.noise import fractal, smoothstep
from water_gee.simulate.routing import Array, Flow
from water_gee.simulate.terrain import SPACING, Relief

_LAKE_DEPTH = 70.0  # m below the main river's bed, at the middle of the large lake
_HOLLOW_DEPTH = 9.0  # m, of the hollows that ice and thaw leave on plains
_LAKE_SHARE = 0.036  # of the strip, the bowl of the large lake


@dataclass(frozen=True)
class Basins:
    """The terrain with its lakes, on the routing grid [y, x]."""

    relief: Relief
    height: Array  # m, of the ground; lake beds included
    flow: Flow
    area: Array  # km2 that drain through each node
    level: Array  # m, of the water: a lake's where there is one, else the ground's
    above: Array  # m above the nearest river
    lake: NDArray[np.int32]  # 0, or the number of a lake
    main_lake: int  # the number of the large one
    reservoir: NDArray[np.bool_]  # all that drains through the dam
    dam_foot: float  # m, the river's height at the dam
    dam_height: float  # m


def make_basins(relief: Relief, water_share: float, generator: np.random.Generator) -> Basins:
    """Return `relief` with basins, its depressions filled to lakes that cover about `water_share` of the strip."""
    ground, centre = _bowl(relief, generator)
    flow, area = relief.route(ground)
    dam, dam_height = _dam_site(relief, ground, flow, area, centre)
    reservoir = _upstream(flow, dam)
    behind = reservoir & (ground < ground.flat[dam] + dam_height)
    above = _above_river(relief, flow, ground, area)
    hollows = _hollows(ground, above, reservoir, generator)

    # As many hollows as it takes to reach the share: the deeper all are sunk, the more of them hold water.
    low, high = 0.0, 3.0
    window = (relief.window, relief.window)
    for _ in range(4):
        middle = (low + high) / 2
        height = ground - _HOLLOW_DEPTH * np.maximum(hollows - middle, 0.0)
        flow, area = relief.route(height)
        lakes, level = _lakes(flow, height, behind)
        share = float(((lakes > 0) | behind)[window].mean())
        low, high = (middle, high) if share > water_share else (low, middle)
    main = int(lakes.flat[centre]) or int(np.bincount(lakes[lakes > 0]).argmax())
    above = _above_river(relief, flow, height, area)
    return Basins(relief, height, flow, area, level, above, lakes, main, reservoir, float(ground.flat[dam]), dam_height)


def _bowl(relief: Relief, generator: np.random.Generator) -> tuple[Array, int]:
    """Return the terrain with the large lake's bowl sunk into it, and the node at its middle."""
    height, count = relief.height, relief.height.shape[0]
    inner = count - 2 * relief.pad
    rows, columns = np.divmod(relief.main, count)
    off = np.hypot(rows - count / 2, columns - count / 2)
    place = int(np.argmin(off))
    before, after = relief.main[max(place - inner // 6, 0)], relief.main[min(place + inner // 6, relief.main.size - 1)]
    along = np.subtract(np.divmod(after, count), np.divmod(before, count)).astype(np.float64)
    along /= max(float(np.hypot(*along)), 1e-9)
    y, x = np.mgrid[:count, :count]
    dy, dx = y - rows[place], x - columns[place]
    wide = inner * np.sqrt(_LAKE_SHARE / (1.7 * np.pi))
    u, v = (dy * along[0] + dx * along[1]) / (1.7 * wide), (-dy * along[1] + dx * along[0]) / wide
    wobble = fractal((count, count), generator, exponent=3.2, longest=inner / 3)
    radius = (u**2 + v**2) * np.exp(0.55 * wobble)
    bed = height.flat[relief.main[place]] + _LAKE_DEPTH * (inner / 512) ** 0.5 * (radius - 1.0)
    return np.minimum(height, bed), int(relief.main[place])


def _hollows(ground: Array, above: Array, reservoir: NDArray[np.bool_], generator: np.random.Generator) -> Array:
    """Return where the ground is prone to hollows, [y, x]: larger is deeper; on plains and wide valley floors only."""
    shape = ground.shape
    steep = np.hypot(*np.gradient(ndimage.gaussian_filter(ground, 2.0), SPACING)).astype(np.float32)
    flat = smoothstep(steep, 0.05, 0.012) * smoothstep(above.astype(np.float32), 45.0, 20.0)
    field = fractal(shape, generator, exponent=2.9, longest=44.0, shortest=3.0)
    crowd = smoothstep(fractal(shape, generator, exponent=3.0, longest=shape[0] / 3), -0.9, 0.9)  # districts of lakes
    hollows: Array = np.where(reservoir, 0.0, field * flat * (0.35 + 0.65 * crowd)).astype(np.float64)
    return hollows


def _lakes(flow: Flow, height: Array, behind: NDArray[np.bool_]) -> tuple[NDArray[np.int32], Array]:
    """Return the lakes' numbers (0: none) and the water level, [y, x]; ground behind the dam is the reservoir's."""
    level = flow.fill(height)
    wet = (level - height > 0.25) & ~behind
    numbers, _ = ndimage.label(wet, structure=np.ones((3, 3)))
    sizes = np.bincount(numbers.ravel())
    numbers[sizes[numbers] < 2] = 0
    return numbers.astype(np.int32), level


def _above_river(relief: Relief, flow: Flow, height: Array, area: Array) -> Array:
    """Return each node's height (m) above the water it drains to: above nearest drainage (Renno et al. 2008)."""
    least = 2.0 * (relief.height.shape[0] / 640)
    base = flow.inherit(flow.fill(height), (area > least) | relief.outlets)
    return np.maximum(height - base, 0.0)


def _upstream(flow: Flow, node: int) -> NDArray[np.bool_]:
    """Return the nodes that drain through `node`, itself included, [y, x]."""
    mark = np.zeros(flow.shape)
    mark.flat[node] = 1.0
    own = np.zeros(flow.shape, np.bool_)
    own.flat[node] = True
    return flow.inherit(mark, own) > 0.5


def _dam_site(relief: Relief, ground: Array, flow: Flow, area: Array, lake: int) -> tuple[int, float]:
    """Return the node and height (m) of the dam on a tributary that holds most water behind a short wall."""
    count = ground.shape[0]
    inner = count - 2 * relief.pad
    rows, columns = np.divmod(np.arange(ground.size), count)
    margin = relief.pad + inner // 12
    inside = (np.minimum(rows, columns) > margin) & (np.maximum(rows, columns) < count - margin)
    domain = _of_strip(inner)
    far = np.hypot(rows - lake // count, columns - lake % count) > inner / 5
    candidates = np.flatnonzero(inside & far & (area.ravel() > 0.012 * domain) & (area.ravel() < 0.25 * domain))
    if candidates.size == 0:
        candidates = np.flatnonzero(inside & (area.ravel() > 0.004 * domain) & (area.ravel() < 0.25 * domain))
    wanted = 0.010 * inner**2
    best = (-np.inf, int(candidates[0]), 20.0)
    for node in candidates[:: max(candidates.size // 24, 1)]:
        basin = _upstream(flow, int(node))
        rim = basin & ~ndimage.binary_erosion(basin)
        held = basin & inside.reshape(basin.shape)
        heights = ground[held] - ground.flat[node]
        for tall in (12.0, 20.0, 30.0, 42.0):
            extent = float((heights < tall).sum())
            wall = float((rim & (ground < ground.flat[node] + tall)).sum())
            score = min(extent, wanted) - max(extent - 1.6 * wanted, 0.0) - wanted * (wall / 14.0) ** 2
            if score > best[0]:
                best = (score, int(node), tall)
    return best[1], best[2]


def _of_strip(inner: int) -> float:
    return float((inner * SPACING / 1000) ** 2)

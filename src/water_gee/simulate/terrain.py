"""Terrain that rivers have carved: uplift against stream-power erosion, on the routing grid of 60 m.

The domain is larger than the strip, and a main river enters it at the top and leaves at the bottom, so that the strip
is a window on a landscape and not an island. All of it is turned by a random quarter in the end.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.noise import fractal, smoothstep
from water_gee.simulate.routing import Array, Flow, Indices, route
from water_gee.simulate.spec import FINE, NODE, SCALE

SPACING = SCALE * NODE  # metres between nodes
CELLS = FINE * NODE  # cells of the drawing grid along a node
_NODE_AREA = (SPACING / 1000) ** 2  # km2
_INFLOW = 2500.0  # km2 that drain into the domain from above it, for a strip of 1024 pixels (assumption)
_STEEPNESS = 0.12  # uplift over erodibility: the slope of a mountain channel that drains 1 km2 (assumption)
_BASE = 450.0  # metres: the lowest outlet, about the level of Lake Baikal


@dataclass(frozen=True)
class Relief:
    """The carved terrain on the routing grid, [y, x], and its main river."""

    height: Array  # m
    inflow: Array  # km2 that enter from outside, at one node
    outlets: NDArray[np.bool_]
    main: Indices  # the main river's nodes, from where it enters to where it leaves
    pad: int  # nodes around the strip

    @property
    def window(self) -> slice:
        """The strip, along either axis."""
        return slice(self.pad, self.height.shape[0] - self.pad)

    def route(self, height: Array) -> tuple[Flow, Array]:
        """Return the drainage of `height` and the area (km2) that drains through each node, [y, x]."""
        flow = route(height, self.outlets, SPACING)
        return flow, flow.accumulate(_NODE_AREA + self.inflow)


def carve(size: int, generator: np.random.Generator) -> Relief:
    """Return a terrain for a strip of `size` pixels.

    Mountains of up to some 1,300 m stand beside the valley of the main river, high on one side and low on the other;
    erodibility varies with the rock. Slopes end at the angle where loose ground slides (30 to 40 degrees; cliffs of
    hard rock to 50).
    """
    inner, pad = size // NODE, size // 16
    count = inner + 2 * pad
    uplift, slide = _tectonics(count, generator)
    inflow = np.zeros((count, count))
    entry = int(np.argmin(uplift[0]))
    inflow[0, entry] = _INFLOW * (size / 1024) ** 2
    outlets = np.zeros((count, count), np.bool_)
    way_out = int(np.argmin(uplift[-1]))
    reach = max(count // 32, 1)
    outlets[-1, max(way_out - reach, 0) : way_out + reach] = True

    coarse = _shrink(count)
    height = 5.0 * fractal((coarse, coarse), generator, exponent=3.0, longest=coarse / 2).astype(np.float64)
    height += 20.0 * np.linspace(1, 0, coarse)[:, None] + 60.0 * _resize(uplift, coarse)
    height = _evolve(height, _resize(uplift, coarse), _resize(slide, coarse), inflow, outlets, steps=24)
    height = _resize(height, count)
    height += 2.0 * fractal((count, count), generator, exponent=2.5, longest=20.0)
    height = _evolve(height, uplift, slide, inflow, outlets, steps=4)

    turns = int(generator.integers(4))
    height, inflow = np.rot90(height, turns).copy(), np.rot90(inflow, turns).copy()
    outlets = np.rot90(outlets, turns).copy()
    height = _plains(height, inflow, outlets, size)
    height += _BASE - height.min()
    flow = route(height, outlets, SPACING)
    main = flow.downstream(int(np.argmax(inflow)), flow.receiver)
    return Relief(height, inflow, outlets, main, pad)


def _tectonics(count: int, generator: np.random.Generator) -> tuple[Array, Array]:
    """Return uplift (1 in high mountains) and the steepest stable slope, [y, x]; the main valley runs down the rows."""
    shape = (count, count)
    rows = np.linspace(0, 1, count)
    phase, swing = generator.uniform(0, 2 * np.pi), generator.uniform(0.04, 0.09)
    axis = generator.uniform(0.42, 0.58) + swing * np.sin(2 * np.pi * rows + phase)
    across = np.linspace(0, 1, count)[None, :] - axis[:, None]
    across = across + 0.045 * fractal(shape, generator, exponent=3.5, longest=count / 2)
    tall = 1.0 if generator.random() < 0.5 else -1.0
    ranges = np.where(across * tall > 0, 1.0, 0.45)
    edge = smoothstep(np.abs(across).astype(np.float32), 0.09, 0.36)
    rough = 1.0 + 0.35 * fractal(shape, generator, exponent=3.0, longest=count / 4)
    hills = 0.10 * np.maximum(fractal(shape, generator, exponent=3.0, longest=count / 6), 0.0)
    uplift = 0.04 + hills + edge * ranges * np.clip(rough, 0.3, 1.8)
    hard = fractal(shape, generator, exponent=2.5, longest=count / 6)
    slide = 0.62 + 0.22 * smoothstep(hard, -1.0, 1.0) + 0.45 * smoothstep(hard, 1.0, 2.0)
    return uplift.astype(np.float64), slide.astype(np.float64)


def _evolve(
    height: Array, uplift: Array, slide: Array, inflow: Array, outlets: NDArray[np.bool_], *, steps: int
) -> Array:
    """Return `height` (m) after `steps` of uplift and erosion; the drainage is routed anew at each."""
    count, full = height.shape[0], inflow.shape[0]
    spacing = SPACING * full / count
    shrink = full // count
    area_in = inflow.reshape(count, shrink, count, shrink).sum(axis=(1, 3))
    doors = np.asarray(outlets.reshape(count, shrink, count, shrink).any(axis=(1, 3)))
    for _ in range(steps):
        flow = route(height, doors, spacing)
        area = flow.accumulate((spacing / 1000) ** 2 + area_in)
        raised = height + np.where(doors, 0.0, 1000.0 * _STEEPNESS * uplift)
        height = flow.erode(raised, 1000.0 * np.sqrt(area), slide, spacing)
    return height


def _plains(height: Array, inflow: Array, outlets: NDArray[np.bool_], size: int) -> Array:
    """Return `height` with valley floors filled by sediment: flat close to the rivers, unchanged high above them.

    The height above the nearest drainage h becomes h**2 / (h + depth), where depth grows with the river (assumption).
    """
    flow = route(height, outlets, SPACING)
    area = flow.accumulate(_NODE_AREA + inflow)
    for least, depth in ((2.0, 8.0), (60.0, 25.0)):
        least *= size / 1024
        base = flow.inherit(height, (area > least) | outlets)
        above = np.maximum(height - base, 0.0)
        depths = np.full(height.shape, depth)
        filled = base + above**2 / (above + depths + 1e-6)
        # Smoothing dams some rivers; raising what lies above such a dam to it lets them run again.
        height = flow.fill(ndimage.gaussian_filter(filled, 0.8))
    return height


def _shrink(count: int) -> int:
    return count // 2 if count % 2 == 0 else count


def _resize(values: Array, count: int) -> Array:
    if values.shape[0] == count:
        return values
    zoomed: Array = ndimage.zoom(values, count / values.shape[0], order=1, mode="nearest", grid_mode=True)
    return zoomed

"""What colours the water: sediment (turbidity, FNU), algae (bloom) and plants (reeds)."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.basins import Basins
from water_gee.simulate.noise import Floats, fractal, smoothstep
from water_gee.simulate.routing import Indices
from water_gee.simulate.surface import refine
from water_gee.simulate.terrain import CELLS

_CLEAR, _STIRRED, _RIVER, _MOUTH = 5.0, 160.0, 60.0, 110.0  # FNU on a day of mean flow (assumption)
_STIRRED_SHARE, _EUTROPHIC_SHARE = 0.30, 0.25  # of the small lakes (assumption)
_SETTLING = 0.04  # of the strip's width: the distance over which the plume fades by e (assumption)


def lake_contents(
    basins: Basins, nearest: Indices, mouth: tuple[float, float], generator: np.random.Generator
) -> tuple[Floats, Floats, Floats]:
    """Return turbidity (FNU), bloom (0 to 1) and the rivers' turbidity at 10 m, as if there were water everywhere.

    One draw a lake, since neighbours on one plain often differ: 45 % of the small lakes are clear, 30 % stirred up by
    wind, 25 % eutrophic. The large lake is clear but for the plume off its delta, at `mouth` (row, column of the
    drawing grid).
    """
    number = basins.lake[tuple(nearest)]
    count = int(basins.lake.max()) + 1
    kind = generator.random(count)
    stirred, green = kind < _STIRRED_SHARE, kind > 1.0 - _EUTROPHIC_SHARE
    turbidity = np.where(stirred, _STIRRED, _CLEAR) * np.exp(generator.normal(0.0, 0.85, count))
    bloom = np.where(green, generator.uniform(0.35, 1.0, count), generator.uniform(0.0, 0.12, count))
    turbidity[basins.main_lake], bloom[basins.main_lake] = 0.8, 0.0

    shape, pad = basins.height.shape, basins.relief.pad
    y, x = (np.arange(size) for size in shape)
    distance = np.hypot(y[:, None] - mouth[0] / CELLS - pad, x[None, :] - mouth[1] / CELLS - pad)
    drift = np.exp(0.35 * fractal(shape, generator, exponent=3.0, longest=30.0).astype(np.float64))
    swirl = np.exp(0.28 * fractal(shape, generator, exponent=3.3, longest=50.0).astype(np.float64))
    plume = _MOUTH * np.exp(-distance / (_SETTLING * (shape[0] - 2 * pad)) * swirl)
    mixed = turbidity[number] * drift + plume * (number == basins.main_lake)
    lake_turbidity = np.exp(refine(ndimage.gaussian_filter(np.log(mixed), 0.8), pad, order=1))
    lake_bloom = refine(ndimage.gaussian_filter(np.clip(bloom[number] * drift, 0, 1), 0.8), pad, order=1)
    return lake_turbidity, lake_bloom, refine(_RIVER * drift, pad, order=1)


def stirred(turbidity: Floats, depth: Floats) -> Floats:
    """Return `turbidity` with what waves lift from the bed of shallows (assumption: up to 2.5 times as much)."""
    return np.asarray(turbidity * (1.0 + 1.5 * np.exp(-depth / 0.8)), np.float32)


def reed_belts(depth: Floats, standing: NDArray[np.bool_], bloom: Floats, generator: np.random.Generator) -> Floats:
    """Return the share of the surface under plants, [y, x]: belts in the shallows, thicker where nutrients abound."""
    field = fractal((depth.shape[0], depth.shape[1]), generator, exponent=2.2, longest=60.0)
    belt = smoothstep(depth, 1.3, 0.2) * smoothstep(field + 0.8 * bloom, 0.7, 2.2)
    return np.where(standing, 0.85 * belt, 0.0).astype(np.float32)

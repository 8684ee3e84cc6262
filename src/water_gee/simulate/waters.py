"""The water of a strip at 10 m: lakes, rivers, a delta, ponds and the reservoir, and what floats in them."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.basins import Basins
from water_gee.simulate.contents import lake_contents, reed_belts, stirred
from water_gee.simulate.delta import build_delta
from water_gee.simulate.noise import Floats, fractal
from water_gee.simulate.rivers import centre_lines, draw
from water_gee.simulate.routing import Indices
from water_gee.simulate.surface import detailed, refine

_POND_SHARE = 0.012  # of the flat, low ground
_DRAWDOWN = 0.4  # of the dam's height: how far the reservoir stands below its rim in a low year

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Waters:
    """All water of a strip in one year, on the drawing grid [y, x]."""

    ground: Floats  # m, lake beds included
    coverage: Floats  # share of the cell under water
    depth: Floats  # m of standing water; rivers have 1 to 3 m
    turbidity: Floats  # FNU on a day of mean flow
    bloom: Floats  # 0 to 1, how green the water is in late summer
    reeds: Floats  # 0 to 1, share of the water's surface under floating or standing plants
    above: Floats  # m above the nearest river
    delta: Mask  # land and channels of the delta
    shore: Mask  # the belt around the reservoir that falls dry in a low year
    dam: Mask
    river: Mask  # drawn as a river, and not in standing water
    open_lake: Mask  # the large lake


def draw_waters(basins: Basins, generator: np.random.Generator) -> tuple[Waters, Waters]:
    """Return the waters of a low year and of a full year of the reservoir."""
    pad = basins.relief.pad
    ground = detailed(basins.height, pad, generator)
    above = refine(basins.above, pad, order=1)
    level, near, of_main, nearest = _lake_levels(basins)
    lake = near & (ground < level)
    main = lake & of_main

    rivers = np.zeros_like(ground)
    draw(rivers, centre_lines(basins, generator))
    fan, channels, mouth = build_delta(basins, main, generator)
    main &= ~fan
    lake &= ~fan
    np.copyto(ground, np.maximum(ground, level + 0.4), where=fan)
    rivers[fan] = channels[fan]

    ponds, pond_depth = _ponds(ground, above, fan, lake, generator)
    standing = lake | ponds
    river = (rivers > 0) & ~standing
    coverage = np.where(standing, np.float32(1.0), rivers)
    depth = np.where(lake, level - ground, pond_depth)
    np.copyto(depth, 1.0 + 2.0 * np.minimum(rivers, 1.0), where=river)
    turbidity, bloom, sediment = lake_contents(basins, nearest, mouth, generator)
    np.copyto(turbidity, 0.2 * sediment, where=ponds)
    np.copyto(turbidity, sediment, where=river)
    bloom *= lake
    bloom += np.where(ponds, np.float32(0.25), np.float32(0.0))
    reeds = reed_belts(depth, standing & ~main, bloom, generator)
    turbidity = np.where(standing, stirred(turbidity, depth), turbidity)
    empty = np.zeros(ground.shape, np.bool_)
    waters = Waters(ground, coverage, depth, turbidity, bloom, reeds, above, fan, empty, empty, river, main)
    return _reservoir(waters, basins)


def _lake_levels(basins: Basins) -> tuple[Floats, Mask, Mask, Indices]:
    """Return the lake level (m) and where a lake and the large lake may be, at 10 m, and each node's nearest lake node.

    A lake may reach a few nodes beyond its routed shore, for roughness moves the shore; ground below its level that
    lies downstream is not part of it.
    """
    pad = basins.relief.pad
    away, nearest = ndimage.distance_transform_edt(basins.lake == 0, return_indices=True)
    level = basins.level[tuple(nearest)]
    near = (basins.lake > 0) | ((away < 2.9) & (basins.level >= level - 1e-6))
    near &= ~(basins.reservoir & (basins.height < basins.dam_foot + basins.dam_height))
    main = basins.lake[tuple(nearest)] == basins.main_lake
    return refine(level, pad, order=1), _rounded(near, pad), _rounded(main, pad), nearest


def _rounded(mask: Mask, pad: int) -> Mask:
    """Return a mask of nodes on the drawing grid, its corners rounded."""
    smooth = ndimage.gaussian_filter(mask.astype(np.float64), 0.7)
    return np.asarray(refine(smooth, pad, order=1) > 0.5)


def _ponds(ground: Floats, above: Floats, fan: Mask, lake: Mask, generator: np.random.Generator) -> tuple[Mask, Floats]:
    """Return ponds of 10 to 200 m on flat, low ground and in the delta, and their depth (m)."""
    shape = (ground.shape[0], ground.shape[1])
    field = fractal(shape, generator, exponent=2.8, longest=26.0, shortest=3.0)
    flat = (above < 12.0) & ~lake
    wish = field + 0.9 * fan
    limit = float(np.quantile(wish[::3, ::3][flat[::3, ::3]], 1.0 - _POND_SHARE)) if flat.any() else np.inf
    ponds = flat & (wish > limit)
    return ponds, np.where(ponds, 0.3 + 1.8 * (wish - limit), 0.0).astype(np.float32)


def _reservoir(waters: Waters, basins: Basins) -> tuple[Waters, Waters]:
    """Return `waters` with the reservoir low, and with it full."""
    inside = _rounded(basins.reservoir, basins.relief.pad)
    full, low = basins.dam_foot + basins.dam_height, basins.dam_foot + (1 - _DRAWDOWN) * basins.dam_height
    held = inside & (waters.ground < full)
    numbers, _ = ndimage.label(held)
    sizes = np.bincount(numbers.ravel())
    held &= sizes[numbers] > 60  # hollows beside the reservoir are not part of it
    edge = ndimage.binary_dilation(held, iterations=3) & ~inside & (waters.ground < full + 2.0)
    years = []
    for level in (low, full):
        wet = held & (waters.ground < level)
        years.append(
            replace(
                waters,
                coverage=np.where(wet, np.float32(1.0), waters.coverage),
                depth=np.where(wet, np.float32(level) - waters.ground, waters.depth),
                turbidity=np.where(wet, np.float32(14.0), waters.turbidity),
                bloom=np.where(wet, np.float32(0.1), waters.bloom),
                reeds=np.where(held, np.float32(0.0), waters.reeds),
                river=waters.river & ~wet,
                shore=held & ~wet,
                dam=edge,
            )
        )
    return years[0], years[1]

"""What grows and lies on the land: materials placed by elevation, slope, aspect and moisture, at 10 m."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.basins import Basins
from water_gee.simulate.noise import Floats, fractal, smoothstep
from water_gee.simulate.spectra import Material
from water_gee.simulate.surface import refine
from water_gee.simulate.terrain import CELLS, SPACING
from water_gee.simulate.waters import Mask, Waters

_FOREST_SHARE = 0.50  # of the land below the tree line (assumption, southern Siberia)
_TREE_LINE, _SNOW_LINE = 0.62, 0.90  # of the relief, in mid-July (assumption)


@dataclass(frozen=True)
class Land:
    """The land of a strip, [y, x]: its material before and after the fire, and what snow asks for."""

    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    snow_wish: Floats  # relative height plus what hollows and shade add; snow lies where it exceeds the day's line


@dataclass(frozen=True)
class _Site:
    """What decides what grows where, [y, x]."""

    high: Floats  # height as a share of the relief
    steep: Floats  # slope (m/m), of the ground without its roughness
    north: Floats  # how far the slope faces away from the noon sun, -1 to 1
    above: Floats  # m above the nearest river
    patches: Floats  # random field of a kilometre
    grain: Floats  # random field of tens of metres


def cover_land(basins: Basins, waters: Waters, generator: np.random.Generator) -> Land:
    """Return the land around `waters`; where water stands the material is that of its bed and shores."""
    site = _site(basins, waters, generator)
    shape = site.high.shape
    material = np.full(shape, Material.STEPPE, np.uint8)
    dry = waters.coverage < 0.5
    flat = smoothstep(site.steep, 0.09, 0.03)

    moist = smoothstep(site.above, 14.0, 1.0) * flat
    material[(moist + 0.25 * site.patches > 0.55)] = Material.MEADOW
    forest = 0.9 * site.patches + 0.35 * site.grain + 1.3 * site.north * np.minimum(site.steep, 0.6)
    forest += 2.2 * smoothstep(site.steep, 0.03, 0.2) - 2.0 * moist
    below = (site.high + 0.04 * site.patches) < _TREE_LINE
    trees = below & (forest > _quantile(forest, below & dry, 1 - _FOREST_SHARE))
    material[trees] = Material.CONIFERS
    material[trees & (site.patches + 0.8 * site.grain < -0.2)] = Material.LARCH
    material[~below] = Material.ALPINE
    soaked = moist + 0.2 * site.patches + 0.15 * site.grain > 1.05
    material[(waters.delta | (waters.above < 2.5)) & soaked] = Material.WETLAND

    _fields(material, site, dry, generator)
    bare = (material == Material.STEPPE) & (site.grain + 0.7 * site.patches > 2.1)
    material[bare] = Material.SOIL
    crags = site.steep + 0.10 * site.grain + 0.35 * smoothstep(site.high, 0.70, 0.95)
    material[crags > 0.85] = Material.ROCK
    _lava(material, basins, site, generator)
    _sand(material, waters, site)
    _towns(material, site, dry, generator)
    material[waters.dam] = Material.TOWN
    material[waters.shore] = Material.MUD
    snow_wish = site.high + 0.10 * site.grain + 0.05 * site.north - 0.08 * smoothstep(site.steep, 0.5, 0.9)
    return Land(material, _fire(material, site, generator), _ranked(snow_wish, dry))


def snow_line(day_of_year: int) -> float:
    """Return the line for `Land.snow_wish`; it climbs from June to September as the snow melts."""
    return _SNOW_LINE + 0.085 * float(np.clip((day_of_year - 160) / 80.0, 0.0, 1.0))


def _site(basins: Basins, waters: Waters, generator: np.random.Generator) -> _Site:
    pad, height = basins.relief.pad, basins.height
    south, east = np.gradient(ndimage.gaussian_filter(height, 0.6), SPACING)
    high = refine(height, pad, order=1)
    low, top = np.quantile(high[::4, ::4], (0.01, 0.9995))
    shape = (high.shape[0], high.shape[1])
    patches = refine(fractal(height.shape, generator, exponent=2.8, longest=50.0).astype(np.float64), pad, order=1)
    grain = fractal(shape, generator, exponent=1.8, longest=30.0)
    steep = refine(np.hypot(south, east), pad, order=1)
    north = refine(-south / np.maximum(np.hypot(south, east), 1e-3), pad, order=1)
    return _Site(((high - low) / (top - low)).astype(np.float32), steep, -north, waters.above, patches, grain)


def _fields(material: NDArray[np.uint8], site: _Site, dry: Mask, generator: np.random.Generator) -> None:
    """Lay out large rectangular fields on flat, low ground, in place: green or ripe crops, or fallow."""
    y, x = (np.arange(size, dtype=np.float32) for size in material.shape)
    turn = np.float32(generator.uniform(0, np.pi / 2))
    u = (np.cos(turn) * x[None, :] + np.sin(turn) * y[:, None]) / np.float32(70.0) + np.float32(997.0)
    v = (np.cos(turn) * y[:, None] - np.sin(turn) * x[None, :]) / np.float32(42.0) + np.float32(997.0)
    row = np.floor(v).astype(np.int32)
    shift = generator.random(4096, dtype=np.float32)[row % 4096]  # fields of one row do not line up with the next
    column = np.floor(u + shift).astype(np.int32)
    parcel = (row * 7919 + column * 104729) % 4093
    kind = generator.random(4093)
    edge = np.minimum((u + shift) % 1.0, v % 1.0) < 0.03  # tracks between the fields stay grass
    flat = (site.steep < 0.05) & (site.high < 0.30) & (site.above > 2.0) & dry & ~edge
    flat &= np.isin(material, (Material.STEPPE, Material.MEADOW, Material.CONIFERS, Material.LARCH))
    wish = site.patches - 0.4 * (site.above > 25.0)
    farmed = flat & (wish > _quantile(wish, flat, 0.62))
    chosen = np.where(kind < 0.45, Material.CROP_GREEN, np.where(kind < 0.7, Material.CROP_RIPE, Material.FALLOW))
    used = kind < 0.88
    farmed &= used[parcel]
    material[farmed] = chosen.astype(np.uint8)[parcel[farmed]]


def _sand(material: NDArray[np.uint8], waters: Waters, site: _Site) -> None:
    """Lay beaches on the large lake and bars beside wide rivers, in place."""
    lake_belt = ndimage.binary_dilation(waters.open_lake, iterations=4) & (0.6 * site.grain + site.patches > 0.6)
    wide = ndimage.binary_erosion(waters.coverage >= 1.0, iterations=2) & waters.river
    bars = ndimage.binary_dilation(wide, iterations=5) & (site.grain - 0.4 * site.patches > 0.75)
    material[(lake_belt | bars) & (site.steep < 0.25)] = Material.SAND
    dunes = (site.patches + 0.3 * site.grain > 2.3) & (site.steep < 0.1) & (site.high < 0.3)
    material[dunes] = Material.SAND


def _towns(material: NDArray[np.uint8], site: _Site, dry: Mask, generator: np.random.Generator) -> None:
    """Build a town and two villages on low, level ground near rivers, in place."""
    fit = dry & (site.steep < 0.04) & (site.above > 1.5) & (site.above < 25.0)
    fit &= material != Material.LAVA
    extent = material.shape[0]
    inner = np.zeros(material.shape, np.bool_)
    inner[extent // 8 : -extent // 8, extent // 8 : -extent // 8] = True
    places = np.flatnonzero(fit & inner) if (fit & inner).any() else np.flatnonzero(dry & inner)
    for radius in (0.030, 0.014, 0.011):
        row, column = divmod(int(generator.choice(places)), extent)
        cells = max(radius * extent, 7.0)
        reach = int(2.5 * cells)
        near = (slice(max(row - reach, 0), row + reach), slice(max(column - reach, 0), column + reach))
        y, x = np.ogrid[near]
        patches, grain, ground = site.patches[near], site.grain[near], material[near]
        distance = np.hypot(y - row, x - column) / cells
        streets = np.minimum((y + 0.2 * x) % 16, (x - 0.2 * y) % 23) > 2
        built = dry[near] & (distance + 0.28 * patches + 0.12 * grain < 1.0) & (site.steep[near] < 0.2)
        ground[built] = Material.TOWN
        ground[built & streets & (grain > 1.1)] = Material.MEADOW  # gardens


def _lava(material: NDArray[np.uint8], basins: Basins, site: _Site, generator: np.random.Generator) -> None:
    """Pour a young flow of basalt down a tributary's valley, in place; lichen has begun to cover it."""
    pad, count = basins.relief.pad, basins.height.shape[0]
    window = np.zeros(basins.height.shape, np.bool_)
    margin = pad + count // 10
    window[margin:-margin, margin:-margin] = True
    high = basins.height - basins.height[window].min()
    domain = ((count - 2 * pad) * SPACING / 1000) ** 2
    vents = window & (basins.area > 0.0006 * domain) & (basins.area < 0.006 * domain) & (basins.lake == 0)
    vents &= ~basins.reservoir & (high > 0.22 * high[window].max())
    candidates = np.flatnonzero(vents if vents.any() else window)
    path = basins.flow.downstream(int(generator.choice(candidates)), basins.flow.receiver)
    path = path[: max((count - 2 * pad) // 7, 8)]
    course = np.ones(basins.height.shape, np.bool_)
    course.flat[path] = False
    distance = refine(ndimage.distance_transform_edt(course) * SPACING, pad, order=1)
    width = 0.0075 * (count - 2 * pad) * SPACING * np.exp(0.35 * site.patches + 0.12 * site.grain)
    flow = distance < width
    material[flow] = Material.LAVA
    material[flow & (site.grain + 1.5 * distance / width > 1.35)] = Material.LICHEN


def _fire(material: NDArray[np.uint8], site: _Site, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return the land after a summer's forest fire: charred where it burnt hottest, scorched around."""
    woods = (material == Material.CONIFERS) | (material == Material.LARCH)
    dense = ndimage.uniform_filter(woods[::CELLS, ::CELLS].astype(np.float32), 15)
    edge = dense.shape[0] // 8
    dense[:edge], dense[-edge:], dense[:, :edge], dense[:, -edge:] = 0.0, 0.0, 0.0, 0.0
    places = np.flatnonzero(dense > min(0.85, float(dense.max()) * 0.98))
    row, column = (CELLS * place for place in divmod(int(generator.choice(places)), dense.shape[1]))
    y, x = (np.arange(size, dtype=np.float32) for size in material.shape)
    radius = np.float32(0.034 * material.shape[0])
    distance = np.hypot((y[:, None] - row) * np.float32(0.8), x[None, :] - column) / radius
    heat = 1.0 - distance + 0.30 * site.patches + 0.14 * site.grain
    after = material.copy()
    after[woods & (heat > 0.0)] = Material.SCORCHED
    after[woods & (heat > 0.22)] = Material.CHAR
    return after


def _quantile(values: Floats, where: Mask, share: float) -> float:
    chosen = values[::3, ::3][where[::3, ::3]]
    return float(np.quantile(chosen, share)) if chosen.size else float("inf")


def _ranked(values: Floats, dry: Mask) -> Floats:
    """Return `values` stretched so that 1 % of the land lies above 0.9 and 0.3 % above 0.985."""
    chosen = values[::3, ::3][dry[::3, ::3]]
    middle, top = (float(np.quantile(chosen, share)) for share in (0.990, 0.997))
    return (0.90 + 0.085 * (values - middle) / max(top - middle, 1e-6)).astype(np.float32)

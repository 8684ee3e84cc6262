"""One strip's landscape: terrain, water and land on the drawing grid, and how they differ between years."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.simulate.basins import make_basins
from water_gee.simulate.covers import Land, cover_land
from water_gee.simulate.noise import Floats, fractal
from water_gee.simulate.spec import FINE, SimulationSpec, Strip
from water_gee.simulate.spectra import Material
from water_gee.simulate.surface import block_mean, normals
from water_gee.simulate.terrain import carve
from water_gee.simulate.waters import Waters, draw_waters

_ROUTED = 0.83  # of the water is lakes and reservoir that the routing sees; rivers, ponds and shores make up the rest
_CANOPY = {Material.CONIFERS: 14.0, Material.LARCH: 12.0, Material.TOWN: 6.0}  # m that the radar sees above the ground


@dataclass(frozen=True)
class Year:
    """What a year's scenes show, [y, x] at 10 m."""

    waters: Waters
    material: NDArray[np.uint8]
    surface: Floats  # m: the ground, or the water on it
    normals: tuple[Floats, Floats, Floats]

    @property
    def fraction(self) -> Floats:
        """The share of each pixel under water, [y, x] at 30 m: the truth."""
        return np.clip(block_mean(self.waters.coverage), 0.0, 1.0)


@dataclass(frozen=True)
class Landscape:
    """A strip and its years."""

    years: dict[int, Year]
    land: Land
    texture: Floats  # brightness from cell to cell, standard deviation 1, [y, x] at 10 m
    vigour: Floats  # how green and moist a place is within its class, standard deviation 1, [y, x] at 30 m


def make_landscape(spec: SimulationSpec, strip: Strip) -> Landscape:
    """Return the landscape of a strip: the same for the same seed, size and path.

    The reservoir is low in the first year and full in the next, and so on; the fire burns after the first year.
    """
    generator = np.random.default_rng([spec.seed, strip.path, 0])
    relief = carve(spec.size, generator)
    basins = make_basins(relief, _ROUTED * spec.water_share, generator)
    states = draw_waters(basins, generator)
    land = cover_land(basins, states[0], generator)
    years = {}
    for number, year in enumerate(strip.years):
        waters = states[number % 2]
        material = (land.before if number == 0 else land.after).copy()
        material[states[0].shore] = Material.MUD
        standing = (waters.coverage >= 1.0) & ~waters.river
        surface = np.where(standing, waters.ground + waters.depth, waters.ground)
        years[year] = Year(waters, material, surface, normals(surface))
    fine, coarse = (spec.size * FINE, spec.size * FINE), (spec.size, spec.size)
    texture = fractal(fine, generator, exponent=2.7, longest=60.0)
    vigour = fractal(coarse, generator, exponent=2.8, longest=60.0)
    return Landscape(years, land, texture, vigour)


def elevation_model(landscape: Landscape, generator: np.random.Generator) -> Floats:
    """Return the elevation model [y, x] at 30 m, in half metres: a surface model like GLO-30, canopies seen in part.

    Its error is correlated over some 300 m with a standard deviation of 0.7 m (assumption; GLO-30 promises 4 m
    absolute). Water is level.
    """
    year = landscape.years[min(landscape.years)]
    height = np.zeros(len(Material), np.float32)
    for material, metres in _CANOPY.items():
        height[material] = metres
    dry = 1.0 - year.waters.coverage
    model = block_mean(year.surface + height[year.material] * dry)
    error = fractal((model.shape[0], model.shape[1]), generator, exponent=2.5, longest=20.0)
    model += np.float32(0.7) * error * block_mean(dry)
    halves: Floats = np.rint(model * 2.0) / np.float32(2.0)
    return halves

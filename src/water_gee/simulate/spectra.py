"""Surface reflectance of land in the six OLI bands, and the classes that materials belong to.

Sources, named at each material:

* "Alberta": percentiles of the land pixels (MNDWI < -0.1) of the Landsat 8 product LC08_L2SP_043024_20200802 (USGS,
  Collection 2 Level 2; boreal plain, lake and river), measured here.
* "chips": percentiles of the land pixels of 66 HLS v2 chips of floods and plains the world over, measured here.
* "assumption": chosen between the materials that it mixes, or, where a library is named, of the size and shape that it
  shows for the material but not averaged from its spectra: the USGS Spectral Library Version 7 (Kokaly et al. 2017),
  the ECOSTRESS Spectral Library 1.0 (Meerdink et al. 2019).
"""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from water_gee.simulate.noise import Floats

BANDS = ("SR_B2", "SR_B3", "SR_B4", "SR_B5", "SR_B6", "SR_B7")  # blue, green, red, NIR, SWIR1, SWIR2
BLUE, GREEN, RED, NIR, SWIR1, SWIR2 = range(6)


class Cover(IntEnum):
    """The classes of the legend: what dominates a pixel. 1 to 19 are land, 20 and above water."""

    FOREST = 1
    GRASS = 2
    CROPS = 3
    SOIL = 4
    SAND = 5
    TOWN = 6
    BURN = 7
    LAVA = 8
    ROCK = 9
    SNOW = 10
    WETLAND = 11
    CLEAR = 20
    DEEP = 21
    SHALLOW = 22
    TURBID = 23
    EUTROPHIC = 24
    GLINT = 25


class Material(IntEnum):
    """What a cell of 10 m is made of; several may make one class."""

    CONIFERS = 0
    LARCH = 1
    STEPPE = 2
    MEADOW = 3
    ALPINE = 4
    CROP_GREEN = 5
    CROP_RIPE = 6
    FALLOW = 7
    SOIL = 8
    SAND = 9
    TOWN = 10
    CHAR = 11
    SCORCHED = 12
    LAVA = 13
    LICHEN = 14
    ROCK = 15
    SNOW = 16
    WETLAND = 17
    MUD = 18
    REEDS = 19


@dataclass(frozen=True)
class Spectrum:
    """A material: its class, its reflectance in the six bands in mid-July, and how it varies.

    `spread` is the standard deviation of brightness from cell to cell, as a share of it; `ripening` is how far, from
    June to the end of August, the material goes towards dry grass (a share).
    """

    cover: Cover
    reflectance: tuple[float, float, float, float, float, float]
    spread: float
    ripening: float = 0.0


SPECTRA: dict[Material, Spectrum] = {
    # Alberta, between the 5th and the 25th percentile: closed spruce and pine
    Material.CONIFERS: Spectrum(Cover.FOREST, (0.016, 0.034, 0.022, 0.220, 0.098, 0.044), 0.088),
    # Alberta, 25th to 50th percentile: broadleaved and larch stands
    Material.LARCH: Spectrum(Cover.FOREST, (0.020, 0.048, 0.029, 0.305, 0.138, 0.061), 0.077, 0.05),
    # chips, close to the median: short grass over soil
    Material.STEPPE: Spectrum(Cover.GRASS, (0.049, 0.080, 0.088, 0.235, 0.245, 0.160), 0.072, 0.35),
    # Alberta, close to the 75th percentile: meadow
    Material.MEADOW: Spectrum(Cover.GRASS, (0.032, 0.066, 0.047, 0.385, 0.200, 0.097), 0.066, 0.20),
    # assumption: meadow and rock in equal parts
    Material.ALPINE: Spectrum(Cover.GRASS, (0.052, 0.080, 0.082, 0.230, 0.205, 0.135), 0.083, 0.15),
    # Alberta, NIR between the 75th and the 95th percentile, red at the 50th: dense cereals before ripening
    Material.CROP_GREEN: Spectrum(Cover.CROPS, (0.027, 0.062, 0.036, 0.450, 0.190, 0.086), 0.028, 0.45),
    # chips, close to the 75th percentile: ripe straw over soil
    Material.CROP_RIPE: Spectrum(Cover.CROPS, (0.066, 0.108, 0.140, 0.300, 0.330, 0.235), 0.028, 0.30),
    # assumption (USGS): dark chernozem and loam
    Material.FALLOW: Spectrum(Cover.SOIL, (0.062, 0.085, 0.112, 0.165, 0.235, 0.205), 0.039),
    # chips, 75th to 95th percentile in the visible and SWIR: light loam
    Material.SOIL: Spectrum(Cover.SOIL, (0.085, 0.125, 0.175, 0.260, 0.350, 0.300), 0.055),
    # assumption (USGS): quartz sand, moist to dry
    Material.SAND: Spectrum(Cover.SAND, (0.160, 0.220, 0.275, 0.335, 0.400, 0.370), 0.055),
    # assumption (ECOSTRESS): concrete, tar, tin and wood roofs in a mix with trees
    Material.TOWN: Spectrum(Cover.TOWN, (0.098, 0.118, 0.130, 0.195, 0.205, 0.175), 0.176),
    # assumption (USGS): charcoal with ash; near-flat and dark
    Material.CHAR: Spectrum(Cover.BURN, (0.031, 0.037, 0.042, 0.055, 0.082, 0.088), 0.11),
    # assumption: half char, half scorched needles and soil
    Material.SCORCHED: Spectrum(Cover.BURN, (0.038, 0.052, 0.064, 0.115, 0.150, 0.125), 0.099),
    # assumption (ECOSTRESS): weathered basalt
    Material.LAVA: Spectrum(Cover.LAVA, (0.040, 0.044, 0.048, 0.054, 0.064, 0.063), 0.099),
    # assumption: basalt under lichen and dwarf pine
    Material.LICHEN: Spectrum(Cover.LAVA, (0.038, 0.052, 0.052, 0.120, 0.105, 0.080), 0.099),
    # assumption (USGS): granite and gneiss, weathered
    Material.ROCK: Spectrum(Cover.ROCK, (0.095, 0.118, 0.138, 0.168, 0.205, 0.185), 0.099),
    # assumption (ECOSTRESS): coarse granular snow, dirty by summer
    Material.SNOW: Spectrum(Cover.SNOW, (0.700, 0.710, 0.680, 0.560, 0.070, 0.060), 0.044),
    # assumption: sedge over wet peat
    Material.WETLAND: Spectrum(Cover.WETLAND, (0.026, 0.050, 0.042, 0.240, 0.135, 0.068), 0.077, 0.15),
    # assumption (USGS): wet silt
    Material.MUD: Spectrum(Cover.SOIL, (0.062, 0.085, 0.105, 0.135, 0.120, 0.090), 0.055),
    # assumption: sedge and water lilies over dark water
    Material.REEDS: Spectrum(Cover.WETLAND, (0.026, 0.056, 0.038, 0.260, 0.105, 0.048), 0.066, 0.10),
}
_DRY_GRASS = np.array([0.070, 0.105, 0.140, 0.265, 0.330, 0.240])  # assumption (USGS): dry long grass
_JULY = 196  # day of the year to which the table belongs


def reflectance_table(day_of_year: int) -> Floats:
    """Return the reflectance of every material on a day, [material, band]; vegetation ripens through the summer."""
    season = np.clip((day_of_year - 165) / 75.0, 0.0, 1.0) - (_JULY - 165) / 75.0
    table = np.empty((len(Material), len(BANDS)), np.float32)
    for material, spectrum in SPECTRA.items():
        july = np.array(spectrum.reflectance)
        table[material] = july + season * spectrum.ripening * (_DRY_GRASS - july)
    return table


def spreads() -> Floats:
    """Return the relative standard deviation of each material's brightness, [material]."""
    return np.array([SPECTRA[material].spread for material in Material], np.float32)


def covers() -> np.ndarray[tuple[int], np.dtype[np.uint8]]:
    """Return each material's class, [material]."""
    return np.array([SPECTRA[material].cover for material in Material], np.uint8)

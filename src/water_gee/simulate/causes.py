"""Why a pixel may be mislabelled: one circumstance a pixel, the first that applies in the order of the list."""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.landscape import Year
from water_gee.simulate.noise import Floats
from water_gee.simulate.quality import HIDDEN
from water_gee.simulate.scenes import Look
from water_gee.simulate.spectra import Cover, covers
from water_gee.simulate.surface import block_mean

Mask = NDArray[np.bool_]
TURBID, GREEN, GLINT, REEDS = 40.0, 0.4, 0.006, 0.2  # FNU, bloom, reflectance, share: from where a water type counts
SHALLOW, DEEP = 2.0, 15.0  # m
_DIM = 0.45  # direct light as a share of that on level ground, below which a slope counts as shadow


class Cause(IntEnum):
    """Circumstances: 1 to 19 of land, 20 and above of water. Land with a water share above 0.02 is `SHORE`."""

    LAND = 1
    SHORE = 2
    TERRAIN_SHADOW = 3
    LAVA = 4
    BURN = 5
    SNOW = 6
    CLOUD = 7
    WETLAND = 8
    WATER = 20
    NARROW = 21
    EDGE = 22
    REEDS = 23
    EUTROPHIC = 24
    TURBID = 25
    SHALLOW = 26
    GLINT = 27


def circumstances(year: Year, looks: list[Look]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return the dominant class (`Cover`) and the circumstance (`Cause`) of each pixel, [y, x], in a year."""
    waters, fraction = year.waters, year.fraction
    truth = fraction > 0.5
    share = np.maximum(block_mean(waters.coverage), 1e-6)

    def of_water(values: Floats) -> Floats:
        return np.asarray(block_mean(values * waters.coverage) / share, np.float32)

    turbid, green = of_water(waters.turbidity) > TURBID, of_water(waters.bloom) > GREEN
    depth, reeds = of_water(waters.depth), of_water(waters.reeds)
    shining = np.mean([look.glint for look in looks], axis=0, dtype=np.float32) > GLINT
    land_class = _land_class(year, looks)
    water_class = np.select(
        [green, turbid, depth < SHALLOW, shining, depth > DEEP],
        [Cover.EUTROPHIC, Cover.TURBID, Cover.SHALLOW, Cover.GLINT, Cover.DEEP],
        Cover.CLEAR,
    )
    cover = np.where(truth, water_class, land_class).astype(np.uint8)

    clear = [(look.quality & (HIDDEN | 1)) == 0 for look in looks]
    overlooked = np.any([seen & (look.shade > 0.3) for seen, look in zip(clear, looks, strict=True)], axis=0)
    dim = np.mean([look.lit for look in looks], axis=0) < _DIM
    wide = ndimage.binary_opening(truth, np.ones((3, 3)))
    land = np.select(
        [
            fraction > 0.02,
            land_class == Cover.LAVA,
            land_class == Cover.BURN,
            dim,
            land_class == Cover.SNOW,
            overlooked,
            land_class == Cover.WETLAND,
        ],
        [Cause.SHORE, Cause.LAVA, Cause.BURN, Cause.TERRAIN_SHADOW, Cause.SNOW, Cause.CLOUD, Cause.WETLAND],
        Cause.LAND,
    )
    water = np.select(
        [reeds > REEDS, ~wide, _beside_land(fraction), green, turbid, depth < SHALLOW, shining],
        [Cause.REEDS, Cause.NARROW, Cause.EDGE, Cause.EUTROPHIC, Cause.TURBID, Cause.SHALLOW, Cause.GLINT],
        Cause.WATER,
    )
    return cover, np.where(truth, water, land).astype(np.uint8)


def _land_class(year: Year, looks: list[Look]) -> NDArray[np.uint8]:
    """Return the class that covers most of each pixel, water left out; snow where it lies in a look."""
    classes = covers()[year.material]
    best = np.zeros(year.fraction.shape, np.float32)
    winner = np.zeros(best.shape, np.uint8)
    for kind in np.unique(classes):
        part = block_mean((classes == kind).astype(np.float32))
        winner[part > best] = kind
        np.maximum(best, part, out=best)
    winner[np.max([look.snow for look in looks], axis=0) > 0.5] = Cover.SNOW
    return winner


def _beside_land(fraction: Floats) -> Mask:
    """Return where a pixel is not all water, or touches one that is not."""
    return np.asarray(ndimage.minimum_filter(fraction, footprint=ndimage.generate_binary_structure(2, 1)) < 0.98)

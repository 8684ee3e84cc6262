"""The registry of feature bands: each by its name, as Earth Engine operations on the composite.

All are computed after compositing, on the study's own pixels. `formulas` holds the same on arrays.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import ee

from water_gee.config.sensor import REFLECTANCE_BANDS, SensorSettings
from water_gee.earth.indices import normalised
from water_gee.errors import ConfigError

ELEVATION_SCALE = 4000.0  # metres; about the highest surface water of the regions mapped
SLOPE_SCALE = 90.0  # degrees
_MISSING = -9.0  # below every normalised difference, which lies in [-1, 1]
_NEVER = -100.0  # below every line enhancement, which lies in [-4, 4]
LINE_DIRECTIONS = ((2, 0), (0, 2), (2, 2), (2, -2))  # pixels east and south of the centre


@dataclass(frozen=True)
class Sources:
    """What features are made of: the composite's reflectance, elevation in metres, slope in degrees."""

    reflectance: Any
    elevation: Any
    slope: Any

    def band(self, name: str) -> Any:
        """Return one reflectance band."""
        return self.reflectance.select(name)

    @cached_property
    def mndwi(self) -> Any:
        """The modified normalised difference water index, used by itself and by `leb`."""
        return normalised(self.band("green"), self.band("swir1")).rename("mndwi")


@dataclass(frozen=True)
class Feature:
    """A feature band: how it is built, and the reflectance bands that it needs."""

    build: Callable[[Sources], Any]
    needs: tuple[str, ...] = ()


def _ndvi(sources: Sources) -> Any:
    """Normalised difference vegetation index, (NIR - red) / (NIR + red); Rouse et al. 1974."""
    return normalised(sources.band("nir"), sources.band("red"))


def _ndwi(sources: Sources) -> Any:
    """Normalised difference water index, (green - NIR) / (green + NIR); McFeeters 1996."""
    return normalised(sources.band("green"), sources.band("nir"))


def _mndwi(sources: Sources) -> Any:
    """Modified NDWI, (green - SWIR1) / (green + SWIR1); Xu 2006."""
    return sources.mndwi


def _leb(sources: Sources) -> Any:
    """Line enhancement: the maximum over 4 directions of 2c - a - b on MNDWI; after Isikdogan et al. 2015.

    a and b lie two pixels either side of the centre c. A direction with a masked neighbour does not count;
    0 where none is left. Masked neighbours are filled beforehand, so that nothing depends on what
    `neighborhoodToBands` makes of them.
    """
    centre = sources.mndwi
    offsets = [offset for x, y in LINE_DIRECTIONS for offset in ((x, y), (-x, -y))]
    weights = [[int((x, y) in offsets) for x in range(-2, 3)] for y in range(-2, 3)]
    kernel = ee.Kernel.fixed(5, 5, weights, 2, 2, False)
    around = centre.unmask(_MISSING, False).neighborhoodToBands(kernel)
    best = ee.Image.constant(_NEVER)
    for x, y in LINE_DIRECTIONS:
        a, b = around.select(f"mndwi_{x}_{y}"), around.select(f"mndwi_{-x}_{-y}")
        line = centre.multiply(2).subtract(a).subtract(b)
        best = best.max(line.where(a.min(b).lt(-1), _NEVER))
    return best.where(best.eq(_NEVER), 0).rename("leb")


def _elevation(sources: Sources) -> Any:
    """Elevation divided by 4,000 m."""
    return sources.elevation.divide(ELEVATION_SCALE)


def _slope(sources: Sources) -> Any:
    """Slope in degrees divided by 90."""
    return sources.slope.divide(SLOPE_SCALE)


def _reflectance(name: str) -> Feature:
    def build(sources: Sources) -> Any:
        return sources.band(name)

    return Feature(build, (name,))


FEATURES: dict[str, Feature] = {
    **{name: _reflectance(name) for name in REFLECTANCE_BANDS},
    "ndvi": Feature(_ndvi, ("red", "nir")),
    "ndwi": Feature(_ndwi, ("green", "nir")),
    "mndwi": Feature(_mndwi, ("green", "swir1")),
    "leb": Feature(_leb, ("green", "swir1")),
    "elevation": Feature(_elevation),
    "slope": Feature(_slope),
}


def check_features(names: Sequence[str], sensor: SensorSettings) -> None:
    """Check that every feature is known and can be made of the sensor's bands.

    Raises:
        ConfigError: one is not, or cannot.
    """
    for name in names:
        if name not in FEATURES:
            close = difflib.get_close_matches(name, FEATURES, n=1)
            hint = f"did you mean {close[0]}?" if close else "choose from the list"
            raise ConfigError(f"features.names: there is no feature {name!r}; {hint} (known: {', '.join(FEATURES)})")
        lacking = [band for band in FEATURES[name].needs if band not in sensor.bands]
        if lacking:
            raise ConfigError(
                f"features.names: {name} needs the band {lacking[0]}, which sensor.bands of {sensor.name} lacks; "
                f"add it there or leave {name} out"
            )

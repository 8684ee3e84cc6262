"""The registry of label sources: each says of one clear look, before compositing, whether a pixel is water.

All are computed on the look's reflectance. Normalised differences take a negative one as 0, as features do; sums
take reflectance as it is.
"""

import difflib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from water_gee.config.sensor import SensorSettings
from water_gee.earth.indices import normalised
from water_gee.errors import ConfigError

QA = "qa"  # the raw label: water_share holds it already
JRC = "jrc"  # of months and not of looks: see `history`


@dataclass(frozen=True)
class Look:
    """One clear look: its reflectance by band name, and the sensor's water bit."""

    reflectance: Any
    bit: Any

    def band(self, name: str) -> Any:
        """Return one reflectance band."""
        return self.reflectance.select(name)

    def difference(self, one: str, other: str) -> Any:
        """Return the normalised difference of two bands."""
        return normalised(self.band(one), self.band(other))

    @cached_property
    def ndvi(self) -> Any:
        """Normalised difference vegetation index, (NIR - red) / (NIR + red); Rouse et al. 1974."""
        return self.difference("nir", "red")

    @cached_property
    def mndwi(self) -> Any:
        """Modified normalised difference water index, (green - SWIR1) / (green + SWIR1); Xu 2006."""
        return self.difference("green", "swir1")

    @cached_property
    def awei(self) -> Any:
        """Automated water extraction index with the shadow term; Feyisa et al. 2014."""
        near = self.band("nir").add(self.band("swir1")).multiply(1.5)
        bright = self.band("blue").add(self.band("green").multiply(2.5))
        return bright.subtract(near).subtract(self.band("swir2").multiply(0.25))


@dataclass(frozen=True)
class Source:
    """A label source: how its bands (1 water, 0 not) are built, the reflectance bands it needs, its bands' names."""

    build: Callable[[Look], tuple[Any, ...]]
    needs: tuple[str, ...]
    bands: tuple[str, ...]


def cfmask_rule(look: Look) -> Any:
    """CFMask's water test, (NDVI < 0.01 and NIR < 0.11) or (NDVI < 0.1 and NIR < 0.05); Zhu & Woodcock 2012."""
    near = look.band("nir")
    clear = look.ndvi.lt(0.01).And(near.lt(0.11))
    return clear.Or(look.ndvi.lt(0.1).And(near.lt(0.05)))


def _cfmask(look: Look) -> tuple[Any, ...]:
    """CFMask's rule on this look."""
    return (cfmask_rule(look),)


def _fmask(look: Look) -> tuple[Any, ...]:
    """The water bit that the sensor's quality band ships, whatever rule makes the raw label."""
    return (look.bit,)


def _mndwi(look: Look) -> tuple[Any, ...]:
    """MNDWI above 0; Xu 2006."""
    return (look.mndwi.gt(0),)


def _ndwi(look: Look) -> tuple[Any, ...]:
    """NDWI = (green - NIR) / (green + NIR) above 0; McFeeters 1996."""
    return (look.difference("green", "nir").gt(0),)


def _awei(look: Look) -> tuple[Any, ...]:
    """AWEI with the shadow term above 0; Feyisa et al. 2014."""
    return (look.awei.gt(0),)


def _wi2015(look: Look) -> tuple[Any, ...]:
    """1.7204 + 171 green + 3 red - 70 NIR - 45 SWIR1 - 71 SWIR2 above 0; Fisher et al. 2016."""
    weights = {"green": 171.0, "red": 3.0, "nir": -70.0, "swir1": -45.0, "swir2": -71.0}
    first, *others = (look.band(name).multiply(weight) for name, weight in weights.items())
    for other in others:
        first = first.add(other)
    return (first.gt(-1.7204),)


def _dswe(look: Look) -> tuple[Any, ...]:
    """Dynamic surface water extent's five tests and the classes of their code; USGS LSDS-2084, Jones 2019.

    Of the 32 codes, those with at least three tests passed are water of high (four, five) or moderate (three)
    confidence. Partial surface water is what passes two tests (conservative: 4 and 5), or the fifth alone. The
    slope and hillshade masks of the product are left out.
    """
    blue, green, red, nir, swir1, swir2 = (
        look.band(name) for name in ("blue", "green", "red", "nir", "swir1", "swir2")
    )
    mndwi = look.mndwi
    first = mndwi.gt(0.124)
    second = green.add(red).gt(nir.add(swir1))
    third = look.awei.gt(0)
    fourth = mndwi.gt(-0.44).And(swir1.lt(0.09)).And(nir.lt(0.15)).And(look.ndvi.lt(0.7))
    fifth = mndwi.gt(-0.5).And(blue.lt(0.1)).And(swir1.lt(0.3)).And(swir2.lt(0.1)).And(nir.lt(0.22))
    passed = first.add(second).add(third).add(fourth).add(fifth)
    return passed.gte(3), passed.gte(2).Or(fifth)


_ALL = ("blue", "green", "red", "nir", "swir1", "swir2")
SOURCES: dict[str, Source] = {
    "cfmask": Source(_cfmask, ("red", "nir"), ("cfmask",)),
    "mndwi": Source(_mndwi, ("green", "swir1"), ("mndwi",)),
    "awei": Source(_awei, ("blue", "green", "nir", "swir1", "swir2"), ("awei",)),
    "wi2015": Source(_wi2015, ("green", "red", "nir", "swir1", "swir2"), ("wi2015",)),
    "ndwi": Source(_ndwi, ("green", "nir"), ("ndwi",)),
    "dswe": Source(_dswe, _ALL, ("dswe", "dswe_partial")),
    "fmask": Source(_fmask, (), ("fmask",)),
}
KNOWN = (QA, *SOURCES, JRC)
BESIDE = (*_ALL, "elevation", "slope", "illumination", "snow")


def shares_of(name: str) -> tuple[str, ...]:
    """Return the names of what a source says."""
    return SOURCES[name].bands if name in SOURCES else (name,)


def check_known(key: str, what: str, names: tuple[str, ...], known: tuple[str, ...]) -> None:
    """Check that every name is known.

    Raises:
        ConfigError: one is not.
    """
    for name in names:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "choose from the list"
            raise ConfigError(f"{key}: there is no {what} {name!r}; {hint} (known: {', '.join(known)})")


def check_needs(key: str, name: str, sensor: SensorSettings) -> None:
    """Check that the sensor has the bands that a source of looks needs.

    Raises:
        ConfigError: it lacks one.
    """
    needs = SOURCES[name].needs if name in SOURCES else ()
    lacking = [band for band in needs if band not in sensor.bands]
    if lacking:
        raise ConfigError(
            f"{key}: {name} needs the band {lacking[0]}, which sensor.bands of {sensor.name} lacks; "
            f"add it there or leave {name} out"
        )

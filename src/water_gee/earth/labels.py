"""The raw label and the evidence beside it: one expression, built of the very looks that the composite is made of."""

from collections.abc import Callable
from typing import Any

import ee

from water_gee.config.labels import LABEL_BANDS, SHARE
from water_gee.config.sensor import SourceSettings
from water_gee.earth.composite import composite, elevation, on_lattice, slope
from water_gee.earth.evidence import JRC, SOURCES, Look, cfmask_rule
from water_gee.earth.features import FEATURES, Sources
from water_gee.earth.history import water_history
from water_gee.earth.illumination import directions, illumination
from water_gee.earth.looks import SNOW_BIT, WATER_BIT, clear_looks
from water_gee.earth.spec import CompositeSpec, LabelSpec
from water_gee.study import Area

_LIT, _SNOW = "illumination", "snow"
_OF_LOOKS = (_LIT, _SNOW)  # of each look, where the others are of the composite
_RAW = LabelSpec()


def label_image(spec: CompositeSpec, area: Area, year: int, labels: LabelSpec = _RAW) -> Any:
    """Return the label bands that the choice of labels names, in its order, float.

    `water_share` is the share of clear looks that the raw label's rule calls water, and `clear_looks` their number;
    the shares `share_<name>` are those of the label sources, of which jrc's is one of months. All but the number,
    which is 0 there, are masked where there is no clear look. As in `feature_image`, no outline is in it.
    """
    lit = _lit(directions(spec, area, year)) if _LIT in labels.beside else None
    seen = clear_looks(spec, area, year, lit).map(_judged(spec, labels))
    looks = _number(spec, seen.select(LABEL_BANDS[0]))
    means = on_lattice(spec, seen.mean())
    parts = [means.select(LABEL_BANDS[0]), looks.unmask(0, False)]
    history = f"{SHARE}{JRC}"
    others = [
        water_history(spec, year).rename(name) if name == history else means.select(name) for name in labels.shares
    ]
    if labels.beside:
        sources = Sources(composite(spec, area, year), elevation(spec, area), slope(spec, area, year))
        others += [
            (means.select(name) if name in _OF_LOOKS else FEATURES[name].build(sources)).rename(name)
            for name in labels.beside
        ]
    if others:
        parts.append(ee.Image.cat(others).updateMask(looks.gt(0)))
    return ee.Image.cat(parts).toFloat()


def looks_image(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the band `clear_looks` of `label_image` alone: all bands of a look have one mask."""
    one_band = next(iter(spec.sensor.bands))
    return _number(spec, clear_looks(spec, area, year).select(one_band)).unmask(0, False).toFloat()


def _number(spec: CompositeSpec, seen: Any) -> Any:
    return on_lattice(spec, seen.count().rename(LABEL_BANDS[1]))


def _lit(ground: Any) -> Callable[[Any, SourceSettings], Any]:
    """Return the function from a scene, whose sun it is, and its kind to its illumination."""
    return lambda scene, source: illumination(scene, ground, source.of_sun).rename(_LIT)


def _judged(spec: CompositeSpec, labels: LabelSpec) -> Callable[[Any], Any]:
    """Return the function from a clear look to its label bands: what is water by whom, and how it is lit."""
    sensor = spec.sensor

    def judge(image: Any) -> Any:
        bit = image.select(WATER_BIT)
        look = Look(image.select(list(sensor.bands)).multiply(sensor.multiply).add(sensor.add), bit)
        bands = [(bit if labels.bit == "quality" else cfmask_rule(look)).rename(LABEL_BANDS[0])]
        for source in (SOURCES[name] for name in labels.sources if name in SOURCES):
            bands += [
                band.rename(f"{SHARE}{said}") for band, said in zip(source.build(look), source.bands, strict=True)
            ]
        if _SNOW in labels.beside:
            bands.append(image.select(SNOW_BIT).rename(_SNOW))
        if _LIT in labels.beside:
            bands.append(image.select(_LIT))
        return ee.Image.cat(bands)

    return judge

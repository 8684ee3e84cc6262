"""How the sun lights the ground of a look: what explains dark land that is taken for water."""

import math
from typing import Any

import ee

from water_gee.config.sensor import SunSettings
from water_gee.earth.composite import on_lattice, on_pixels_of, terrain
from water_gee.earth.spec import CompositeSpec
from water_gee.study import Area

_DEGREE = math.pi / 180


def directions(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the parts `east`, `north` and `up` of the surface's normal, of length 1, on the study's lattice.

    They follow from slope and aspect on the elevation model's own pixels; where it has none, the ground is flat.
    """
    ground = terrain(spec, area, year)
    steep = ee.Terrain.slope(ground).multiply(_DEGREE)
    way = ee.Terrain.aspect(ground).multiply(_DEGREE)
    parts = {
        "east": (steep.sin().multiply(way.sin()), 0),
        "north": (steep.sin().multiply(way.cos()), 0),  # flat ground's aspect means nothing, and may be masked
        "up": (steep.cos(), 1),
    }
    return ee.Image.cat(
        [
            on_lattice(spec, on_pixels_of(ground, part)).unmask(flat, False).rename(name)
            for name, (part, flat) in parts.items()
        ]
    )


def illumination(scene: Any, ground: Any, sun: SunSettings) -> Any:
    """Return the cosine of the sun's angle to the surface, 0 where the surface turns away; no shadow is cast.

    The sun stands where the scene's properties say, over all of the scene. Where a scene does not name both, this is 1
    everywhere. It is what `ee.Terrain.hillshade` makes, over 255 and not rounded.
    """
    names = sun.azimuth, sun.elevation or sun.zenith
    named = scene.propertyNames().containsAll(list(names))
    known = ee.Number(ee.Algorithms.If(named, 1, 0))  # both sides of an If may be computed, so they hold no property
    properties = scene.toDictionary()
    azimuth, height = (ee.Number(properties.get(name, 0)) for name in names)
    if sun.elevation is None:
        height = ee.Number(90).subtract(height)
    azimuth, height = azimuth.multiply(_DEGREE), height.multiply(_DEGREE)
    level = height.cos().multiply(known)
    towards = {"east": azimuth.sin().multiply(level), "north": azimuth.cos().multiply(level), "up": height.sin()}
    lit = ee.Image.constant(ee.Number(1).subtract(known))
    for name, part in towards.items():
        lit = lit.add(ground.select(name).multiply(ee.Image.constant(part.multiply(known))))
    return lit.max(0)

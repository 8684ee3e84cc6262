"""How the sun lights the ground of a look: what explains dark land that is taken for water."""

from typing import Any

import ee

from water_gee.earth.composite import on_lattice, terrain
from water_gee.earth.spec import CompositeSpec
from water_gee.study import Area

_AZIMUTH, _ELEVATION = "SUN_AZIMUTH", "SUN_ELEVATION"


def directions(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the east, north and upward parts of the surface's normal, on the study's lattice.

    They are those of slope and aspect on the elevation model's own pixels; flat ground where it has none.
    """
    ground = terrain(spec, area, year)
    steep, way = (part.multiply(_RADIANS) for part in (ee.Terrain.slope(ground), ee.Terrain.aspect(ground)))
    # Where the ground is flat its aspect means nothing, and may be masked.
    east = steep.sin().multiply(way.sin()).rename("east")
    north = steep.sin().multiply(way.cos()).rename("north")
    up = steep.cos().rename("up")
    parts = [on_lattice(spec, part).unmask(flat, False) for part, flat in ((east, 0), (north, 0), (up, 1))]
    return ee.Image.cat(parts)


_RADIANS = 0.017453292519943295  # a degree


def illumination(scene: Any, ground: Any) -> Any:
    """Return the cosine of the sun's angle to the surface, 0 where it turns away, without cast shadows.

    The sun stands where the scene's `SUN_AZIMUTH` and `SUN_ELEVATION` say, in degrees, the same over the whole scene;
    of a scene that does not name both it is 1 everywhere. This is the hillshade of Earth Engine's
    `Terrain.hillshade` over 255, which is rounded to whole numbers.
    """
    named = scene.propertyNames().containsAll([_AZIMUTH, _ELEVATION])
    azimuth, height = (ee.Number(scene.get(name)).multiply(_RADIANS) for name in (_AZIMUTH, _ELEVATION))
    towards = [azimuth.sin().multiply(height.cos()), azimuth.cos().multiply(height.cos()), height.sin(), 0]
    sun = ee.List(ee.Algorithms.If(named, towards, [0, 0, 0, 1]))
    lit = ee.Image.constant(sun.get(3))
    for place, part in enumerate(("east", "north", "up")):
        lit = lit.add(ground.select(part).multiply(ee.Image.constant(sun.get(place))))
    return lit.max(0)

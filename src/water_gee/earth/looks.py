"""Looks: what a season's passes of the satellite saw of an area, scene by scene joined into passes.

A look is one pass's view of a pixel. A pass comes as several scenes, which overlap where one row meets the next, and a
scene may be there in two processings: what they show of a pixel is one look all the same. It counts where the quality
band shows neither fill nor cloud and every band of `sensor.bands` holds a valid digital number: so which pixels are
seen does not depend on the features.
"""

from collections.abc import Callable
from typing import Any

import ee
from shapely.geometry import mapping

from water_gee.earth.spec import CompositeSpec
from water_gee.study import Area, to_lonlat

_FILL_BIT = 0
WATER_BIT, SNOW_BIT = "water_bit", "snow_bit"  # bands of a clear look: the quality band's
_CLEAR = "clear"
_PASS, _SCENES = "water_gee_pass", "water_gee_scenes"  # properties that scenes are joined by


def scenes(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the collection of a year's scenes: of the area's strips alone, or all that meet it."""
    begin, end = spec.season(year)
    wanted = ee.Filter.And(_place(spec, area), ee.Filter.date(begin, end))
    first, *others = (ee.ImageCollection(asset).filter(wanted) for asset in spec.sensor.collections)
    for other in others:
        first = first.merge(other)
    return first


def clear_looks(spec: CompositeSpec, area: Area, year: int, beside: Callable[[Any], Any] | None = None) -> Any:
    """Return a year's clear looks, an image a pass: digital numbers by band name, the quality band's bits.

    Where scenes of a pass overlap, the one whose `system:index` comes last decides, as that of a later processing does:
    on the pixel's values, and on whether it is clear. `beside` makes more bands of a scene, such as follow from its
    properties.
    """
    look = _look(spec, beside)

    def merged(one: Any) -> Any:
        parts = ee.ImageCollection.fromImages(ee.List(one.get(_SCENES))).map(look)
        image = parts.mosaic()
        return image.updateMask(image.select(_CLEAR))

    return _passes(spec, area, scenes(spec, area, year)).map(merged)


def _look(spec: CompositeSpec, beside: Callable[[Any], Any] | None) -> Callable[[Any], Any]:
    """Return the function from a scene to its bands, all masked where one holds no valid number, and what is clear."""
    sensor = spec.sensor
    low, high = sensor.valid
    bad = sum(1 << bit for bit in {_FILL_BIT, *sensor.cloud_bits})
    said = {WATER_BIT: sensor.water_bit} | ({} if sensor.snow_bit is None else {SNOW_BIT: sensor.snow_bit})

    def look(image: Any) -> Any:
        numbers = image.select(list(sensor.bands.values()), list(sensor.bands))
        quality = image.select(sensor.quality)
        filled = numbers.unmask(low - 1)  # a masked band is an invalid one; reducers skip what is masked
        valid = filled.gte(low).And(filled.lte(high)).reduce(ee.Reducer.min())
        bits = [quality.rightShift(bit).bitwiseAnd(1).rename(name) for name, bit in said.items()]
        more = [] if beside is None else [beside(image)]
        clear = quality.bitwiseAnd(bad).eq(0).rename(_CLEAR)
        # Fill may be unmasked, and shall not cover what the pass's other scenes hold there.
        there = valid.And(quality.bitwiseAnd(1 << _FILL_BIT).eq(0))
        return ee.Image.cat([numbers, *bits, clear, *more]).updateMask(there)

    return look


def _passes(spec: CompositeSpec, area: Area, found: Any) -> Any:
    """Return a scene of each pass, with the list of all of the pass's scenes, in the order of their index.

    A pass is known by `sensor.passes` and the day, the area's own by the sun: these satellites come in daytime, but
    the UTC day ends in the middle of passes at 150 degrees east.
    """
    hours = _sun_hours(spec, area)
    names = spec.sensor.passes

    def tagged(scene: Any) -> Any:
        held = scene.toDictionary()
        by = [held.get(name, "") for name in names]  # a scene that does not tell is of the day's one pass
        day = scene.date().advance(hours, "hour").format("YYYY-MM-dd")
        return scene.set(_PASS, ee.List([*by, day]).join(" "))

    told = found.map(tagged)
    same = ee.Filter.equals(leftField=_PASS, rightField=_PASS)
    joined = ee.Join.saveAll(matchesKey=_SCENES, ordering="system:index").apply(told.distinct(_PASS), told, same)
    return ee.ImageCollection(joined)


def _sun_hours(spec: CompositeSpec, area: Area) -> int:
    """Return by how many hours the area's solar time is ahead of UTC, about.

    Of strips it follows from the path, and not from the outline, which is that of the scenes and would change the
    expression with them: WRS-2's path 1 crosses the equator at 64.6 degrees west, each next one 360 / 233 degrees
    further west.
    """
    if area.strips:
        longitude = -64.6 - (area.strips[0][0] - 1) * 360 / 233
    else:
        longitude = to_lonlat(area.geometry.envelope.centroid, spec.grid.crs).x
    return round(((longitude + 180) % 360 - 180) / 15)


def _place(spec: CompositeSpec, area: Area) -> Any:
    """Return the filter of the scenes that may fill an area."""
    if not area.strips:
        return ee.Filter.bounds(outline_of(spec, area))
    strips = [ee.Filter.And(ee.Filter.eq("WRS_PATH", p), ee.Filter.eq("WRS_ROW", r)) for p, r in area.strips]
    return strips[0] if len(strips) == 1 else ee.Filter.Or(*strips)


def outline_of(spec: CompositeSpec, area: Area) -> Any:
    """Return an area's outline as an `ee.Geometry` in the study's crs."""
    shape = mapping(area.geometry)
    return ee.Geometry({"type": shape["type"], "coordinates": _listed(shape["coordinates"])}, spec.grid.crs, False)


def _listed(coordinates: Any) -> Any:
    """Return nested tuples of coordinates as lists, which is what the client encodes."""
    return [_listed(part) for part in coordinates] if isinstance(coordinates, tuple | list) else coordinates

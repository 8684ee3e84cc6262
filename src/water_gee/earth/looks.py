"""Looks: what a season's passes of the satellite saw of an area, scene by scene joined into passes.

A look is one pass's view of a pixel. A pass comes as several scenes, which overlap where one row meets the next, and a
scene may be there in two processings: what they show of a pixel is one look all the same. It counts where the quality
band shows neither fill nor cloud and every band of `sensor.bands` holds a valid number: so which pixels are seen does
not depend on the features.
"""

import math
from collections.abc import Callable
from functools import reduce
from typing import Any

import ee
from shapely.geometry import mapping
from shapely.geometry.base import BaseGeometry

from water_gee.config.sensor import LEAST_CLOUDY, SourceSettings
from water_gee.earth.spec import CompositeSpec
from water_gee.study import Area, to_lonlat

_FILL_BIT = 0  # of Landsat; all bits are set where HLS has fill, and its bit 0 is a kind of cloud
Beside = Callable[[Any, SourceSettings], Any]
WATER_BIT, SNOW_BIT = "water_bit", "snow_bit"  # bands of a clear look: what the quality band says
CLOUDINESS = "water_gee_cloudiness"  # property of a scene and of a look, where the least cloudy is wanted
_CLEAR, _SCORE = "clear", "water_gee_score"  # bands
_PASS, _SCENES, _MATCH = "water_gee_pass", "water_gee_scenes", "water_gee_match"  # properties that scenes are joined by


def scenes(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the collection of a year's scenes, of all sources: of the area's strips alone, or all that meet it."""
    return _merged([scenes_of(spec, source, area, year) for source in spec.sensor.sources])


def clear_looks(spec: CompositeSpec, area: Area, year: int, beside: Beside | None = None) -> Any:
    """Return a year's clear looks, an image a pass: numbers of the sensor's scale by band name, and what quality says.

    Where scenes of a pass overlap, the one whose `system:index` comes last decides, as that of a later processing does:
    on the pixel's values, and on whether it is clear. `beside` makes more bands of a scene and its kind, such as follow
    from its properties.
    """
    return _merged([_looks_of(spec, source, area, year, beside) for source in spec.sensor.sources])


def _merged(collections: list[Any]) -> Any:
    return reduce(lambda one, other: one.merge(other), collections)


def scenes_of(spec: CompositeSpec, source: SourceSettings, area: Area, year: int) -> Any:
    """Return the collection of a year's scenes of one source that may fill an area."""
    when = ee.Filter.date(*spec.season(year))
    wanted = ee.Filter.And(_place(spec, area), when)
    found = [ee.ImageCollection(asset).filter(wanted) for asset in source.collections]
    if source.score is not None:
        near = when if area.strips else ee.Filter.And(ee.Filter.bounds(outline_of(spec, area)), when)
        scores = ee.ImageCollection(source.score.collection).filter(near).select(source.score.band)
        found = [_scored(one, scores) for one in found]
    return _merged(found)


def _scored(found: Any, scores: Any) -> Any:
    """Return the scenes that have a score, with it as a band; `linkCollection` does so, where the client knows it."""
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    joined = ee.ImageCollection(ee.Join.saveFirst(_MATCH).apply(found, scores, same))
    # What a scene tells of itself is asked for as a whole later on: no image shall be among it.
    return joined.map(lambda one: one.addBands(ee.Image(one.get(_MATCH)).rename(_SCORE)).set(_MATCH, 0))


def _looks_of(spec: CompositeSpec, source: SourceSettings, area: Area, year: int, beside: Beside | None) -> Any:
    look = _look(spec, source, beside)

    def merged(one: Any) -> Any:
        parts = ee.ImageCollection.fromImages(ee.List(one.get(_SCENES)))
        image = parts.map(look).mosaic()
        image = image.updateMask(image.select(_CLEAR))
        return image.set(CLOUDINESS, _cloudiness(parts)) if spec.sensor.reducer == LEAST_CLOUDY else image

    return _passes(spec, source, area, scenes_of(spec, source, area, year)).map(merged)


def _cloudiness(parts: Any) -> Any:
    """Return a pass's cloud cover, the mean of its scenes; of equals the latest is less by far less than a percent."""
    time = ee.Number(parts.aggregate_max("system:time_start"))
    return ee.Number(parts.aggregate_mean(CLOUDINESS)).subtract(time.multiply(1e-17))


def _look(spec: CompositeSpec, source: SourceSettings, beside: Beside | None) -> Callable[[Any], Any]:
    """Return the function from a scene to its bands, all masked where one holds no valid number, and what is clear."""
    sensor = spec.sensor

    def look(image: Any) -> Any:
        numbers = image.select([source.bands[role] for role in sensor.bands], list(sensor.bands))
        fill, clear, said = _said(source, image)
        there = _valid(source, numbers).And(fill.Not())  # fill may be unmasked, and covers nothing of another scene
        more = [] if beside is None else [beside(image, source)]
        return ee.Image.cat([_as_of_sensor(spec, source, numbers), *said, clear.rename(_CLEAR), *more]).updateMask(
            there
        )

    return look


def _valid(source: SourceSettings, numbers: Any) -> Any:
    """Return where no band is masked or invalid.

    What lies between fill and the lowest number, as reflectance does among digital numbers, is no fill: it is kept, so
    that imagery of other units is found and refused, and not taken for an area that nobody has seen.
    """
    if source.valid is None:
        return numbers.mask().reduce(ee.Reducer.min())
    low, high = (int(number) if number.is_integer() else number for number in source.valid)
    filled = numbers.unmask(low - 1)  # a masked band is an invalid one; reducers skip what is masked
    return filled.gt(low - 1).And(filled.lte(high)).reduce(ee.Reducer.min())


def _said(source: SourceSettings, image: Any) -> tuple[Any, Any, list[Any]]:
    """Return what the quality band says of a scene: where is fill, where it is clear, and the bands water and snow."""
    quality = image.select(source.quality)
    if source.classes is not None:
        classes = source.classes
        fill, cloud = quality.eq(classes.fill), quality.remap(classes.cloud, [1] * len(classes.cloud), 0)
        said = {WATER_BIT: quality.eq(classes.water)}
        if classes.snow is not None:
            said[SNOW_BIT] = quality.eq(classes.snow)
    else:
        quality = quality.toInt()  # a file of one type holds bits as floats, beside reflectance
        fill, cloud = (
            quality.bitwiseAnd(sum(1 << bit for bit in bits)) for bits in ([_FILL_BIT], source.cloud_bits or [])
        )
        bits = {WATER_BIT: source.water_bit, SNOW_BIT: source.snow_bit}
        said = {name: quality.rightShift(bit).bitwiseAnd(1) for name, bit in bits.items() if bit is not None}
    clear = cloud.Not()
    if source.score is not None:
        clear = clear.And(image.select(_SCORE).gte(source.score.at_least))
    return fill, clear, [band.toByte().rename(name) for name, band in said.items()]


def _as_of_sensor(spec: CompositeSpec, source: SourceSettings, numbers: Any) -> Any:
    """Return a source's numbers as the sensor itself would have them: all are scaled alike, after compositing."""
    sensor = spec.sensor
    scales = {(one.multiply, one.add) for one in sensor.sources}
    if len(scales) == 1:
        return numbers
    factor, shift = source.multiply / sensor.multiply, (source.add - sensor.add) / sensor.multiply
    return numbers.toDouble().multiply(factor).add(shift)


def _passes(spec: CompositeSpec, source: SourceSettings, area: Area, found: Any) -> Any:
    """Return a scene of each pass, with the list of all of the pass's scenes, in the order of their index.

    A pass is known by the source's properties of a pass and the day, the area's own by the sun: these satellites come
    in daytime, but the UTC day ends in the middle of passes at 150 degrees east.
    """
    hours = sun_hours(spec, area)

    def tagged(scene: Any) -> Any:
        held = scene.toDictionary()
        by = [held.get(name, "") for name in source.of_pass]  # a scene that does not tell is of the day's one pass
        day = scene.date().advance(hours, "hour").format("YYYY-MM-dd")
        one = scene.set(_PASS, ee.List([*by, day]).join(" "))
        if spec.sensor.reducer == LEAST_CLOUDY:  # a scene that does not tell counts as wholly cloudy
            one = one.set(CLOUDINESS, held.get(source.of_clouds, 100))
        return one

    told = found.map(tagged)
    same = ee.Filter.equals(leftField=_PASS, rightField=_PASS)
    joined = ee.Join.saveAll(matchesKey=_SCENES, ordering="system:index").apply(told.distinct(_PASS), told, same)
    return ee.ImageCollection(joined)


def sun_hours(spec: CompositeSpec, area: Area) -> int:
    """Return by how many hours the area's solar time is ahead of UTC, about.

    Of strips it follows from the path, and not from the outline, which is that of the scenes and would change the
    expression with them: WRS-2's path 1 crosses the equator at 64.6 degrees west, each next one 360 / 233 degrees
    further west.
    """
    if area.strips:
        longitude = -64.6 - (area.strips[0][0] - 1) * 360 / 233
    else:
        longitude = to_lonlat(area.geometry.envelope.centroid, spec.grid.crs).x
    if not math.isfinite(longitude):  # where the crs does not reach
        return 0
    return round(((longitude + 180) % 360 - 180) / 15)


def _place(spec: CompositeSpec, area: Area) -> Any:
    """Return the filter of the scenes that may fill an area."""
    if not area.strips:
        return ee.Filter.bounds(outline_of(spec, area))
    strips = [ee.Filter.And(ee.Filter.eq("WRS_PATH", p), ee.Filter.eq("WRS_ROW", r)) for p, r in area.strips]
    anywhere = strips[0] if len(strips) == 1 else ee.Filter.Or(*strips)
    return ee.Filter.And(anywhere, ee.Filter.inList("system:index", list(area.scenes))) if area.scenes else anywhere


def outline_of(spec: CompositeSpec, area: Area) -> Any:
    """Return a light outline that holds an area, as an `ee.Geometry` in the study's crs: what filters need."""
    return geometry_of(spec, area.light)


def geometry_of(spec: CompositeSpec, geometry: BaseGeometry) -> Any:
    """Return a geometry of the study's crs as an `ee.Geometry`, its edges straight there."""
    shape = mapping(geometry)
    return ee.Geometry({"type": shape["type"], "coordinates": _listed(shape["coordinates"])}, spec.grid.crs, False)


def _listed(coordinates: Any) -> Any:
    """Return nested tuples of coordinates as lists, which is what the client encodes."""
    return [_listed(part) for part in coordinates] if isinstance(coordinates, tuple | list) else coordinates

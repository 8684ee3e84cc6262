"""The seasonal composite and its features: one expression for tiles and for maps."""

from typing import Any

import ee

from water_gee.config.sensor import LEAST_CLOUDY
from water_gee.earth.features import FEATURES, Sources
from water_gee.earth.indices import normalised
from water_gee.earth.looks import CLOUDINESS, clear_looks, geometry_of, outline_of, scenes
from water_gee.earth.spec import CompositeSpec
from water_gee.study import Area


def composite(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the cloud-free seasonal composite: reflectance bands by name, masked where there is no clear look.

    Numbers are composited and then scaled once: all reducers commute with it.
    """
    return on_lattice(spec, _reflectance(spec, area, year))


def preview(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return MNDWI of the same looks at the scale of each request: a coarse look at areas too wide for the network.

    Masked where there is no clear look; one band, `mndwi`.
    """
    seen = _reflectance(spec, area, year)
    return normalised(seen.select("green"), seen.select("swir1")).rename("mndwi")


def _reflectance(spec: CompositeSpec, area: Area, year: int) -> Any:
    sensor = spec.sensor
    numbers = clear_looks(spec, area, year).select(list(sensor.bands))
    if sensor.reducer == LEAST_CLOUDY:
        reduced = numbers.sort(CLOUDINESS, False).mosaic()  # the last on top
    elif sensor.percentile is not None:
        reduced = numbers.reduce(ee.Reducer.percentile([sensor.percentile])).rename(list(sensor.bands))
    else:
        reduced = numbers.median() if sensor.reducer == "median" else numbers.mean()
    return reduced.multiply(sensor.multiply).add(sensor.add)


def feature_image(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the feature bands in their order, float, on the study's lattice.

    A pixel masked in one band is masked in all. The outline of a bounding box or region is not in it, so that a request
    does not grow with it: see `within`.
    """
    sources = Sources(composite(spec, area, year), elevation(spec, area), slope(spec, area, year))
    image = ee.Image.cat([FEATURES[name].build(sources).rename(name) for name in spec.features])
    one_band = sources.reflectance.select(0)  # all reflectance bands have one mask
    seen = one_band.addBands(image).mask().reduce(ee.Reducer.min())
    return on_lattice(spec, image.updateMask(seen).toFloat())


def elevation_versions(spec: CompositeSpec, area: Area) -> list[Any]:
    """Return the ids and the versions of the elevation model's images in an area, as two `ee.List`."""
    if not spec.dem.collection:
        image = ee.Image(spec.dem.asset)
        return [ee.List([image.get("system:index")]), ee.List([image.get("system:version")])]
    parts = ee.ImageCollection(spec.dem.asset).filterBounds(outline_of(spec, area))
    return [parts.aggregate_array("system:index"), parts.aggregate_array("system:version")]


def elevation(spec: CompositeSpec, area: Area) -> Any:
    """Return the elevation in metres on the lattice; 0 where the model has none, as it has none over the sea."""
    return on_lattice(spec, _dem(spec, area)).unmask(0, False)


def slope(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the slope in degrees, computed on the elevation model's own pixels; 0 where it has none.

    A pixel of the lattice has the slope of the model's pixel that holds its centre.
    """
    ground = terrain(spec, area, year)
    return on_lattice(spec, on_pixels_of(ground, ee.Terrain.slope(ground))).unmask(0, False)


def terrain(spec: CompositeSpec, area: Area, year: int) -> Any:
    """Return the elevation model with the pixels that slope and aspect are computed on: its own."""
    dem = _dem(spec, area)
    if not spec.dem.collection:
        return dem
    # A mosaic has no pixels of its own: take those of a part that lies in the area.
    near = scenes(spec, area, year).first().geometry()
    part = ee.ImageCollection(spec.dem.asset).filterBounds(near).first()
    return dem.setDefaultProjection(part.select(spec.dem.band).projection())


def on_pixels_of(ground: Any, image: Any) -> Any:
    """Compute an image on the pixels of another's projection.

    `Terrain` works in its input's default projection, but of `setDefaultProjection` the service documents that later
    operations may change the resolution: so that projection is fixed here, before `on_lattice` asks for its own.
    """
    return image.reproject(ground.projection())


def _dem(spec: CompositeSpec, area: Area) -> Any:
    if not spec.dem.collection:
        return ee.Image(spec.dem.asset).select(spec.dem.band)
    parts = ee.ImageCollection(spec.dem.asset)
    if not area.strips:  # a strips area's outline is that of its scenes: it would change the expression with them
        parts = parts.filterBounds(outline_of(spec, area))
    return parts.select(spec.dem.band).mosaic()


def on_lattice(spec: CompositeSpec, image: Any) -> Any:
    """Give an image the study's pixels.

    A composite has no projection, and what looks at neighbours is computed at the scale of each request; below this it
    is computed on the study's pixels whoever asks. It must stand above what looks at neighbours, and not only below it.
    """
    grid = spec.grid
    x, y = grid.origin
    return image.reproject(crs=grid.crs, crsTransform=[grid.scale, 0, x, 0, -grid.scale, y])


def within(spec: CompositeSpec, area: Area | None, image: Any) -> Any:
    """Mask what lies outside a bounding box or region, with its whole outline; a strips area is bounded by its scenes.

    Needed where Earth Engine itself looks at what is masked: before a network, and in exports. Give it an area that is
    as light as may be: `Area.within` of a window (None: there is nothing to mask), or `drawn`.
    """
    return image if area is None or area.strips else image.clip(geometry_of(spec, area.geometry))

"""Geometries, and images cut by them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import shapely
from shapely.affinity import affine_transform

from eelocal.errors import bad_request
from eelocal.evaluator import geometry as shapes
from eelocal.evaluator.antimeridian import whole
from eelocal.evaluator.functions_mask import keep, nonzero
from eelocal.evaluator.functions_projection import reproject
from eelocal.evaluator.geometry import LONLAT, Geometry, moved, together
from eelocal.evaluator.grid import IDENTITY, Projection
from eelocal.evaluator.image import Band, Collection, Element, Image, outline
from eelocal.evaluator.inside import InsideNode
from eelocal.evaluator.node import MaskedNode
from eelocal.evaluator.registry import Context, implements


def _within(image: Image, region: Geometry) -> Image:
    inside = InsideNode(region)
    return image.each(lambda node: MaskedNode(lambda a, b: keep(a, nonzero(b)), node.type, [node, inside]))


@implements("Image.clip", context=True)
def clip(context: Context, image: Image, geometry: Any) -> Image:
    """Masked where the pixel's centre is not in the geometry."""
    region: Geometry = context.cast(geometry, "Geometry")
    outer, footprint = image.footprint, region
    if outer is not None:
        footprint = Geometry(shapely.intersection(*together(outer, region)[:2]), outer.crs, outer.geodesic)
    return replace(_within(image, region), footprint=footprint)


@implements("Image.clipToBoundsAndScale", note="clips; of the scales only 'scale'")
def clip_to_bounds(
    image: Image, geometry: Geometry | None, width: Any, height: Any, most: Any, scale: float | None
) -> Image:
    """Masked outside of the geometry's bounds."""
    if width is not None or height is not None or most is not None:
        raise bad_request("eelocal implements 'geometry' and 'scale' only.")
    if scale is not None:
        image = reproject(image, image.bands[0].node.projection, None, scale)
    if geometry is None:
        return image
    box = Geometry(shapely.box(*geometry.shape.bounds), geometry.crs, False)
    cut = _within(image, box)
    return replace(cut, bands=tuple(Band(band.name, band.node) for band in cut.bands), footprint=box)


@implements("Image.geometry", "Element.geometry")
def geometry_of(
    element: Element, error: float | None, projection: Projection | None, geodesics: bool | None
) -> Geometry:
    """The footprint."""
    return _in(outline(element), projection)


@implements("Collection.geometry", note="in longitude and latitude")
def collection_geometry(collection: Collection, error: float | None) -> Geometry:
    """The union of all footprints."""
    return outline(collection)


def _in(geometry: Geometry, projection: Projection | None) -> Geometry:
    return geometry if projection is None else geometry.to(projection.crs)


def _placed(geometry: Geometry, projection: Projection | None) -> Geometry:
    """Return a geometry whose coordinates were given in the pixels of `projection`, in its reference system."""
    if projection is None or projection.transform == IDENTITY:
        return geometry
    a, b, c, d, e, f = projection.transform
    return Geometry(affine_transform(geometry.shape, (a, b, d, e, c, f)), geometry.crs, geometry.geodesic)


def _made(kind: str, points: list[Any], projection: Projection | None, geodesic: bool | None) -> Geometry:
    return _placed(shapes.make(kind, points, None if projection is None else projection.crs, geodesic), projection)


@implements("GeometryConstructors.Point")
def point(position: list[Any], crs: Projection | None) -> Geometry:
    """A position."""
    return _made("Point", position, crs, None)


@implements("GeometryConstructors.LineString")
def line(points: list[Any], crs: Projection | None, geodesic: bool | None, error: Any) -> Geometry:
    """A line through positions."""
    return _made("LineString", points, crs, geodesic)


def _register_polygon(kind: str, depth: int) -> None:
    @implements(f"GeometryConstructors.{kind}")
    def make(points: list[Any], crs: Projection | None, geodesic: bool | None, error: Any, even_odd: bool) -> Geometry:
        return _made(kind, _nested(points, depth), crs, geodesic)


_register_polygon("Polygon", 3)
_register_polygon("MultiPolygon", 4)


def _nested(points: list[Any], wanted: int) -> list[Any]:
    """Wrap rings so that the coordinates are as deep as GeoJSON's."""
    depth, inner = 0, points
    while isinstance(inner, list) and inner:
        depth, inner = depth + 1, inner[0]
    if depth == 1 and len(points) % 2:
        raise bad_request(f"Invalid coordinates: {len(points)} numbers do not make pairs.")
    if depth == 1:
        points, depth = [[x, y] for x, y in zip(points[::2], points[1::2], strict=True)], 2
    for _ in range(wanted - depth):
        points = [points]
    return points


@implements("GeometryConstructors.Rectangle")
def rectangle(corners: list[Any], crs: Projection | None, geodesic: bool | None, even_odd: bool) -> Geometry:
    """Two opposite corners, as four numbers or two points."""
    flat = np.asarray(corners, np.float64).ravel().tolist()
    if len(flat) != 4:
        raise bad_request("A rectangle needs two corners: xMin, yMin, xMax, yMax.")
    left, bottom, right, top = flat
    return _placed(shapes.box(left, bottom, right, top, None if crs is None else crs.crs, geodesic), crs)


@implements("GeometryConstructors.BBox")
def bbox(west: float, south: float, east: float, north: float) -> Geometry:
    """A box of longitudes and latitudes."""
    if east < west:
        east += 360.0  # across the antimeridian
    elif east - west >= 360.0:
        west, east = -180.0, 180.0
    return shapes.box(west, max(south, -90.0), east, min(north, 90.0), None, False)


@implements("Geometry.bounds")
def bounds(geometry: Geometry, error: float | None, projection: Projection | None) -> Geometry:
    """The box around it, in a projection."""
    placed = _in(geometry, projection)
    left, bottom, right, top = placed.shape.bounds
    return shapes.box(left, bottom, right, top, placed.crs, False)


@implements("ErrorMargin", note="of no effect: everything is computed exactly")
def error_margin(value: float | None, unit: str) -> float:
    """A distance."""
    return value or 0.0


@implements("Geometry.area")
def area(geometry: Geometry, error: float | None, projection: Projection | None) -> float:
    """Square metres on the ellipsoid, or in a projection's units."""
    return geometry.area() if projection is None else float(geometry.to(projection.crs).shape.area)


@implements("Geometry.buffer", note="planar: in the projection, or in the geometry's local UTM-like plane")
def buffer(geometry: Geometry, distance: float, error: float | None, projection: Projection | None) -> Geometry:
    """Grow by metres, or by a projection's units."""
    if projection is not None:
        return Geometry(geometry.to(projection.crs).shape.buffer(distance), projection.crs, False)
    middle = whole(geometry.to(LONLAT).shape).centroid
    local = f"+proj=aeqd +lat_0={middle.y} +lon_0={middle.x} +datum=WGS84 +units=m"
    grown = moved(geometry.shape, geometry.crs, local).buffer(distance)
    return Geometry(moved(grown, local, geometry.crs), geometry.crs, geometry.geodesic)


@implements("Geometry.transform")
def transform(geometry: Geometry, projection: Projection, error: float | None, geodesic: bool | None) -> Geometry:
    """The same place in another system."""
    return geometry.to(projection.crs)


@implements("Geometry.coordinates")
def coordinates(geometry: Geometry) -> list[Any]:
    """As in GeoJSON."""
    return list(geometry.to_json().get("coordinates", []))


@implements("Geometry.type")
def type_of(geometry: Geometry) -> str:
    """As in GeoJSON."""
    return str(geometry.to_json()["type"])


def _register_pair(name: str, function: Callable[[Any, Any], Any]) -> None:
    @implements(f"Geometry.{name}", note="planar, in the left geometry's system")
    def apply(left: Geometry, right: Geometry, error: float | None, projection: Projection | None) -> Any:
        left = _in(left, projection)
        one, two, crs = together(left, right)
        out = function(one, two)
        return out if isinstance(out, bool) else Geometry(out, crs, left.geodesic)


_register_pair("intersection", lambda a, b: a.intersection(b))
_register_pair("union", lambda a, b: a.union(b))
_register_pair("difference", lambda a, b: a.difference(b))
_register_pair("intersects", lambda a, b: bool(a.intersects(b)))
_register_pair("contains", lambda a, b: bool(a.covers(b)))

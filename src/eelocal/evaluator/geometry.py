"""Geometries: shapes in a coordinate system, their edges straight in it or geodesic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Geod
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from eelocal.errors import bad_request
from eelocal.evaluator import antimeridian
from eelocal.evaluator.grid import parse_crs, same_crs, transformer

LONLAT = "EPSG:4326"
_GEOD = Geod(ellps="WGS84")
_EDGE_PARTS = 64
"""Parts into which an edge is cut before it is moved to another coordinate system."""


@dataclass(frozen=True)
class Geometry:
    """A shape with its coordinate system."""

    shape: BaseGeometry
    crs: str = LONLAT
    geodesic: bool = True

    @cached_property
    def unbounded(self) -> bool:
        """Whether it covers the whole globe."""
        return self.crs == LONLAT and self.shape.bounds == (-180.0, -90.0, 180.0, 90.0)

    def to(self, crs: str) -> Geometry:
        """Return the geometry in another system, its edges cut so that they stay where they were."""
        if same_crs(self.crs, crs):
            return Geometry(self.shape, crs, self.geodesic)
        return Geometry(moved(self.shape, self.crs, crs), crs, crs == LONLAT)

    def to_json(self) -> dict[str, Any]:
        """Return GeoJSON with the service's additions."""
        out = _listed(dict(mapping(self.shape)))
        if self.crs != LONLAT:
            out["crs"] = {"type": "name", "properties": {"name": self.crs}}
        out["geodesic"] = self.geodesic
        return out

    def area(self) -> float:
        """Return the area in square metres on the ellipsoid; edges are as straight in the geometry's own system."""
        flat = self.shape if self.geodesic and self.crs == LONLAT else moved(self.shape, self.crs, LONLAT)
        return abs(float(_GEOD.geometry_area_perimeter(shapely.force_2d(flat))[0])) if flat.area else 0.0


GLOBE = Geometry(shapely.box(-180, -90, 180, 90), LONLAT, False)


def moved(geometry: BaseGeometry, source: str, target: str) -> BaseGeometry:
    """Return a geometry's coordinates in another system, long edges cut first."""
    if same_crs(source, target):
        return geometry
    if parse_crs(source).is_geographic:
        geometry = antimeridian.whole(geometry)
    left, bottom, right, top = geometry.bounds if not geometry.is_empty else (0, 0, 0, 0)
    extent = max(right - left, top - bottom)
    if extent > 0:
        geometry = shapely.segmentize(geometry, extent / _EDGE_PARTS)
    change = transformer(source, target)

    def turn(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(change.transform(points[:, 0], points[:, 1]))

    there = shapely.transform(geometry, turn)
    return antimeridian.cut(there) if parse_crs(target).is_geographic else there


def make(kind: str, coordinates: Any, crs: str | None, geodesic: bool | None) -> Geometry:
    """Return a geometry of GeoJSON coordinates.

    Raises:
        EEError: for coordinates that make no such geometry.
    """
    where = crs or LONLAT
    parse_crs(where)
    try:
        made = shape({"type": kind, "coordinates": _pairs(coordinates) if kind != "Point" else coordinates})
    except (TypeError, ValueError, IndexError, AttributeError):
        raise bad_request(f"Invalid coordinates for a {kind}.") from None
    if made.is_empty or not np.isfinite(shapely.get_coordinates(made)).all():
        raise bad_request(f"Invalid coordinates for a {kind}.")
    if kind in ("Polygon", "MultiPolygon") and not made.is_valid:
        made = shapely.make_valid(made)
    straight = where == LONLAT if geodesic is None else geodesic
    if parse_crs(where).is_geographic:
        made = antimeridian.cut(made, straight)
    return Geometry(made, where, straight)


def _pairs(coordinates: Any) -> Any:
    """Close rings and turn a flat list of numbers into pairs."""
    if isinstance(coordinates, list) and coordinates and all(isinstance(v, int | float) for v in coordinates):
        return list(zip(coordinates[::2], coordinates[1::2], strict=True)) if len(coordinates) > 3 else coordinates
    return coordinates


def box(left: float, bottom: float, right: float, top: float, crs: str | None, geodesic: bool | None) -> Geometry:
    """Return a rectangle."""
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    return make("Polygon", [ring], crs, False if geodesic is None and crs is None else geodesic)


def footprint(crs: str, transform: tuple[float, ...], width: int, height: int) -> Geometry:
    """Return a raster's outline in longitude and latitude."""
    a, b, c, d, e, f = transform
    corners = [(0, 0), (width, 0), (width, height), (0, height), (0, 0)]
    ring = shapely.Polygon([(c + a * x + b * y, f + d * x + e * y) for x, y in corners])
    return Geometry(ring, crs, False).to(LONLAT)


def together(first: Geometry, second: Geometry) -> tuple[BaseGeometry, BaseGeometry, str]:
    """Return two shapes in the first one's system."""
    return first.shape, second.to(first.crs).shape, first.crs


def _listed(data: dict[str, Any]) -> dict[str, Any]:
    def plain(value: Any) -> Any:
        return [plain(v) for v in value] if isinstance(value, tuple | list) else value

    if "geometries" in data:
        return {"type": data["type"], "geometries": [_listed(dict(g)) for g in data["geometries"]]}
    return {"type": data["type"], "coordinates": plain(data["coordinates"])}

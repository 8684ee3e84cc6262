"""Where a raster lies on the earth, as STAC wants it: longitude and latitude, cut at the antimeridian."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from water_gee.study import to_lonlat, unwrapped, wrapped

_STEPS = 16  # points on each side: its edges are lines in the study's crs, and curves in longitude and latitude
_PLACES = 6  # decimals of a degree: a tenth of a metre


@dataclass(frozen=True)
class Place:
    """A footprint.

    Attributes:
        geometry: GeoJSON; of polygons between -180 and 180 degrees, their outer rings counter-clockwise (RFC 7946).
        bbox: west, south, east, north in degrees; west is above east where it crosses the antimeridian (RFC 7946, 5.2).
    """

    geometry: Mapping[str, Any]
    bbox: tuple[float, float, float, float]


def place_of(bounds: tuple[float, float, float, float], crs: str) -> Place:
    """Return the footprint of a rectangle, left, bottom, right and top in `crs`."""
    side = max(bounds[2] - bounds[0], bounds[3] - bounds[1]) / _STEPS
    whole = unwrapped(to_lonlat(shapely.segmentize(box(*bounds), side), crs))
    west, south, east, north = (round(value, _PLACES) for value in whole.bounds)
    if east - west >= 360:
        west, east = -180.0, 180.0
    elif east > 180 or west < -180:
        west, east = _within(west), _within(east)
    return Place(mapping(_tidy(wrapped(whole))), (west, south, east, north))


def _within(longitude: float) -> float:
    return round((longitude + 180) % 360 - 180, _PLACES)


def _tidy(geometry: BaseGeometry) -> BaseGeometry:
    """Return the polygons rounded and oriented, in an order of their own: equal places are equal bytes."""
    rounded = shapely.transform(geometry, lambda points: np.round(points, _PLACES))
    polygons = [part for part in getattr(rounded, "geoms", [rounded]) if isinstance(part, Polygon)]
    parts = sorted((orient(part) for part in polygons), key=lambda part: part.bounds)
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)

"""Where a raster lies on the earth, as STAC wants it: longitude and latitude, cut at the antimeridian."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.geometry.base import BaseGeometry
from shapely.geometry.polygon import orient

from water_gee.study import unwrapped, wrapped

Bounds = tuple[float, float, float, float]
Floats = NDArray[np.float64]
_STEPS = 16  # points on each side: its edges are lines in the study's crs, and curves in longitude and latitude
_OFF = 1e-5  # of the rectangle's outline that a line between two points may be off; where it is more, there are more
_HALVINGS = 24  # of a step at most: past a pole an edge turns by half the earth within a pixel
_PLACES = 6  # decimals of a degree: a tenth of a metre
_NEAR = 1e-9  # of the rectangle's side: as near as this, a pole lies on its edge
_EARTH = pyproj.Geod(ellps="WGS84")


@dataclass(frozen=True)
class Place:
    """A footprint.

    Attributes:
        geometry: GeoJSON; of polygons between -180 and 180 degrees, their outer rings counter-clockwise (RFC 7946).
        bbox: west, south, east, north in degrees; west is above east where it crosses the antimeridian (RFC 7946, 5.2);
            -180 and 180 of a place around a pole, which is its north or south (5.3).
    """

    geometry: Mapping[str, Any]
    bbox: Bounds


def place_of(bounds: Bounds, crs: str) -> Place:
    """Return the footprint of a rectangle, left, bottom, right and top in `crs`."""
    to_degrees = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    poles = list(_poles(bounds, crs))
    side = max(bounds[2] - bounds[0], bounds[3] - bounds[1])
    outline = shapely.get_coordinates(shapely.segmentize(box(*bounds), side / _STEPS))
    off = _OFF * float(_EARTH.line_length(*to_degrees.transform(*outline.T)))
    parts = []
    for piece in _cut(bounds, poles):
        points = shapely.get_coordinates(shapely.segmentize(box(*piece), side / _STEPS))
        parts += _rounded(wrapped(unwrapped(Polygon(_ring(points, poles, to_degrees, off)))))
    if poles:  # pieces that met at a pole, or in a line to it
        parts = _rounded(shapely.union_all(parts, grid_size=10.0**-_PLACES))
    parts = sorted((orient(part) for part in parts), key=lambda part: part.bounds)
    _, south, _, north = shapely.total_bounds(parts)
    west, east = _longitudes(parts)
    return Place(
        mapping(parts[0] if len(parts) == 1 else MultiPolygon(parts)), (west, float(south), east, float(north))
    )


def _poles(bounds: Bounds, crs: str) -> Iterator[tuple[float, float, float]]:
    """Yield x and y of the poles that lie in a rectangle or on its edge, and the latitude of each."""
    left, bottom, right, top = bounds
    near = _NEAR * max(right - left, top - bottom)
    from_degrees = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    if from_degrees.target_crs is None or from_degrees.target_crs.is_geographic:
        return  # there they are lines, and edges of the rectangle
    for latitude in (90.0, -90.0):
        x, y = from_degrees.transform(0.0, latitude)
        if left - near <= x <= right + near and bottom - near <= y <= top + near:
            yield _snapped(x, left, right, near), _snapped(y, bottom, top, near), latitude


def _snapped(value: float, low: float, high: float, near: float) -> float:
    return low if abs(value - low) <= near else high if abs(value - high) <= near else value


def _cut(bounds: Bounds, poles: Sequence[tuple[float, float, float]]) -> Iterator[Bounds]:
    """Yield a rectangle in pieces that have a pole at a corner, if at all: no edge goes around one, or through."""
    left, bottom, right, top = bounds
    across = sorted({left, right, *(x for x, _, _ in poles)})
    down = sorted({bottom, top, *(y for _, y, _ in poles)})
    for west, east in pairwise(across):
        for south, north in pairwise(down):
            yield west, south, east, north


def _ring(
    points: Floats, poles: Sequence[tuple[float, float, float]], to_degrees: pyproj.Transformer, off: float
) -> Floats:
    """Return a closed ring of `to_degrees`' source as longitudes and latitudes [n, 2], dense enough.

    At a pole it goes from the longitude by which it came to the one by which it leaves.

    Args:
        points: x and y [n, 2], the last the first again.
        poles: x, y and latitude of those that may be among the points.
        to_degrees: to longitude and latitude.
        off: metres that a line between two points may be off the ring's own.
    """
    degrees = np.column_stack(to_degrees.transform(*points.T))
    for x, y, latitude in poles:
        at = np.flatnonzero((points[:-1] == (x, y)).all(axis=1))
        if not at.size:
            continue
        points, degrees = (np.roll(one[:-1], -int(at[0]), axis=0) for one in (points, degrees))
        points = np.vstack([points, points[:1], points[:1]])
        came, left = [degrees[-1, 0], latitude], [degrees[1, 0], latitude]
        degrees = np.vstack([[left], degrees[1:], [came, left]])
    for _ in range(_HALVINGS):
        middles = (points[1:] + points[:-1]) / 2
        there = np.column_stack(to_degrees.transform(*middles.T))
        steps = (np.diff(degrees[:, 0]) + 180) % 360 - 180
        drawn = degrees[:-1, 0] + steps / 2, (degrees[1:, 1] + degrees[:-1, 1]) / 2
        lacking = np.flatnonzero(_EARTH.inv(*drawn, *there.T)[2] > off) + 1
        if not lacking.size:
            break
        points = np.insert(points, lacking, middles[lacking - 1], axis=0)
        degrees = np.insert(degrees, lacking, there[lacking - 1], axis=0)
    return degrees


def _longitudes(parts: Sequence[Polygon]) -> tuple[float, float]:
    """Return the west and east end of what polygons between -180 and 180 degrees hold, the widest gap left out."""
    spans = np.array(sorted((part.bounds[0], part.bounds[2]) for part in parts))
    begins, reached = spans[:, 0], np.maximum.accumulate(spans[:, 1])
    gaps = begins - np.append(reached[-1] - 360, reached[:-1])  # before each
    first = int(np.argmax(gaps))
    return (float(begins[first]), float(reached[first - 1])) if gaps[first] > 0 else (-180.0, 180.0)


def _rounded(geometry: BaseGeometry) -> list[Polygon]:
    """Return the polygons of a geometry, rounded."""
    rounded = shapely.transform(geometry, lambda points: np.round(points, _PLACES))
    return [part for part in getattr(rounded, "geoms", [rounded]) if isinstance(part, Polygon)]

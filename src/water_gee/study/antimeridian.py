"""Longitudes across the antimeridian: one shape, whichever way it was written."""

import math
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry import MultiPolygon, Polygon, box
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

Floats = NDArray[np.float64]
_TURN = 360.0
_ALL = _TURN - 1e-6  # an edge this long goes around the earth, and does not cross the antimeridian


def jumps(geometry: BaseGeometry) -> bool:
    """Return whether an edge of a longitude/latitude shape is longer than half the earth: it means the other way."""
    return any(_turns(shapely.get_coordinates(ring)[:, 0]).any() for ring in shapely.get_rings(_parts(geometry)))


def unwrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Return polygons whose rings run on past 180 degrees where they were written to jump to the other side."""
    if not jumps(geometry):
        return geometry
    return unary_union([_unwrapped(part) for part in _parts(geometry)])


def joined(polygons: Sequence[BaseGeometry]) -> list[BaseGeometry]:
    """Return polygons of which those that were cut at 180 degrees are whole again, their longitudes running on."""
    west = [polygon for polygon in polygons if polygon.bounds[0] == -_TURN / 2 and polygon.bounds[2] < _TURN / 2]
    east = [polygon for polygon in polygons if polygon.bounds[2] == _TURN / 2 and polygon.bounds[0] > -_TURN / 2]
    if not west or not east:
        return list(polygons)
    whole = unary_union([*east, *(translate(polygon, _TURN) for polygon in west)])
    return [*(one for one in polygons if not any(one is cut for cut in (*west, *east))), *_parts(whole)]


def wrapped(geometry: BaseGeometry) -> BaseGeometry:
    """Return polygons of any longitudes as polygons between -180 and 180, cut there."""
    left, bottom, right, top = geometry.bounds
    if left >= -_TURN / 2 and right <= _TURN / 2:
        return geometry
    cut = []
    for turn in range(math.floor((left + _TURN / 2) / _TURN), math.ceil((right - _TURN / 2) / _TURN) + 1):
        here = box(turn * _TURN - _TURN / 2, bottom - 1, turn * _TURN + _TURN / 2, top + 1)
        cut += _parts(translate(geometry.intersection(here), -turn * _TURN))
    return unary_union(cut)


def _parts(geometry: BaseGeometry) -> list[Polygon]:
    parts = list(geometry.geoms) if isinstance(geometry, MultiPolygon) else [geometry]
    return [part for part in parts if isinstance(part, Polygon) and not part.is_empty]


def _unwrapped(polygon: Polygon) -> BaseGeometry:
    shell, *holes = (_ring(ring) for ring in (polygon.exterior, *polygon.interiors))
    middle = shell[:, 0].mean()
    for hole in holes:  # on the shell's side of the earth
        hole[:, 0] += _TURN * np.round((middle - hole[:, 0].mean()) / _TURN)
    return shapely.make_valid(Polygon(shell, holes))


def _ring(ring: BaseGeometry) -> Floats:
    points: Floats = shapely.get_coordinates(ring)
    points[1:, 0] += np.cumsum(_turns(points[:, 0]))
    return points


def _turns(longitudes: Floats) -> Floats:
    """Return by how much to turn each point against the one before it: 0, or 360 degrees either way."""
    steps = np.diff(longitudes)
    crossing = (np.abs(steps) > _TURN / 2) & (np.abs(steps) < _ALL)
    return np.where(crossing, -_TURN * np.sign(steps), 0.0)

"""Longitudes: every shape lies between -180 and 180 degrees, and one that crosses the antimeridian is cut there."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.affinity import translate
from shapely.geometry.base import BaseGeometry

HALF, TURN = 180.0, 360.0
_AROUND = TURN - 1e-6
"""An edge as long as this goes around the globe."""


def near(longitudes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return longitudes of places that lie together as numbers that do: past 180 where they cross the antimeridian."""
    known = longitudes[np.isfinite(longitudes)]
    if known.size and np.ptp(known) > HALF:
        return np.where(longitudes < 0, longitudes + TURN, longitudes)
    return longitudes


def cut(shape: BaseGeometry, shortest: bool = True) -> BaseGeometry:
    """Return a shape of any longitudes between -180 and 180.

    With `shortest`, an edge of more than half the globe is taken to go the other way around.
    """
    if shortest:
        shape = _polygons(shape, _continuous)
    left, bottom, right, top = shape.bounds if not shape.is_empty else (0.0, 0.0, 0.0, 0.0)
    if left >= -HALF and right <= HALF:
        return shape
    parts = []
    for turn in range(int(np.floor((left + HALF) / TURN)), int(np.ceil((right - HALF) / TURN)) + 1):
        here = shapely.box(turn * TURN - HALF, bottom - 1, turn * TURN + HALF, top + 1)
        parts.append(translate(shapely.intersection(shape, here), -turn * TURN))
    return shapely.union_all(parts)


def whole(shape: BaseGeometry) -> BaseGeometry:
    """Return a shape that was cut at the antimeridian in one piece again, its longitudes running past 180."""
    if shape.is_empty or shape.bounds[0] > -HALF or shape.bounds[2] < HALF:
        return shape
    parts = shapely.get_parts(shape)
    west = [part for part in parts if part.bounds[0] <= -HALF and part.bounds[2] < HALF]
    east = [part for part in parts if part.bounds[2] >= HALF and part.bounds[0] > -HALF]
    if not west or not east:
        return shape
    others = [part for part in parts if not any(part is one for one in (*west, *east))]
    return shapely.union_all([*others, *east, *(translate(part, TURN) for part in west)])


def _polygons(shape: BaseGeometry, change: Callable[[BaseGeometry], BaseGeometry]) -> BaseGeometry:
    if shape.geom_type not in ("Polygon", "MultiPolygon") or shape.is_empty:
        return shape
    changed = [change(part) for part in shapely.get_parts(shape)]
    return changed[0] if len(changed) == 1 else shapely.union_all(changed)


def _continuous(polygon: BaseGeometry) -> BaseGeometry:
    rings = [shapely.get_coordinates(ring) for ring in (polygon.exterior, *polygon.interiors)]
    turned = False
    for points in rings:
        steps = np.diff(points[:, 0])
        back = np.where((np.abs(steps) > HALF) & (np.abs(steps) < _AROUND), -TURN * np.sign(steps), 0.0)
        if back.any():
            points[1:, 0] += np.cumsum(back)
            turned = True
    if not turned:
        return polygon
    middle = rings[0][:, 0].mean()
    for points in rings[1:]:
        points[:, 0] += TURN * np.round((middle - points[:, 0].mean()) / TURN)
    return shapely.make_valid(shapely.Polygon(rings[0], rings[1:]))

"""Regions: the polygons of a user's file in the study's crs; what is mended, passed over or refused is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from water_gee.errors import ConfigError
from water_gee.study.antimeridian import joined, unwrapped, wrapped
from water_gee.study.polygons import Notes, flat, polygons_of
from water_gee.study.vectors import read_features

_TOLERANCE = 0.05  # pixels by which an edge that is straight in the file's crs may be off in the study's
_FINEST = 1024  # parts into which the longest edge is cut at most


def read_region(key: str, path: Path, layer: str | None, crs: str, scale: float) -> BaseGeometry:
    """Return all polygons of a file together, in `crs`.

    Args:
        key: of the configuration, for messages.
        path: a GeoJSON, GeoPackage, Shapefile or any other file (or folder) of vector data that GDAL reads.
        layer: which of the file's layers; may be left out where there is one.
        crs: the study's.
        scale: a pixel's side in the crs's units.

    Raises:
        ConfigError: the file is absent or broken, has no crs or no polygon; a feature cannot be used.
    """
    features, notes = read_features(key, path, layer), Notes(f"{key}: {path}")
    source, target = features.crs, pyproj.CRS.from_user_input(crs)
    polygons, _ = polygons_of(features, notes)
    notes.tell()
    if not polygons:
        raise ConfigError(f"{key}: {path} holds no polygon; name a file of polygons")
    if source.is_geographic and not target.is_geographic:
        polygons = joined(polygons)
    moved = unary_union([_moved(polygon, source, target, scale) for polygon in polygons])
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise ConfigError(f"{key}: {path} lies where {crs} does not reach; correct the region, or study.crs")
    return moved


def _moved(polygon: BaseGeometry, source: pyproj.CRS, target: pyproj.CRS, scale: float) -> BaseGeometry:
    """Return a polygon in another crs, its edges where they were."""
    if not source.equals(target, ignore_axis_order=True):
        change = pyproj.Transformer.from_crs(source, target, always_xy=True)
        polygon = shapely.transform(_cut_edges(polygon, change, _TOLERANCE * scale), lambda at: _turn(change, at))
    if target.is_geographic:
        return wrapped(unwrapped(polygon))
    if polygon.is_valid or not np.isfinite(shapely.get_coordinates(polygon)).all():
        return polygon
    return unary_union([one for one in flat(shapely.make_valid(polygon))[0] if one.geom_type == "Polygon"])


def _turn(change: pyproj.Transformer, points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.column_stack(change.transform(points[:, 0], points[:, 1]))


def _cut_edges(polygon: BaseGeometry, change: pyproj.Transformer, tolerance: float) -> BaseGeometry:
    """Return the polygon with points added on long edges, until their middles are within `tolerance` where they belong.

    A parallel is no straight line in metres: an edge of 4 degrees between two points would be kilometres off.
    """
    parts = 1
    longest = max(shapely.length(_edges(polygon)).max(), 1e-12)
    while parts < _FINEST:
        cut = shapely.segmentize(polygon, longest / parts) if parts > 1 else polygon
        edges = shapely.get_coordinates(_edges(cut)).reshape(-1, 2, 2)
        ends = _turn(change, edges.reshape(-1, 2)).reshape(-1, 2, 2)
        gap = np.hypot(*(_turn(change, edges.mean(axis=1)) - ends.mean(axis=1)).T)
        if not gap[np.isfinite(gap)].max(initial=0) > tolerance:
            break
        parts *= 2
    return cut


def _edges(polygon: BaseGeometry) -> NDArray[Any]:
    """Return the edges of all rings as lines."""
    points, ring = shapely.get_coordinates(shapely.get_rings(shapely.get_parts(polygon)), return_index=True)
    same = ring[1:] == ring[:-1]
    lines: NDArray[Any] = shapely.linestrings(np.stack([points[:-1][same], points[1:][same]], axis=1))
    return lines

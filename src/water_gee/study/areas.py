"""Areas of a study as geometries in its crs."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pyproj
import shapely
from shapely.geometry import box, shape
from shapely.geometry.base import BaseGeometry
from shapely.ops import transform, unary_union

from water_gee.errors import ConfigError
from water_gee.study.grid import Grid


@dataclass(frozen=True)
class Area:
    """A named area: its geometry in the study's crs, and the WRS strips that alone may fill it, if any."""

    name: str
    geometry: BaseGeometry
    strips: tuple[tuple[int, int], ...] = ()


def from_bbox(name: str, bbox: tuple[float, float, float, float]) -> Area:
    """Return the area of a bounding box (left, bottom, right, top) in the study's crs."""
    return Area(name, box(*bbox))


def from_geojson(name: str, path: Path, crs: str) -> Area:
    """Return the area of a GeoJSON file (longitude and latitude), every feature of it together.

    Raises:
        ConfigError: the file is absent, not GeoJSON, or holds no polygon.
    """
    key = f"study.areas.{name}.region"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        features = content.get("features", [content])
        parts = [shape(feature.get("geometry", feature)) for feature in features]
    except FileNotFoundError as error:
        raise ConfigError(f"{key}: {path} does not exist; name a GeoJSON file") from error
    except (ValueError, AttributeError, TypeError, KeyError, shapely.errors.ShapelyError) as error:
        raise ConfigError(f"{key}: {path} is not GeoJSON ({error}); name a file of polygons") from error
    polygons = [part for part in parts if part.geom_type in ("Polygon", "MultiPolygon") and not part.is_empty]
    if not polygons:
        raise ConfigError(f"{key}: {path} holds no polygon; name a file of polygons")
    return Area(name, from_lonlat(unary_union(polygons), crs))


def from_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """Return a longitude/latitude geometry in `crs`."""
    projector = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    projected: BaseGeometry = transform(projector.transform, geometry)
    return projected


def to_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """Return a geometry in `crs` as longitude and latitude."""
    projector = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    projected: BaseGeometry = transform(projector.transform, geometry)
    return projected


def check_apart(areas: Mapping[str, Area], grid: Grid, margin: int) -> None:
    """Check that train and test share no pixel, the margins of both included.

    Raises:
        ConfigError: they overlap, or lie nearer than twice the margin.
    """
    if "train" not in areas or "test" not in areas:
        return
    gap = areas["train"].geometry.distance(areas["test"].geometry)
    if gap < 2 * margin * grid.scale or areas["train"].geometry.intersects(areas["test"].geometry):
        raise ConfigError(
            f"study.areas: train and test overlap or lie {gap:g} apart, nearer than twice the margin "
            f"of {margin} pixels; move them apart"
        )

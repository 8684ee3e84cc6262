"""Regions: the polygons of a user's file in the study's crs; what is mended, passed over or refused is said."""

import json
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry
from shapely.ops import unary_union

from water_gee.errors import ConfigError
from water_gee.progress import say
from water_gee.study.antimeridian import joined, jumps, unwrapped, wrapped

_TOLERANCE = 0.05  # pixels by which an edge that is straight in the file's crs may be off in the study's
_FINEST = 1024  # parts into which the longest edge is cut at most
_LISTED = 5  # features that a line names
_JSON = (".json", ".geojson")


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
    source, shapes = _read(key, path, layer)
    target, notes = pyproj.CRS.from_user_input(crs), _Notes(f"{key}: {path}")
    polygons = [one for number, shape in enumerate(shapes, start=1) for one in _polygons(shape, number, source, notes)]
    notes.tell()
    if not polygons:
        raise ConfigError(f"{key}: {path} holds no polygon; name a file of polygons")
    if source.is_geographic and not target.is_geographic:
        polygons = joined(polygons)
    moved = unary_union([_moved(polygon, source, target, scale) for polygon in polygons])
    if not np.isfinite(shapely.get_coordinates(moved)).all():
        raise ConfigError(f"{key}: {path} lies where {crs} does not reach; correct the region, or study.crs")
    return moved


@dataclass
class _Notes:
    """What is said of single features, those of one kind in one line."""

    where: str
    kinds: dict[str, list[int]] = field(default_factory=dict)

    def add(self, number: int, what: str) -> None:
        self.kinds.setdefault(what, []).append(number)

    def refuse(self, number: int, why: str) -> ConfigError:
        return ConfigError(f"{self.where}: feature {number} {why}")

    def tell(self) -> None:
        for what, numbers in self.kinds.items():
            first = ", ".join(map(str, dict.fromkeys(numbers[:_LISTED])))
            more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
            say(f"{self.where}: feature {first}{more} {what}")


def _read(key: str, path: Path, layer: str | None) -> tuple[pyproj.CRS, list[BaseGeometry | None]]:
    """Return a file's crs and the geometry of each feature, None where there is none."""
    import pyogrio

    if not path.exists():
        raise ConfigError(f"{key}: {path} does not exist; name a GeoJSON, GeoPackage or Shapefile")
    if path.is_file() and not path.stat().st_size:
        raise ConfigError(f"{key}: {path} is empty; name a file of polygons")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rings that are not closed: `_polygons` closes them, and says so
        try:
            layers = [str(name) for name, _ in pyogrio.list_layers(path)]
            chosen = _layer(key, path, layer, layers)
            meta, _, encoded, _ = pyogrio.raw.read(path, layer=chosen, columns=[])
        except (RuntimeError, ValueError) as error:
            why = str(error).split(";")[0].rstrip(".")
            raise ConfigError(f"{key}: {path} cannot be read ({why}); name a file of polygons") from error
        encoded = [] if encoded is None else list(encoded)  # a table without a geometry
        shapes = [None if one is None else shapely.from_wkb(one, on_invalid="fix") for one in encoded]
    members = _members(path)
    for number, (one, shape, there) in enumerate(zip(encoded, shapes, members or encoded, strict=False), start=1):
        if shape is None and (one is not None or there is not None):
            raise ConfigError(f"{key}: {path}: feature {number} has a geometry that cannot be read; mend it")
    return _crs(key, path, meta["crs"]), shapes


def _layer(key: str, path: Path, wanted: str | None, layers: Sequence[str]) -> str:
    own = f"{key.removesuffix('.region')}.layer"
    if wanted is None and len(layers) == 1:
        return layers[0]
    if wanted is None:
        raise ConfigError(f"{key}: {path} has the layers {', '.join(layers) or '(none)'}; name one as {own}")
    if wanted not in layers:
        raise ConfigError(f"{own}: {path} has no layer {wanted}; it has {', '.join(layers)}")
    return wanted


def _crs(key: str, path: Path, found: str | None) -> pyproj.CRS:
    """Return the crs that a file's coordinates are in.

    Of a GeoJSON file, GDAL takes one that it does not know for WGS 84 without a word, and does not see that of a
    single feature. So what the file says of it is read here too.
    """
    if found is None:
        missing = "its .prj file is missing" if path.suffix.lower() == ".shp" else "nothing in it names one"
        raise ConfigError(f"{key}: {path} has no crs ({missing}); write it with its crs, or as GeoJSON in degrees")
    crs = pyproj.CRS.from_user_input(found).to_2d()
    content = _content(path)
    features = content.get("features") if isinstance(content.get("features"), list) else []
    if any(isinstance(one, dict) and one.get("crs") for one in features or ()):
        raise ConfigError(f"{key}: {path} names the crs of single features; write one crs for the whole file")
    if named := content.get("crs"):
        properties = named.get("properties", {}) if isinstance(named, dict) else {}
        name = properties.get("name") or f"EPSG:{properties.get('code')}"
        try:
            said = pyproj.CRS.from_user_input(name).to_2d()
        except CRSError:
            said = None
        if said is None or not said.equals(crs, ignore_axis_order=True):
            raise ConfigError(f"{key}: {path} names a crs that is not known ({name}); write it as an EPSG code")
    return crs


def _content(path: Path) -> dict[str, Any]:
    if path.suffix.lower() not in _JSON:
        return {}
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _members(path: Path) -> list[Any]:
    """Return the geometry member of each feature of a GeoJSON collection: of a broken one, GDAL makes none."""
    features = _content(path).get("features")
    return [one.get("geometry") for one in features if isinstance(one, dict)] if isinstance(features, list) else []


def _polygons(shape: BaseGeometry | None, number: int, source: pyproj.CRS, notes: _Notes) -> Iterator[BaseGeometry]:
    """Yield the valid polygons of a feature, however deep they lie in it."""
    if shape is None or shape.is_empty:
        notes.add(number, "has no geometry and is passed over")
        return
    for part in _flat(shapely.force_2d(shape)):
        if part.geom_type != "Polygon":
            notes.add(number, f"holds a {part.geom_type}, which is passed over")
            continue
        polygon = _placed(part, number, source, notes)
        if polygon.is_valid:
            yield from _flat(polygon)
            continue
        why = shapely.is_valid_reason(polygon).split("[")[0].strip().lower()
        mended = [one for one in _flat(shapely.make_valid(polygon)) if one.geom_type == "Polygon" and one.area]
        if not mended:
            raise notes.refuse(number, f"encloses nothing ({why}); mend it, or take it out")
        notes.add(number, f"is not valid ({why}) and was mended")
        yield from mended


def _flat(shape: BaseGeometry) -> Iterable[BaseGeometry]:
    if not hasattr(shape, "geoms"):
        return [shape]
    return [one for part in shape.geoms for one in _flat(part)]


def _placed(polygon: BaseGeometry, number: int, source: pyproj.CRS, notes: _Notes) -> BaseGeometry:
    """Return a polygon whose coordinates may be in its crs, its longitudes running on across the antimeridian."""
    if not np.isfinite(shapely.get_coordinates(polygon)).all():
        raise notes.refuse(number, "has a coordinate that is not a number; mend it")
    if not source.is_geographic:
        return polygon
    west, south, east, north = polygon.bounds
    if max(abs(west), abs(east)) > 360 or max(abs(south), abs(north)) > 90:
        raise notes.refuse(
            number, f"holds ({west:g}, {south:g}), which is no longitude and latitude; write the file with its crs"
        )
    if jumps(polygon):
        notes.add(number, "is taken to cross the antimeridian, as its edges of over 180 degrees say")
    return unwrapped(polygon)


def _moved(polygon: BaseGeometry, source: pyproj.CRS, target: pyproj.CRS, scale: float) -> BaseGeometry:
    """Return a polygon in another crs, its edges where they were."""
    if not source.equals(target, ignore_axis_order=True):
        change = pyproj.Transformer.from_crs(source, target, always_xy=True)
        polygon = shapely.transform(_cut_edges(polygon, change, _TOLERANCE * scale), lambda at: _turn(change, at))
    if target.is_geographic:
        return wrapped(unwrapped(polygon))
    if polygon.is_valid or not np.isfinite(shapely.get_coordinates(polygon)).all():
        return polygon
    return unary_union([one for one in _flat(shapely.make_valid(polygon)) if one.geom_type == "Polygon"])


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

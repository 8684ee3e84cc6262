"""Files of vector data as people have them: read, or refused in one line; what is passed over or mended is said."""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from water_gee.errors import ConfigError
from water_gee.progress import say
from water_gee.study.antimeridian import jumps, unwrapped

Shapes = NDArray[Any]  # of shapely geometries
_LISTED = 5  # features that a line names
_JSON = (".json", ".geojson")
_PARQUET = (".parquet", ".geoparquet")
_POLYGON, _MULTIPOLYGON, _FIRST_OF_MANY = 3, 6, 4  # as shapely numbers the kinds of geometries


@dataclass(frozen=True)
class Features:
    """The features of a file, in its own order: a geometry or None of each, and its values in some columns."""

    crs: pyproj.CRS
    shapes: Sequence[BaseGeometry | None]
    values: Mapping[str, Sequence[Any]]  # as they were asked for; None or not a number where nothing is written


@dataclass
class Notes:
    """What is said of single features, those of one kind in one line."""

    where: str
    kinds: dict[str, list[int]] = field(default_factory=dict)

    def add(self, number: int, what: str) -> None:
        """Note something of a feature, counted from 1."""
        self.kinds.setdefault(what, []).append(number)

    def refuse(self, number: int, why: str) -> ConfigError:
        """Return the error of a feature that cannot be used."""
        return ConfigError(f"{self.where}: feature {number} {why}")

    def tell(self) -> None:
        """Say all that was noted."""
        for what, numbers in self.kinds.items():
            first = ", ".join(map(str, dict.fromkeys(numbers[:_LISTED])))
            more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
            say(f"{self.where}: feature {first}{more} {what}")


def read_features(
    key: str, path: Path, layer: str | None, *, columns: Mapping[str, str] | None = None, wanted: str = "polygons"
) -> Features:
    """Return the features of a file.

    Args:
        key: of the configuration, for messages.
        path: a GeoJSON, GeoPackage, Shapefile, GeoParquet or any other file (or folder) of vector data that GDAL reads.
        layer: which of the file's layers; may be left out where there is one.
        columns: whose values are read too, by the option of the key that names each.
        wanted: what the file should hold, for messages.

    Raises:
        ConfigError: the file, its layer or column is absent, or it is broken or has no crs.
    """
    if not path.exists():
        raise ConfigError(f"{key}: {path} does not exist; name a GeoJSON, GeoPackage or Shapefile")
    if path.is_file() and not path.stat().st_size:
        raise ConfigError(f"{key}: {path} is empty; name a file of {wanted}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rings that are not closed: `polygons_of` closes them, and says so
        try:
            read = _from_parquet if path.suffix.lower() in _PARQUET else _by_gdal
            found, encoded, fields = read(key, path, layer, bool(columns))
        except (RuntimeError, ValueError, OSError) as error:
            why = str(error).split(";")[0].splitlines()[0].rstrip(".") if str(error) else type(error).__name__
            raise ConfigError(f"{key}: {path} cannot be read ({why}); name a file of {wanted}") from error
        shapes = [None if one is None else shapely.from_wkb(one, on_invalid="fix") for one in encoded]
    members = _members(path)
    for number, (one, shape, there) in enumerate(zip(encoded, shapes, members or encoded, strict=False), start=1):
        if shape is None and (one is not None or there is not None):
            raise ConfigError(f"{key}: {path}: feature {number} has a geometry that cannot be read; mend it")
    for option, column in (columns or {}).items():
        if column not in fields:
            held = ", ".join(fields) or "(none)"
            raise ConfigError(f"{_beside(key, option)}: {path} has no column {column}; it has {held}")
    values = {option: fields[column] for option, column in (columns or {}).items()}
    return Features(_crs(key, path, found), shapes, values)


def _by_gdal(
    key: str, path: Path, layer: str | None, with_columns: bool
) -> tuple[str | None, list[bytes | None], dict[str, Sequence[Any]]]:
    """Return a layer's crs, its geometries and its columns; without a column asked for, none of them."""
    import pyogrio

    layers = [str(name) for name, _ in pyogrio.list_layers(path)]
    chosen = _layer(key, path, layer, layers)
    columns: list[str] | None = None if with_columns else []  # all: where the one is not there, the others are named
    meta, _, encoded, values = pyogrio.raw.read(path, layer=chosen, columns=columns)
    fields = dict(zip(map(str, meta["fields"]), values, strict=True)) if with_columns else {}
    return meta["crs"], [] if encoded is None else list(encoded), fields  # None: a table without a geometry


def _from_parquet(
    key: str, path: Path, layer: str | None, with_columns: bool
) -> tuple[str | None, list[bytes | None], dict[str, Sequence[Any]]]:
    """Return the same of GeoParquet, which the GDAL that comes with pyogrio does not read."""
    import geopandas

    if layer is not None:
        raise ConfigError(f"{_beside(key, 'layer')}: {path} has no layers; take it out")
    table = geopandas.read_parquet(path)
    fields = {
        str(name): table[name].astype(object).where(table[name].notna(), None).to_list()
        for name in table.columns
        if name != table.geometry.name
    }
    encoded = [None if one is None else bytes(one) for one in table.geometry.to_wkb()]
    return None if table.crs is None else table.crs.to_wkt(), encoded, fields if with_columns else {}


def _beside(key: str, name: str) -> str:
    """Return the key of an option of a file."""
    return f"{key.removesuffix('.region')}.{name}"


def _layer(key: str, path: Path, wanted: str | None, layers: Sequence[str]) -> str:
    own = _beside(key, "layer")
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


def polygons_of(features: Features, notes: Notes) -> tuple[list[BaseGeometry], list[int]]:
    """Return the valid polygons of a file, in its crs, and the number of the feature of each, counted from 0.

    In degrees their longitudes run on where they cross the antimeridian.

    Raises:
        ConfigError: a feature cannot be used.
    """
    shapes = np.array(features.shapes, dtype=object)
    plain = _plain(shapes, features.crs) if len(shapes) else np.zeros(0, dtype=np.bool_)
    parts, owner = shapely.get_parts(shapely.force_2d(shapes[plain]), return_index=True)
    found, numbers = list(parts), [int(one) for one in np.flatnonzero(plain)[owner]]
    for number in np.flatnonzero(~plain):
        others = list(_polygons(shapes[number], int(number) + 1, features.crs, notes))
        found += others
        numbers += [int(number)] * len(others)
    return found, numbers


def flat(shapes: Shapes | BaseGeometry) -> tuple[Shapes, NDArray[np.int64]]:
    """Return the points, lines and polygons of geometries, however deep they lie, and the number of each one's own."""
    found = np.atleast_1d(np.array(shapes, dtype=object))
    owner = np.arange(len(found))
    while (shapely.get_type_id(found) >= _FIRST_OF_MANY).any():
        found, index = shapely.get_parts(found, return_index=True)
        owner = owner[index]
    return found, owner


def check_degrees(bounds: Sequence[float], number: int, notes: Notes) -> None:
    """Check that coordinates (west, south, east, north) of a feature may be longitudes and latitudes.

    Raises:
        ConfigError: they are none.
    """
    west, south, east, north = bounds
    if max(abs(west), abs(east)) > 360 or max(abs(south), abs(north)) > 90:
        raise notes.refuse(
            number, f"holds ({west:g}, {south:g}), which is no longitude and latitude; write the file with its crs"
        )


def _plain(shapes: Shapes, crs: pyproj.CRS) -> NDArray[np.bool_]:
    """Return which features are polygons of which nothing need be said: nearly all, and looked at together."""
    plain: NDArray[np.bool_] = np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON)) & ~shapely.is_empty(
        shapes
    )
    plain &= shapely.is_valid(shapes)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    odd = ~np.isfinite(points).all(axis=1)
    if crs.is_geographic:
        odd |= (np.abs(points) > (180, 90)).any(axis=1)
        far = np.abs(np.diff(points[:, 0])) > 180
        odd[1:] |= far & (owner[1:] == owner[:-1])
    plain[owner[odd]] = False
    return plain


def _polygons(shape: BaseGeometry | None, number: int, source: pyproj.CRS, notes: Notes) -> Iterator[BaseGeometry]:
    """Yield the valid polygons of a feature, however deep they lie in it."""
    if shape is None or shape.is_empty:
        notes.add(number, "has no geometry and is passed over")
        return
    for part in flat(shapely.force_2d(shape))[0]:
        if part.geom_type != "Polygon":
            notes.add(number, f"holds a {part.geom_type}, which is passed over")
            continue
        polygon = _placed(part, number, source, notes)
        if polygon.is_valid:
            yield from flat(polygon)[0]
            continue
        why = shapely.is_valid_reason(polygon).split("[")[0].strip().lower()
        mended = [one for one in flat(shapely.make_valid(polygon))[0] if one.geom_type == "Polygon" and one.area]
        if not mended:
            raise notes.refuse(number, f"encloses nothing ({why}); mend it, or take it out")
        notes.add(number, f"is not valid ({why}) and was mended")
        yield from mended


def _placed(polygon: BaseGeometry, number: int, source: pyproj.CRS, notes: Notes) -> BaseGeometry:
    """Return a polygon whose coordinates may be in its crs, its longitudes running on across the antimeridian."""
    if not np.isfinite(shapely.get_coordinates(polygon)).all():
        raise notes.refuse(number, "has a coordinate that is not a number; mend it")
    if not source.is_geographic:
        return polygon
    check_degrees(polygon.bounds, number, notes)
    if jumps(polygon):
        notes.add(number, "is taken to cross the antimeridian, as its edges of over 180 degrees say")
    return unwrapped(polygon)

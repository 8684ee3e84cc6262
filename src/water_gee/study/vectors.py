"""Files of vector data as people have them: read, or refused in one line."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyproj
import shapely
from pyproj.exceptions import CRSError
from shapely.geometry.base import BaseGeometry

from water_gee.errors import ConfigError

_JSON = (".json", ".geojson")
_PARQUET = (".parquet", ".geoparquet")


@dataclass(frozen=True)
class Features:
    """The features of a file, in its own order: a geometry or None of each, and its values in some columns."""

    crs: pyproj.CRS
    shapes: Sequence[BaseGeometry | None]
    values: Mapping[str, Sequence[Any]]  # as they were asked for; None or not a number where nothing is written


def read_features(
    key: str,
    path: Path,
    layer: str | None,
    *,
    columns: Mapping[str, str] | None = None,
    optional: Sequence[str] = (),
    wanted: str = "polygons",
    chosen: bool = True,
) -> Features:
    """Return the features of a file.

    Args:
        key: of the configuration, for messages.
        path: a GeoJSON, GeoPackage, Shapefile, GeoParquet or any other file (or folder) of vector data that GDAL reads.
        layer: which of the file's layers; may be left out where there is one.
        columns: whose values are read too, by the option of the key that names each.
        optional: other columns, by their names; nothing is written in those that the file does not have.
        wanted: what the file should hold, for messages.
        chosen: whether layer and columns are options of the key. Where they are not, and the file has several layers,
            the one called `layer` is taken, else the only one that has the columns.

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
            if path.suffix.lower() in _PARQUET:
                found, encoded, fields = _from_parquet(key, path, layer if chosen else None, bool(columns))
            else:
                own = (
                    _layer(key, path, layer) if chosen else _only_layer(key, path, layer, set((columns or {}).values()))
                )
                found, encoded, fields = _by_gdal(key, path, own, bool(columns))
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
            where = _beside(key, option) if chosen else key
            raise ConfigError(f"{where}: {path} has no column {column}; it has {held}")
    values = {option: fields[column] for option, column in (columns or {}).items()}
    values |= {column: fields.get(column, [None] * len(shapes)) for column in optional}
    return Features(_crs(key, path, found), shapes, values)


def _by_gdal(
    key: str, path: Path, layer: str, with_columns: bool
) -> tuple[str | None, list[bytes | None], dict[str, Sequence[Any]]]:
    """Return a layer's crs, its geometries and its columns; without a column asked for, none of them."""
    import pyogrio

    columns: list[str] | None = None if with_columns else []  # all: where the one is not there, the others are named
    meta, _, encoded, values = pyogrio.raw.read(path, layer=layer, columns=columns)
    if encoded is None:
        raise ConfigError(f"{key}: {path} has no geometry; write it with geometry and crs")
    fields = dict(zip(map(str, meta["fields"]), values, strict=True)) if with_columns else {}
    return meta["crs"], list(encoded), fields


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


def _layers(path: Path) -> list[str]:
    """Return the layers of a file; beside ones with geometries, tables, as QGIS keeps styles in, do not count."""
    import pyogrio

    found = [(str(name), kind) for name, kind in pyogrio.list_layers(path)]
    return [name for name, kind in found if kind] or [name for name, _ in found]


def _only_layer(key: str, path: Path, usual: str | None, columns: set[str]) -> str:
    """Return the layer of a file for whose layer there is no option."""
    import pyogrio

    layers = _layers(path)
    if len(layers) > 1 and usual not in layers:
        fitting = [one for one in layers if columns <= set(pyogrio.read_info(path, layer=one)["fields"])]
        if len(fitting) != 1:
            raise ConfigError(f"{key}: {path} has the layers {', '.join(layers)}; write one with a single layer")
        return fitting[0]
    return str(usual) if len(layers) > 1 else layers[0]


def _layer(key: str, path: Path, wanted: str | None) -> str:
    own, layers = _beside(key, "layer"), _layers(path)
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

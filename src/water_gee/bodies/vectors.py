"""Files of vector data that a user names: read in the maps' crs, or refused in one line."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely

from water_gee.errors import ConfigError


def read_vectors(
    key: str, path: Path, column: str, crs: pyproj.CRS, *, optional: tuple[str, ...] = (), layer: str | None = None
) -> Any:
    """Return the features of a file as a GeoDataFrame in `crs`, with texts in their columns and `geometry` alone.

    Features without a geometry or without a text in `column` are left out; what crosses itself is mended.

    Args:
        key: of the configuration, for messages.
        path: of any format that GDAL reads.
        column: that the file must have.
        crs: of the result.
        optional: other columns; empty where the file has none.
        layer: that is taken where the file has several.

    Raises:
        ConfigError: the file is absent or broken, has several layers, no crs, no such column or no usable feature, or
            lies where the crs does not reach.
    """
    import geopandas
    import pyogrio

    if not path.exists():
        raise ConfigError(f"{key}: {path} does not exist; name a GeoPackage, GeoParquet, GeoJSON or Shapefile")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of layers: they are looked at here
            if path.suffix.lower() in (".parquet", ".geoparquet"):
                table = geopandas.read_parquet(path)
            else:
                layers = [str(name) for name, _ in pyogrio.list_layers(path)]
                table = geopandas.read_file(path, layer=_layer(key, path, layers, layer), engine="pyogrio")
    except ConfigError:
        raise
    except Exception as error:  # GDAL, Arrow and geopandas each have kinds of their own
        why = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise ConfigError(f"{key}: {path} cannot be read ({why}); name a file of vector data") from error
    if not isinstance(table, geopandas.GeoDataFrame) or "geometry" not in table.columns or table.crs is None:
        lacks = "no crs" if isinstance(table, geopandas.GeoDataFrame) and table.crs is None else "no geometry"
        raise ConfigError(f"{key}: {path} has {lacks}; write it with geometry and crs")
    if column not in table.columns:
        held = ", ".join(str(one) for one in table.columns if one != table.geometry.name) or "(none)"
        raise ConfigError(f"{key}: {path} has no column {column!r}; it has {held}")
    texts = {one: _texts(table, one) for one in (column, *optional)}
    plain = geopandas.GeoDataFrame(texts, geometry=table.geometry.values, crs=table.crs)
    plain = plain[(plain[column] != "") & plain.geometry.notna() & ~plain.geometry.is_empty]
    if not len(plain):
        raise ConfigError(f"{key}: {path} has no feature with a geometry and a text in {column!r}")
    plain = plain.to_crs(crs).reset_index(drop=True)
    if not np.isfinite(shapely.get_coordinates(plain.geometry.values)).all():
        raise ConfigError(f"{key}: {path} lies where {crs.name} does not reach; correct the file, or study.crs")
    return plain.set_geometry(shapely.make_valid(plain.geometry.values))


def _texts(table: Any, column: str) -> list[str]:
    """Return a column as texts, empty where it has no value or is not there."""
    if column not in table.columns:
        return [""] * len(table)
    return ["" if one is None or one != one else str(one).strip() for one in table[column]]


def _layer(key: str, path: Path, layers: list[str], wanted: str | None) -> str:
    if len(layers) == 1:
        return layers[0]
    if wanted in layers:
        return str(wanted)
    raise ConfigError(f"{key}: {path} has the layers {', '.join(layers) or '(none)'}; write one with a single layer")

"""Features of a user's file with their texts, in the maps' crs: read as regions are, but for lines and points too."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.ops import unary_union

from water_gee.errors import ConfigError
from water_gee.study import Notes, check_degrees, polygons_of, read_features, unwrapped, wrapped

Shapes = NDArray[Any]  # of shapely geometries


def read_vectors(
    key: str, path: Path, column: str, crs: pyproj.CRS, *, optional: tuple[str, ...] = (), layer: str | None = None
) -> Any:
    """Return the features of a file as a GeoDataFrame in `crs`, with texts in their columns and `geometry` alone.

    Features without a geometry or without a text in `column` are left out; polygons that are not valid are mended,
    which is said.

    Args:
        key: of the configuration, for messages.
        path: of any format that GDAL reads, or GeoParquet.
        column: that the file must have.
        crs: of the result.
        optional: other columns; empty where the file has none.
        layer: that is taken where the file has several; else the only one that has the column.

    Raises:
        ConfigError: the file is absent or broken, has several layers, no crs, no such column or no usable feature, or
            lies where the crs does not reach; a feature cannot be used.
    """
    import geopandas

    features = read_features(
        key, path, layer, columns={column: column}, optional=optional, wanted="vector data", chosen=False
    )
    texts = {name: np.array([_text(one) for one in values], dtype=object) for name, values in features.values.items()}
    shapes = shapely.force_2d(np.array(features.shapes, dtype=object))
    used = (texts[column] != "") & ~shapely.is_missing(shapes) & ~shapely.is_empty(shapes)
    if not used.any():
        raise ConfigError(f"{key}: {path} has no feature with a geometry and a text in {column!r}")
    notes, flat = Notes(f"{key}: {path}"), used & (shapely.get_dimensions(shapes) == 2)
    for number in np.flatnonzero(used & ~flat):
        if not np.isfinite(shapely.get_coordinates(shapes[number])).all():
            raise notes.refuse(int(number) + 1, "has a coordinate that is not a number; mend it")
        if features.crs.is_geographic:
            check_degrees(shapes[number].bounds, int(number) + 1, notes)
    polygons, owner = polygons_of(features, notes, flat)
    notes.tell()
    shapes[flat] = _whole(polygons, owner)
    placed = _moved(shapes[used], features.crs, crs)
    if not np.isfinite(shapely.get_coordinates(placed)).all():
        raise ConfigError(f"{key}: {path} lies where {crs.name} does not reach; correct the file, or study.crs")
    return geopandas.GeoDataFrame({name: values[used] for name, values in texts.items()}, geometry=placed, crs=crs)


def _text(value: Any) -> str:
    """Return a value as text, empty where nothing is written: of whole numbers, some columns have floating ones."""
    if value is None or value != value:
        return ""
    return (
        str(int(value)) if isinstance(value, float | np.floating) and float(value).is_integer() else str(value).strip()
    )


def _whole(polygons: Sequence[Any], owner: Sequence[int]) -> Shapes:
    """Return the polygons of each feature as one geometry, in the features' order."""
    order = np.argsort(owner, kind="stable")
    parts, (_, index) = np.array(polygons, dtype=object)[order], np.unique(np.array(owner)[order], return_inverse=True)
    found: Shapes = shapely.multipolygons(parts, indices=index)
    for number in np.flatnonzero(~shapely.is_valid(found)):  # parts that overlap, or share an edge
        found[number] = unary_union(parts[index == number])
    return found


def _moved(shapes: Shapes, source: pyproj.CRS, target: pyproj.CRS) -> Shapes:
    if not source.equals(target, ignore_axis_order=True):
        change = pyproj.Transformer.from_crs(source, target, always_xy=True)
        shapes = shapely.transform(shapes, lambda at: np.column_stack(change.transform(at[:, 0], at[:, 1])))
    if not np.isfinite(shapely.get_coordinates(shapes)).all():
        return shapes
    if target.is_geographic:
        flat = shapely.get_dimensions(shapes) == 2
        shapes[flat] = [wrapped(unwrapped(one)) for one in shapes[flat]]
    moved: Shapes = shapely.make_valid(shapes)
    return moved

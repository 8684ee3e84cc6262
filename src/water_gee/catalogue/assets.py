"""Files as STAC assets: what is in them, so that a reader need not open them to know."""

import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pystac
import rasterio

from water_gee.classes import UNKNOWN
from water_gee.maps import Layer, classes_of
from water_gee.panels import UNSEEN

_BASE = "https://stac-extensions.github.io"
CLASSIFICATION = f"{_BASE}/classification/v2.0.0/schema.json"
FILE = f"{_BASE}/file/v2.1.0/schema.json"
PROCESSING = f"{_BASE}/processing/v1.2.0/schema.json"
PROJECTION = f"{_BASE}/projection/v2.0.0/schema.json"
RASTER = f"{_BASE}/raster/v2.0.0/schema.json"
OF_RASTERS = [CLASSIFICATION, FILE, PROCESSING, PROJECTION, RASTER]
OF_TABLES = [FILE, PROCESSING, PROJECTION]
_SHA256 = "1220"  # how a multihash begins that is a SHA-256 of 32 bytes (multiformats.io/multihash)
_STATISTICS = ("minimum", "maximum", "mean", "stddev", "valid_percent")
_ROLES = {"clear_looks": ["metadata"]}  # of what a layer is to the others
QML = "application/xml"
GEOPACKAGE, PARQUET, CSV = "application/geopackage+sqlite3", "application/vnd.apache.parquet", "text/csv"


def file_fields(path: Path, sha256: str) -> dict[str, Any]:
    """Return the size of a file, and its SHA-256 as a multihash, by the names of the file extension."""
    return {"file:size": path.stat().st_size, "file:checksum": _SHA256 + sha256}


def file_asset(path: Path, sha256: str, title: str, media: str, roles: Sequence[str]) -> pystac.Asset:
    """Return the asset of any file."""
    return pystac.Asset(str(path), title, media_type=media, roles=[*roles], extra_fields=file_fields(path, sha256))


def raster_asset(path: Path, sha256: str, layer: Layer, years: Sequence[int]) -> pystac.Asset:
    """Return the asset of a layer: its lattice, its band, its statistics, and its classes with their colours."""
    with rasterio.open(path) as file:
        lattice = {
            **crs_fields(file.crs), "proj:shape": [file.height, file.width],
            "proj:transform": list(file.transform)[:6], "proj:bbox": list(file.bounds),
        }  # fmt: skip
        band = _band(layer, file.tags(1))
        metres = file.crs.is_projected and file.crs.linear_units_factor[1] == 1
        resolution = {"raster:spatial_resolution": abs(file.transform.a)} if metres else {}
    fields: dict[str, Any] = {**file_fields(path, sha256), **lattice, "bands": [band], **resolution}
    fields["raster:sampling"] = "area"
    if named := classes_of(layer, years):
        fields["classification:classes"] = [_class(value, code.name, code.colour) for value, code in named.items()]
        if layer.dtype == "uint8":
            unseen = _class(UNKNOWN, UNSEEN.name, UNSEEN.colour)
            fields["classification:classes"].append({**unseen, "nodata": True})
    roles = _ROLES.get(layer.name, ["data"])
    return pystac.Asset(str(path), layer.title, layer.description, pystac.MediaType.COG, [*roles], fields)


def crs_fields(crs: Any) -> dict[str, Any]:
    """Return the crs by its authority's code, or as a whole where it has none."""
    found = crs.to_authority()
    return (
        {"proj:code": ":".join(found)} if found else {"proj:code": None, "proj:wkt2": crs.to_wkt(version="WKT2_2019")}
    )


def _band(layer: Layer, tags: Mapping[str, str]) -> dict[str, Any]:
    """Return the band of a layer; `tags` are those that GDAL keeps statistics in."""
    known = {name: tags.get(f"STATISTICS_{name.upper()}") for name in _STATISTICS}
    statistics = {name: float(value) for name, value in known.items() if value is not None}
    return {
        "name": layer.name,
        "data_type": layer.dtype,
        "nodata": "nan" if math.isnan(layer.nodata) else layer.nodata,
        **({"unit": layer.unit} if layer.unit else {}),
        **({"statistics": statistics} if statistics else {}),
    }


def _class(value: int, name: str, colour: str) -> dict[str, Any]:
    """Return a class; its name has no spaces, which its title has."""
    return {"value": value, "name": re.sub(r"\W+", "_", name), "title": name, "color_hint": colour[1:].upper()}

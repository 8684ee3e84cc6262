"""Assets as resources of the REST API: described, listed, created and deleted."""

from __future__ import annotations

import json
import os
import re
import threading
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.warp import transform as to_coordinates

from eelocal.catalog import MARKER, Catalog, asset_id, asset_name
from eelocal.errors import EEError, bad_request, not_found
from eelocal.raster import BandInfo

_OWN = re.compile(r"(projects/[^/]+/assets|users/[^/]+)/(?P<rest>.+)")
_LEGAL = re.compile(r"[A-Za-z0-9_-]+")
_PAGE = 1000


class Store:
    """A catalog's assets, changed one at a time."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self._lock = threading.RLock()

    def describe(self, name: str, full: bool = True) -> dict[str, Any]:
        """Return an asset's description; without `full`, its name, id and type only."""
        id = asset_id(name)
        if id and not _is_root(id):
            kind = self.catalog.kind(id)
        else:
            kind = "FOLDER"
        described: dict[str, Any] = {"type": kind, "name": asset_name(id), "id": id}
        if full and kind == "IMAGE":
            described |= self._image(id)
        elif full:
            described["properties"] = _own_properties(self.catalog.properties(id))
        return described

    def _image(self, id: str) -> dict[str, Any]:
        asset = self.catalog.image(id)
        paths = list(dict.fromkeys(source.path for source in asset.sources))
        described = {
            "properties": _own_properties(asset.properties),
            "geometry": _footprint(asset.bands[0]),
            "bands": [_band(band) for band in asset.bands],
            "sizeBytes": str(sum(path.stat().st_size for path in paths)),
            "updateTime": _timestamp(max(path.stat().st_mtime for path in paths)),
        }
        for key, field in (("system:time_start", "startTime"), ("system:time_end", "endTime")):
            if isinstance(asset.properties.get(key), int | float):
                described[field] = _timestamp(asset.properties[key] / 1000)
        return described

    def list(self, parent: str, full: bool, page_size: int, start: int) -> dict[str, Any]:
        """Return a page of what lies directly in a folder, from number `start` on, and the token of the next page."""
        id = asset_id(parent)
        if (id == "" or _is_root(id)) and not self.catalog.path(id).is_dir():
            return {"assets": []}
        children = self.catalog.children(id)
        stop = start + (page_size or _PAGE)
        page: dict[str, Any] = {"assets": [self.describe(child, full) for child in children[start:stop]]}
        if stop < len(children):
            page["nextPageToken"] = str(stop)
        return page

    def create(self, name: str, kind: str, properties: dict[str, Any]) -> dict[str, Any]:
        """Create an empty folder or image collection."""
        if kind not in ("FOLDER", "IMAGE_COLLECTION"):
            raise bad_request(f"eelocal creates assets of type FOLDER and IMAGE_COLLECTION, not {kind or 'none'}.")
        id = asset_id(name)
        with self._lock:
            self.check_new(id, overwrite=False)
            path = self.catalog.path(id)
            with _writable():
                path.mkdir(parents=True, exist_ok=True)
                marker = path / f"{MARKER}.{uuid.uuid4().hex}.tmp"
                marker.write_text(json.dumps({"type": kind, "properties": properties}), encoding="utf-8")
                os.replace(marker, path / MARKER)
        return self.describe(id)

    def check_new(self, id: str, overwrite: bool) -> None:
        """Refuse an id that cannot be written: not the caller's own, no parent, or taken.

        Raises:
            EEError: with the reason.
        """
        match = _OWN.fullmatch(id)
        if match is None:
            raise EEError(
                f"Permission 'earthengine.assets.create' denied on resource '{asset_name(id)}'"
                " (only projects/<project>/assets/... can be written).",
                403,
                "PERMISSION_DENIED",
            )
        if not all(_LEGAL.fullmatch(segment) for segment in match["rest"].split("/")):
            raise bad_request(f"Asset id '{id}' may hold only letters, digits, hyphens, underscores and slashes.")
        parent = id.rpartition("/")[0]
        if not _is_root(parent) and self.catalog.kind(parent) == "IMAGE":
            raise bad_request(f"Asset '{parent}' is an image and cannot hold other assets.")
        try:
            kind = self.catalog.kind(id)
        except EEError:
            return
        if not (overwrite and kind == "IMAGE" and self.catalog.image_file(id)):
            raise EEError(f"Cannot overwrite asset '{id}'.", 409, "ALREADY_EXISTS")

    def adopt(self, id: str, file: Path, sidecar: Path, overwrite: bool) -> None:
        """Move a finished GeoTIFF and its properties into the catalog; until the last rename it is not there."""
        with self._lock, _writable():
            self.check_new(id, overwrite)
            target = self.catalog.image_file(id) or self.catalog.path(id).with_name(f"{id.rsplit('/', 1)[-1]}.tif")
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(sidecar, target.with_suffix(".json"))
            os.replace(file, target)

    def delete(self, name: str) -> None:
        """Delete an image that is one file, or an empty folder or collection."""
        id = asset_id(name)
        self._check_own(id)
        with self._lock, _writable():
            if self.catalog.kind(id) == "IMAGE":
                file = self.catalog.image_file(id)
                if file is None:
                    raise bad_request(f"eelocal deletes images that are one GeoTIFF; '{id}' is a product folder.")
                file.unlink()  # first: without it there is no asset
                file.with_suffix(".json").unlink(missing_ok=True)
                return
            if self.catalog.children(id):
                raise bad_request(f"Asset '{id}' cannot be deleted: it is not empty.")
            (self.catalog.path(id) / MARKER).unlink(missing_ok=True)
            self.catalog.path(id).rmdir()

    def _check_own(self, name: str) -> None:
        id = asset_id(name)
        self.catalog.kind(id)
        if _OWN.fullmatch(id) is None:
            message = f"Permission 'earthengine.assets.delete' denied on resource '{asset_name(id)}'."
            raise EEError(message, 403, "PERMISSION_DENIED")


class _writable:
    """Turns an error of the file system into one line for the client."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, FileNotFoundError):
            raise not_found(f"The asset vanished meanwhile ({error.filename}).") from error
        if isinstance(error, OSError):
            raise bad_request(f"The catalog cannot be written ({error}); serve a writable copy of it.") from error


def _is_root(id: str) -> bool:
    """Whether an id is a project's or user's own root, which exists without having been created."""
    return re.fullmatch(r"projects/[^/]+/assets|users/[^/]+", id) is not None


def _own_properties(properties: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in properties.items() if not key.startswith("system:")}


def _band(band: BandInfo) -> dict[str, Any]:
    a, b, c, d, e, f = band.transform
    dtype = np.dtype(band.dtype)
    precision = {"float32": "FLOAT", "float64": "DOUBLE"}.get(band.dtype, "INT")
    data_type: dict[str, Any] = {"precision": precision}
    if precision == "INT":
        data_type["range"] = {"min": int(np.iinfo(dtype).min), "max": int(np.iinfo(dtype).max)}
    affine = {"scaleX": a, "shearX": b, "translateX": c, "shearY": d, "scaleY": e, "translateY": f}
    grid = {
        ("crsCode" if band.crs.startswith("EPSG:") else "crsWkt"): band.crs,
        "dimensions": {"width": band.width, "height": band.height},
        "affineTransform": {key: value for key, value in affine.items() if value},
    }
    return {"id": band.name, "dataType": data_type, "grid": grid}


def _footprint(band: BandInfo) -> dict[str, Any]:
    """Return the outline of a band's grid in longitude and latitude, 8 points a side."""
    a, b, c, d, e, f = band.transform
    steps = np.linspace(0, 1, 9)[:-1]
    columns = np.concatenate([steps, np.ones(8), 1 - steps, np.zeros(8)]) * band.width
    rows = np.concatenate([np.zeros(8), steps, np.ones(8), 1 - steps]) * band.height
    xs, ys = c + a * columns + b * rows, f + d * columns + e * rows
    longitudes, latitudes = to_coordinates(band.crs, "EPSG:4326", xs.tolist(), ys.tolist())
    ring = [[round(x, 9), round(y, 9)] for x, y in zip(longitudes, latitudes, strict=True)]
    ring = [ring[0], *ring[:0:-1], ring[0]]  # counter-clockwise, as RFC 7946 asks of an outer ring
    return {"type": "Polygon", "coordinates": [ring]}


def _timestamp(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")

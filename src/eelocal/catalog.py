"""A folder as Earth Engine's catalog: the path below the folder is the asset id."""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eelocal import usgs
from eelocal.errors import EEError, bad_request, not_found
from eelocal.ids import asset_id, asset_name
from eelocal.raster import BandInfo, BandSource, read_bands, read_window, stamp, unreadable

HIDDEN = ".eelocal"
"""Folder of the service's own state, below the catalog."""

MARKER = ".asset.json"
"""File in a folder that was created through the service: its type and properties."""

_SUFFIXES = (".tif", ".TIF", ".tiff", ".TIFF")
_MEGABYTE = 1 << 20
_READ_WHOLE = 16 * _MEGABYTE  # files up to here are read whole to tell their version

Kind = Literal["IMAGE", "IMAGE_COLLECTION", "FOLDER", "TABLE"]
"""What an asset id can name; eelocal stores no tables."""

__all__ = ["HIDDEN", "MARKER", "BandInfo", "Catalog", "ImageAsset", "Kind", "asset_id", "asset_name"]


@dataclass(frozen=True)
class ImageAsset:
    """A stored image: its id, properties and bands; pixels are read window by window."""

    id: str
    properties: dict[str, Any]
    bands: tuple[BandInfo, ...]
    sources: tuple[BandSource, ...] = field(repr=False)

    def band(self, name: str) -> BandInfo:
        """Return a band by name.

        Raises:
            EEError: the image has no such band.
        """
        for info in self.bands:
            if info.name == name:
                return info
        names = ", ".join(info.name for info in self.bands)
        raise bad_request(f"Image '{self.id}' has no band '{name}' (available bands: {names}).")

    def read(self, band: str, col: int, row: int, width: int, height: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return values and mask [row, column] of a window on the band's native grid, in pixels.

        Outside the raster and where it has no data the mask is False and the value 0.

        Raises:
            EEError: there is no such band, or its file is damaged.
        """
        info = self.band(band)
        return read_window(info, self.sources[self.bands.index(info)], col, row, width, height)


class Catalog:
    """The assets below a folder, read afresh whenever a file changes (modification time or size)."""

    def __init__(self, root: Path) -> None:
        """Open the folder `root`.

        Raises:
            EEError: there is no such folder.
        """
        if not root.is_dir():
            raise not_found(f"catalog {root} is not a folder; name one that holds <asset id>.tif files")
        self.root = root.resolve()
        self._cache: dict[str, tuple[tuple[Any, ...], ImageAsset]] = {}
        self._lock = threading.Lock()

    def path(self, id: str) -> Path:
        """Return the path of an asset without a suffix.

        Raises:
            EEError: the id is not valid, or a link on its way leads out of the catalog.
        """
        id = asset_id(id)
        return self._inside(self.root / id) if id else self.root

    def _inside(self, path: Path) -> Path:
        """Return a path of the catalog that a link, if it is one, does not lead out of it."""
        real = os.path.realpath(path)
        if os.path.commonpath([real, self.root]) != str(self.root):
            raise EEError(
                f"{path} is a link to {real}, outside of the catalog {self.root}; copy it into the catalog, or serve a"
                " folder that holds both.",
                400,
                "FAILED_PRECONDITION",
            )
        return path

    def image_file(self, id: str) -> Path | None:
        """Return the GeoTIFF of an image asset that is one file, else None.

        Raises:
            EEError: as `path`.
        """
        id = asset_id(id)
        for suffix in _SUFFIXES if id else ():
            file = self.root / f"{id}{suffix}"
            if file.is_file():
                return self._inside(file)
        return None

    def kind(self, id: str) -> Kind:
        """Return ``IMAGE``, ``IMAGE_COLLECTION`` or ``FOLDER`` (``TABLE`` is not implemented).

        Raises:
            EEError: there is no such asset.
        """
        if self.image_file(id):
            return "IMAGE"
        path = self.path(id)
        if not path.is_dir():
            raise _missing(id)
        if usgs.product_files(path):
            return "IMAGE"
        if (path / MARKER).is_file():
            marker = _read_json(self._inside(path / MARKER))
            return "FOLDER" if marker.get("type") == "FOLDER" else "IMAGE_COLLECTION"
        if path == self.root:
            return "FOLDER"
        return "IMAGE_COLLECTION" if self._image_ids(path) else "FOLDER"

    def properties(self, id: str) -> dict[str, Any]:
        """Return the properties of a folder or collection."""
        marker = self.path(id) / MARKER
        properties = _read_json(self._inside(marker)).get("properties", {}) if marker.is_file() else {}
        return properties if isinstance(properties, dict) else {}

    def children(self, id: str) -> list[str]:
        """Return the ids of what lies directly in a folder or collection, in order.

        Raises:
            EEError: there is no such folder.
        """
        path = self.path(id)
        if not path.is_dir():
            raise _missing(id)
        names = set()
        for entry in path.iterdir():
            if entry.is_dir() or entry.suffix in _SUFFIXES:
                names.add(entry.name if entry.is_dir() else entry.stem)
        base = path.relative_to(self.root).as_posix()
        return [name if base == "." else f"{base}/{name}" for name in sorted(names) if not name.startswith(".")]

    def images(self, collection_id: str) -> list[ImageAsset]:
        """Return the images of a collection, by id.

        Raises:
            EEError: it is no collection, or one of its images is broken.
        """
        if self.kind(collection_id) == "IMAGE":
            raise bad_request(f"Asset '{asset_id(collection_id)}' is not an ImageCollection (found IMAGE).")
        return [self.image(id) for id in self._image_ids(self.path(collection_id))]

    def image(self, id: str) -> ImageAsset:
        """Return an image with its properties and bands.

        Raises:
            EEError: there is no such image, or its file or its properties cannot be read.
        """
        id = asset_id(id)
        kind = self.kind(id)
        if kind != "IMAGE":
            raise bad_request(f"Asset '{id}' is not an Image (found {kind}).")
        try:
            version = self._version(id)
        except FileNotFoundError:
            raise _missing(id) from None
        with self._lock:
            cached = self._cache.get(id)
        if cached and cached[0] == version:
            return cached[1]
        asset = self._load(id)
        with self._lock:
            self._cache[id] = (version, asset)
        return asset

    def _image_ids(self, path: Path) -> list[str]:
        """Return the ids of the images directly in a folder, in order."""
        ids = self.children(path.relative_to(self.root).as_posix().removeprefix("."))
        return [id for id in ids if self.image_file(id) or usgs.product_files(self.path(id))]

    def _files(self, id: str) -> tuple[dict[str, Path], Path | None]:
        """Return the band files of an image (one for all under the name "") and its properties file."""
        file = self.image_file(id)
        if file is None:
            folder = self.path(id)
            files, properties = usgs.product_files(folder), usgs.metadata_file(folder)
            files = {band: self._inside(path) for band, path in files.items()}
        else:
            files, properties = {"": file}, file.with_suffix(".json")
        if properties is None or not properties.is_file():
            return files, None
        return files, self._inside(properties)

    def _version(self, id: str) -> tuple[Any, ...]:
        files, sidecar = self._files(id)
        paths = [*files.values(), *([sidecar] if sidecar else [])]
        return tuple((path, stamp(path)) for path in paths)

    def _load(self, id: str) -> ImageAsset:
        files, sidecar = self._files(id)
        name = id.rsplit("/", 1)[-1]
        if "" in files:
            properties = usgs.properties_from_name(name) | {"system:index": name}
            properties |= _read_json(sidecar) if sidecar else {}
            bands = read_bands(files[""])
        else:
            properties = usgs.product_properties(self.path(id), files)
            bands = [_usgs_band(band, path) for band, path in files.items()]
        infos, sources = zip(*bands, strict=True)
        properties["system:version"] = content_version([*files.values(), *([sidecar] if sidecar else [])])
        return ImageAsset(id, properties, infos, sources)


def _missing(id: str) -> EEError:
    """Return the service's error for an asset that is not there."""
    return not_found(f"Asset '{asset_id(id)}' not found (does not exist or caller does not have access).")


def content_version(paths: Sequence[Path]) -> int:
    """Return a number that changes with the content of an image's files, as the service's `system:version` does.

    Of a file larger than 16 MB the first and the last megabyte and 256 places between are read, not all of it.
    """
    whole = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            whole.update(f"{path.name} {size} ".encode())
            if size <= _READ_WHOLE:
                whole.update(file.read())
                continue
            whole.update(file.read(_MEGABYTE))
            for place in range(256):
                file.seek(_MEGABYTE + place * (size - 2 * _MEGABYTE) // 256)
                whole.update(file.read(4096))
            file.seek(size - _MEGABYTE)
            whole.update(file.read())
    return int.from_bytes(whole.digest()[:6], "big")  # below 2 ** 53: exact as a JSON number


def _usgs_band(band: str, path: Path) -> tuple[BandInfo, BandSource]:
    """Return one band file of a USGS product under Earth Engine's band name."""
    bands = read_bands(path)
    if len(bands) != 1:
        raise unreadable(path, f"a band file of a Landsat product has one band, this one has {len(bands)}")
    info, source = bands[0]
    value, bit = usgs.fill(band)
    named = BandInfo(band, info.dtype, info.crs, info.transform, info.width, info.height)
    return named, BandSource(source.path, source.index, source.stamp, value, bit)


def _read_json(path: Path) -> dict[str, Any]:
    """Return a properties file.

    Raises:
        EEError: it is not a JSON object.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, f"not valid JSON ({error})") from error
    if not isinstance(content, dict):
        raise unreadable(path, "properties must be one JSON object")
    return content


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")

"""A folder as Earth Engine's catalog: the path below the folder is the asset id."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from eelocal import findings, usgs
from eelocal.errors import EEError, bad_request, not_found
from eelocal.files import File, content_version, stamp, unreadable
from eelocal.ids import asset_id, asset_name
from eelocal.raster import BandInfo, BandSource, read_bands, read_window

HIDDEN = ".eelocal"
"""Folder of the service's own state, below the catalog."""

MARKER = ".asset.json"
"""File in a folder that was created through the service: its type and properties."""

_SUFFIXES = (".tif", ".TIF", ".tiff", ".TIFF")

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
        if self.image_file(id) or self._product(id):
            return "IMAGE"
        path = self.path(id)
        if not path.is_dir():
            raise _missing(id)
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
            if entry.is_dir():
                names.add(entry.name)
            elif entry.suffix in _SUFFIXES or (entry.suffix == usgs.ARCHIVE and usgs.product_files(entry)):
                names.add(entry.stem)
        base = path.relative_to(self.root).as_posix()
        return [name if base == "." else f"{base}/{name}" for name in sorted(names) if not name.startswith(".")]

    def images(self, collection_id: str) -> list[ImageAsset]:
        """Return the images of a collection, by id.

        Raises:
            EEError: it is no collection, one of its images is broken, or it holds a scene that is no image of it.
        """
        id = asset_id(collection_id)
        kind, path = self.kind(id), self.path(id)
        if kind != "IMAGE_COLLECTION":
            raise bad_request(f"Asset '{id}' is not an ImageCollection (found {kind}): {findings.instead(path)}.")
        if told := findings.stray(path):
            raise EEError(f"A scene of '{id}' cannot be used: {told}.", 400, "FAILED_PRECONDITION")
        return [self.image(id) for id in self._image_ids(path)]

    def elsewhere(self, id: str) -> str | None:
        """Return where a scene lies that a collection, which is not there, would hold, else None."""
        return findings.elsewhere(self.root, asset_id(id))

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
        return [id for id in ids if self.image_file(id) or self._product(id)]

    def _product(self, id: str) -> Path | None:
        """Return the folder or the archive of an image that is a USGS product, else None."""
        path = self.path(id)
        archive = path.with_name(f"{path.name}{usgs.ARCHIVE}") if id else path
        if path.is_dir() and usgs.product_files(path):
            return path
        return archive if archive.is_file() and usgs.product_files(self._inside(archive)) else None

    def _files(self, id: str) -> tuple[dict[str, File], File | None]:
        """Return the band files of an image (one for all under the name "") and its properties file."""
        properties: File | None
        if path := self.image_file(id):
            sidecar = path.with_suffix(".json")
            files, properties = {"": File(path, path.name)}, File(sidecar, sidecar.name)
        elif product := self._product(id):
            files, properties = usgs.product_files(product), usgs.metadata_file(product)
        else:
            raise _missing(id)
        for file in files.values():
            self._inside(file.path)
        if properties is None or not properties.path.is_file():
            return files, None
        self._inside(properties.path)
        return files, properties

    def _version(self, id: str) -> tuple[Any, ...]:
        return tuple((path, stamp(path)) for path in _on_disk(*self._files(id)))

    def _load(self, id: str) -> ImageAsset:
        files, sidecar = self._files(id)
        name = id.rsplit("/", 1)[-1]
        if "" in files:
            properties = usgs.properties_from_name(name) | {"system:index": name}
            properties |= _read_json(sidecar.path) if sidecar else {}
            bands = read_bands(files[""])
        else:
            properties = usgs.product_properties(name, files, sidecar)
            bands = [_usgs_band(band, file) for band, file in files.items()]
        infos, sources = zip(*bands, strict=True)
        properties["system:version"] = content_version(_on_disk(files, sidecar))
        return ImageAsset(id, properties, infos, sources)


def _missing(id: str) -> EEError:
    """Return the service's error for an asset that is not there."""
    return not_found(f"Asset '{asset_id(id)}' not found (does not exist or caller does not have access).")


def _on_disk(files: dict[str, File], sidecar: File | None) -> list[Path]:
    """Return the files on disk in which an image lies, each once."""
    return list(dict.fromkeys(file.path for file in (*files.values(), sidecar) if file))


def _usgs_band(band: str, file: File) -> tuple[BandInfo, BandSource]:
    """Return one band file of a USGS product under Earth Engine's band name."""
    bands = read_bands(file)
    if len(bands) != 1:
        raise unreadable(file.label, f"a band file of a Landsat product has one band, this one has {len(bands)}")
    info, source = bands[0]
    value, bit = usgs.fill(band)
    named = BandInfo(band, info.dtype, info.crs, info.transform, info.width, info.height)
    return named, BandSource(source.file, source.index, source.stamp, value, bit)


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

"""Scenes that lie in a catalog where, or as, they are no images: each is said, with what to do about it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from eelocal import usgs

_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".zip", ".7z")
_RASTERS = (".tif", ".tiff")
_ENTRIES = 20_000  # that are looked at, at most: it is for a message
_DEPTH = 8  # folders below the first
_LEVEL_1 = re.compile(r"L[COTEM]\d\d_L1\w\w_", re.IGNORECASE)
_BAND_FILE = re.compile(
    r"(?P<product>L[COTEM]\d\d_L[12]\w\w_\d{6}_\d{8}_\d{8}_\d\d_\w\w)_(B\d+|SR_\w+|ST_\w+|QA_\w+|[SV][AZ]A)\.tiff?",
    re.IGNORECASE,
)
_PLACE = re.compile(r"LANDSAT/L\w\d\d/C\d\d/\w+")  # of a collection of Earth Engine's
_SENSOR = re.compile(r"L[COTEM]\d\d")


def stray(folder: Path) -> str | None:
    """Return what is wrong with the first scene in a collection's folder that is no image of it, else None.

    Raises:
        EEError: an archive is damaged.
    """
    entries = [entry for entry in sorted(folder.iterdir()) if not entry.name.startswith(".")]
    return next((told for entry in entries if (told := _wrong(folder, entry))), None)


def _wrong(folder: Path, entry: Path) -> str | None:
    name = entry.name
    if entry.is_dir():
        return None if usgs.product_files(entry) else _wrong_in(folder, entry)
    if (loose := _BAND_FILE.fullmatch(name)) is not None:
        product = loose["product"]
        if _LEVEL_1.match(product):
            return f"{entry} is of a Level-1 product; {_NO_REFLECTANCE}"
        return f"{folder} holds loose files of the product {product}; move them into a folder of their own, {product}"
    if not usgs.properties_from_name(name):
        return None
    if name.lower().endswith(_PACKED):
        return f"{entry} is compressed; unpack it into a folder of its own, or to a .tar"
    if name.endswith(usgs.ARCHIVE) and not usgs.product_files(entry):
        level = "is a Level-1 product" if _LEVEL_1.match(name) else "holds no file of surface reflectance (SR_B2, ...)"
        return f"{entry} {level}; {_NO_REFLECTANCE}"
    return None


_NO_REFLECTANCE = "get the Level-2 product of the scene (L2SP or L2SR in its name) and move this one out of the catalog"


def _wrong_in(folder: Path, entry: Path) -> str | None:
    """Return what is wrong with a folder that is no image itself."""
    own = next((file.name for file in usgs.members(entry) if _BAND_FILE.fullmatch(file.name)), "")
    if _LEVEL_1.match(own):
        return f"{entry} is a Level-1 product; {_NO_REFLECTANCE}"
    if own:
        return f"{entry} lacks the product's files of surface reflectance (SR_B2, ...); copy all files of the product"
    deeper = next(_scenes(entry), None)
    return None if deeper is None else f"{deeper} lies too deep; move it up into {folder}"


def instead(place: Path) -> str:
    """Return what lies where a collection was looked for that is none.

    Raises:
        EEError: an archive is damaged.
    """
    if not place.is_dir():
        return "it is one image; name the folder that it lies in"
    if told := stray(place):
        return told
    deeper = next((path for path in _below(place) if path.suffix.lower() in _RASTERS), None)
    return f"{deeper} lies too deep; move it up into {place}" if deeper else f"{place} holds no image"


def elsewhere(root: Path, id: str) -> str | None:
    """Return where in a catalog a scene lies that a collection, which is not there, would hold, else None."""
    sensor = _SENSOR.search(id)
    for path in _scenes(root):
        place = path.parent.relative_to(root).as_posix()
        if not _PLACE.fullmatch(place) and (sensor is None or path.name.upper().startswith(sensor[0])):
            return f"{path} lies elsewhere; move what belongs to the collection into {root / id}"
    return None


def _scenes(folder: Path) -> Iterator[Path]:
    """Yield what below a folder is a Landsat scene: a product's folder or archive, or a GeoTIFF, by its name."""
    for path in _below(folder):
        if _BAND_FILE.fullmatch(path.name):
            yield path.parent if usgs.properties_from_name(path.parent.name) else path
        elif usgs.properties_from_name(path.name) and path.suffix.lower() in (usgs.ARCHIVE, *_RASTERS):
            yield path


def _below(folder: Path) -> Iterator[Path]:
    """Yield the files below a folder, level by level within each; no links are followed."""
    left = _ENTRIES
    for at, folders, files in os.walk(folder):
        depth = len(Path(at).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if depth < _DEPTH else []
        for name in sorted(files):
            left -= 1
            if left < 0:
                return
            yield Path(at, name)

"""Landsat products in the files that USGS ships, and what a Landsat scene's name says.

Band names and properties are those of Earth Engine's ``LANDSAT/LC08/C02/T1_L2`` and its sisters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eelocal.errors import bad_request
from eelocal.files import File, archived, unreadable

ARCHIVE = ".tar"
"""Suffix of the archive in which USGS ships a product; its files are read in place."""

_BAND_FILE = re.compile(
    r"(?P<product>.+?)_(?P<band>SR_B\d|SR_QA_AEROSOL|SR_ATMOS_OPACITY|SR_CLOUD_QA|ST_[A-Z0-9]+|QA_PIXEL|QA_RADSAT)"
    r"\.tiff?",
    re.IGNORECASE,
)
_ORDER = ("SR_B", "SR_ATMOS_OPACITY", "SR_CLOUD_QA", "SR_QA_AEROSOL", "ST_B", "ST_", "QA_PIXEL", "QA_RADSAT")
_NAME = re.compile(r"L(?P<sensor>[COTEM])(?P<number>\d\d)_(?:L\w{3}_)?(?P<path>\d{3})(?P<row>\d{3})_(?P<date>\d{8})")

# Properties taken from the MTL, under the names that Earth Engine keeps.
_TEXT = (
    "LANDSAT_PRODUCT_ID", "PROCESSING_LEVEL", "COLLECTION_CATEGORY", "SPACECRAFT_ID", "SENSOR_ID",
    "DATE_ACQUIRED", "SCENE_CENTER_TIME", "LANDSAT_SCENE_ID", "MAP_PROJECTION", "DATUM", "ELLIPSOID",
)  # fmt: skip
_NUMBERS = (
    "COLLECTION_NUMBER", "WRS_PATH", "WRS_ROW", "WRS_TYPE", "CLOUD_COVER", "CLOUD_COVER_LAND", "SUN_AZIMUTH",
    "SUN_ELEVATION", "EARTH_SUN_DISTANCE", "IMAGE_QUALITY_OLI", "IMAGE_QUALITY_TIRS", "UTM_ZONE",
)  # fmt: skip


def product_files(place: Path) -> dict[str, File]:
    """Return the band files of a USGS product by Earth Engine's band names, in its order.

    Any other folder or archive gives {}.

    Args:
        place: a folder, or the tar archive in which USGS ships a product.

    Raises:
        EEError: it holds more than one product, or is no whole archive.
    """
    found: dict[str, dict[str, File]] = {}
    for file in members(place):
        match = _BAND_FILE.fullmatch(file.name)
        if match and not file.name.startswith("."):
            found.setdefault(match["product"], {})[match["band"].upper()] = file
    if not any(band.startswith("SR_B") for bands in found.values() for band in bands):
        return {}
    if len(found) > 1:
        products = ", ".join(found)
        raise bad_request(f"{place} holds {len(found)} Landsat products ({products}); give each its own folder.")
    (bands,) = found.values()
    return dict(sorted(bands.items(), key=lambda item: (_rank(item[0]), item[0])))


def members(place: Path) -> Sequence[File]:
    """Return the files in a folder or an archive, by name; of a folder, its folders too.

    Raises:
        EEError: it is no whole archive.
    """
    if place.is_dir():
        return [File(path, path.name) for path in sorted(place.iterdir())]
    return archived(place)


def _rank(band: str) -> int:
    return next(rank for rank, start in enumerate(_ORDER) if band.startswith(start))


def fill(band: str) -> tuple[int | None, int | None]:
    """Return a USGS band's fill value and fill bit, which hold even where the file does not declare them."""
    if band == "QA_PIXEL":
        return None, 0
    return (0, None) if band.startswith(("SR_B", "ST_B")) else (None, None)


def properties_from_name(name: str) -> dict[str, Any]:
    """Return what a Landsat product's or scene's name says; {} for any other name.

    ``system:time_start`` is then midnight UTC of the day: the time of day is in the metadata only.
    """
    match = _NAME.match(name)
    if match is None:
        return {}
    try:
        day = datetime.strptime(match["date"], "%Y%m%d").replace(tzinfo=UTC)
    except ValueError:
        return {}
    return {
        "system:index": f"L{match['sensor']}{match['number']}_{match['path']}{match['row']}_{match['date']}",
        "system:time_start": int(day.timestamp() * 1000),
        "SPACECRAFT_ID": f"LANDSAT_{int(match['number'])}",
        "WRS_PATH": int(match["path"]),
        "WRS_ROW": int(match["row"]),
        "DATE_ACQUIRED": day.date().isoformat(),
    }


def product_properties(name: str, files: dict[str, File], mtl: File | None) -> dict[str, Any]:
    """Return the properties of a USGS product from its MTL, completed from its name.

    Args:
        name: of its folder or archive.
        files: its bands.
        mtl: its MTL file, if it has one.

    Raises:
        EEError: the MTL file cannot be parsed.
    """
    match = _BAND_FILE.fullmatch(next(iter(files.values())).name)
    product = match["product"] if match else name
    properties: dict[str, Any] = {"system:index": name, "LANDSAT_PRODUCT_ID": product}
    properties |= properties_from_name(product)
    return properties | (read_mtl(mtl) if mtl else {})


def metadata_file(place: Path) -> File | None:
    """Return a product's MTL file (JSON before text), or None."""
    files = members(place)
    return next((file for end in ("_MTL.json", "_MTL.txt") for file in files if file.name.endswith(end)), None)


def read_mtl(file: File) -> dict[str, Any]:
    """Return an MTL file's properties under Earth Engine's names.

    Raises:
        EEError: the file is neither the JSON nor the text form of an MTL.
    """
    try:
        text = file.text()
        fields = _flat(json.loads(text)) if file.name.lower().endswith(".json") else _odl(text)
        properties: dict[str, Any] = {key: str(fields[key]) for key in _TEXT if key in fields}
        properties |= {key: _number(fields[key]) for key in _NUMBERS if key in fields}
        moment = f"{fields['DATE_ACQUIRED']}T{str(fields['SCENE_CENTER_TIME']).rstrip('Z')[:12]}+00:00"
        start = datetime.fromisoformat(moment)
    except (OSError, ValueError, KeyError, AttributeError, RecursionError) as error:
        raise unreadable(file.label, f"not a Landsat MTL file ({type(error).__name__}: {error})") from error
    properties["system:time_start"] = round(start.timestamp() * 1000)
    return properties


def _flat(groups: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of nested groups; the first of a name counts (Level 2 stands before Level 1)."""
    fields: dict[str, Any] = {}
    for key, value in groups.items():
        for name, content in (_flat(value) if isinstance(value, dict) else {key: value}).items():
            fields.setdefault(name, content)
    return fields


def _odl(text: str) -> dict[str, Any]:
    """Return the fields of the text form; the first of a name counts."""
    fields: dict[str, Any] = {}
    for line in text.splitlines():
        key, found, value = line.partition("=")
        if found and key.strip() not in ("GROUP", "END_GROUP"):
            fields.setdefault(key.strip(), value.strip().strip('"'))
    return fields


def _number(value: Any) -> int | float:
    number = float(value)
    return int(number) if number.is_integer() and "." not in str(value) else number

"""Clean labels on disk: written whole or not at all, with the fingerprint of all that they depend on."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError

from water_gee.denoise.labels import CleanLabel
from water_gee.errors import TileError
from water_gee.paths import Layout
from water_gee.tiles import TileData, TileRecord, clean_path, read_raster, write_raster

CLEAN_BANDS = ("label", "confidence", "reason")
_FORMAT = "water_gee clean 1"  # raise the number when a method's outcome changes for equal settings
_FINGERPRINT, _NOTES = "WATER_GEE_FINGERPRINT", "WATER_GEE_NOTES"


def fingerprint(record: TileRecord, method: Mapping[str, Any], seed: int) -> str:
    """Return a hash of what a tile's clean labels depend on: its files, the method's settings and the seed."""
    content = [_FORMAT, dict(method), seed, record.id, record.sha256, record.labels_sha256]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def tile_seed(seed: int, tile_id: str) -> int:
    """Return a tile's own seed, so that neither the order of the tiles nor what runs beside it matters."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{tile_id}".encode()).digest()[:7], "big")


def write_clean(layout: Layout, tile: TileData, clean: CleanLabel, mark: str) -> None:
    """Write a tile's clean labels with the fingerprint `mark`, on the tile's grid."""
    values = np.stack([clean.label.astype(np.float32), clean.confidence, clean.reason.astype(np.float32)])
    write_raster(
        clean_path(layout, tile.record.area, tile.record.id),
        values,
        CLEAN_BANDS,
        crs=tile.record.crs,
        transform=tile.transform,
        tags={_FINGERPRINT: mark, _NOTES: json.dumps(clean.notes, sort_keys=True)},
    )


def read_clean(layout: Layout, record: TileRecord) -> CleanLabel:
    """Read a tile's clean labels.

    Raises:
        TileError: the file is absent, broken, or does not have the tile's size.
    """
    path, advice = clean_path(layout, record.area, record.id), "run again: water-gee denoise"
    values, names, _ = read_raster(path, advice)
    side = record.size + 2 * record.margin
    if names != CLEAN_BANDS or values.shape[1:] != (side, side):
        raise TileError(f"{path} does not have the bands or the size of its tile; {advice}")
    with rasterio.open(path) as file:
        notes = json.loads(file.tags().get(_NOTES, "{}"))
    return CleanLabel(values[0].astype(np.uint8), values[1], values[2].astype(np.uint8), notes)


def is_done(layout: Layout, record: TileRecord, mark: str) -> bool:
    """Say whether a tile's clean labels are there, whole, and made of what `mark` stands for."""
    path = clean_path(layout, record.area, record.id)
    if not path.is_file():
        return False
    try:
        with rasterio.open(path) as file:
            if file.tags().get(_FINGERPRINT) != mark:
                return False
        read_clean(layout, record)
    except (TileError, RasterioError, ValueError):
        return False
    return True

"""Tiles on disk: their manifest, their reading and writing."""

from water_gee.config.labels import LABEL_BANDS
from water_gee.tiles.current import current_tiles
from water_gee.tiles.cut import cut
from water_gee.tiles.lattice import on_tiles_lattice
from water_gee.tiles.manifest import TileRecord, read_manifest, write_manifest
from water_gee.tiles.store import (
    WATER_SHARE,
    Raster,
    TileData,
    clean_path,
    feature_path,
    label_path,
    load_features,
    load_tile,
    read_raster,
    write_raster,
)

__all__ = [
    "LABEL_BANDS",
    "WATER_SHARE",
    "Raster",
    "TileData",
    "TileRecord",
    "clean_path",
    "current_tiles",
    "cut",
    "feature_path",
    "label_path",
    "load_features",
    "load_tile",
    "on_tiles_lattice",
    "read_manifest",
    "read_raster",
    "write_manifest",
    "write_raster",
]

"""Tiles with clean labels, small and easy to learn, for the tests of training and tracking."""

from pathlib import Path

import numpy as np
import torch

from composed import settings_at
from vouched import vouch_for_labels
from water_gee.config.settings import Settings
from water_gee.files import sha256
from water_gee.models import load_checkpoint
from water_gee.paths import Layout
from water_gee.study import Grid, Tile
from water_gee.tiles import (
    LABEL_BANDS,
    TileRecord,
    clean_path,
    feature_path,
    label_path,
    write_manifest,
    write_raster,
)

SIZE, MARGIN = 64, 3
FEATURES = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
PLACES = ((10, 20), (11, 20), (12, 20), (10, 21), (11, 21), (40, 50))
_GRID = Grid("EPSG:32648", 30.0)


def truth_of(column: int, row: int) -> np.ndarray:
    """Water [y, x] of a tile: a lake whose size follows the place."""
    y, x = np.mgrid[: SIZE + 2 * MARGIN, : SIZE + 2 * MARGIN]
    return np.hypot(y - 30, x - 40) < 8 + (3 * column + row) % 17


def write_labelled_tiles(
    root: Path, places=PLACES, year: int = 2020, seed: int = 0, last_is_empty: bool = True
) -> Layout:
    """Write tiles of area train with their clean labels below `root`, the last recorded as empty."""
    layout, random, records = Layout(root, "sample"), np.random.default_rng(seed), []
    for place in places:
        tile = Tile("train", year, *place, SIZE, MARGIN)
        if last_is_empty and place == places[-1]:
            records.append(TileRecord.of(tile, _GRID, "empty"))
            continue
        water = truth_of(*place)
        features = np.where(water, 0.05, 0.3)[None] + random.normal(0, 0.06, (len(FEATURES), *water.shape))
        features[FEATURES.index("elevation")] = 0.2
        features[:, 5:12, 50:60] = np.nan
        share = np.where(np.isnan(features[0]), np.nan, water.astype(np.float32))
        label = np.where(water, 1, 0)
        label[:, :9] = 255
        confidence = np.where(label == 255, 0.0, 0.9)
        label[np.isnan(features[0])] = 1  # a label where nothing was seen must not count
        transform = _GRID.transform(tile.outer)
        grid = {"crs": _GRID.crs, "transform": transform}
        paths = feature_path(layout, "train", tile.id), label_path(layout, "train", tile.id)
        write_raster(paths[0], features.astype(np.float32), FEATURES, nodata=np.nan, **grid)
        looks = np.stack([share, np.ones_like(share)]).astype(np.float32)
        write_raster(paths[1], looks, LABEL_BANDS, nodata=np.nan, **grid)
        clean = np.stack([label, confidence, np.zeros_like(confidence)]).astype(np.float32)
        write_raster(clean_path(layout, "train", tile.id), clean, ("label", "confidence", "reason"), **grid)
        records.append(
            TileRecord.of(
                tile, _GRID, "ok", water_pixels=int(water[tile.core].sum()), clear_pixels=SIZE**2,
                sha256=sha256(paths[0]), labels_sha256=sha256(paths[1]),
            )
        )  # fmt: skip
    write_manifest(layout, records)
    vouch_for_labels(layout)
    return layout


def quick_settings(root: Path, *overrides: str) -> Settings:
    """Return settings that train in a second or two on such tiles."""
    return settings_at(root, *QUICK, *overrides)


QUICK = ("model=mlp", "model.lr=0.01", "trainer.epochs=3", "trainer.accelerator=cpu", "data.crop=32")


def folder_for(root: Path, name: str) -> Path:
    """Make the folder of a run."""
    folder = root / "runs" / name
    folder.mkdir(parents=True)
    return folder


def weights(folder: Path) -> torch.Tensor:
    """Return every number of a run's network, flat."""
    state = load_checkpoint(folder / "model.ckpt").network.state_dict()
    return torch.cat([value.ravel() for value in state.values()])

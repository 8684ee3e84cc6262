"""What it costs to check every tile and label against its report when it is read, for 64 and for 2,000 tiles."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import rasterio
from scipy.ndimage import gaussian_filter

from benchmarks.timing import compare
from water_gee.denoise import CLEAN_BANDS, CleanLabels
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.study import Grid, Tile
from water_gee.tiles import (
    LABEL_BANDS,
    TileRecord,
    clean_path,
    feature_path,
    label_path,
    load_tile,
    write_manifest,
    write_raster,
)

MARGIN, BANDS, DIFFERENT = 3, 8, 16  # pixels, features, tiles of which the others are copies


def run() -> None:
    """Compare reading with and without the checks."""
    for count, size in ((64, 512), (2000, 128)):
        _read(count, size)


def _read(count: int, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        layout, records = _tiles(Layout(Path(folder), "bench"), size)
        hashes = {("train", one.id): sha256(clean_path(layout, "train", one.id)) for one in records}
        made_of = {("train", one.id): (one.sha256, one.labels_sha256) for one in records}
        clean = CleanLabels(layout, hashes, made_of)

        def unchecked() -> None:
            for record in records:
                for path in (feature_path(layout, "train", record.id), label_path(layout, "train", record.id)):
                    with rasterio.open(path) as file:
                        file.read(out_dtype="float32")
                with rasterio.open(clean_path(layout, "train", record.id)) as file:
                    file.read(out_dtype="float32")

        def checked() -> None:
            for record in records:
                load_tile(layout, record)
                clean.read(record)

        _compare(count, size, unchecked, checked)
        listed = [replace(records[n % DIFFERENT], column=n, id=f"2020_c{n:04d}_r0000") for n in range(count)]

        def manifest() -> float:
            from water_gee.tiles import read_manifest

            write_manifest(layout, listed)
            return len(read_manifest(layout))

        compare("writing, reading and checking the manifest", "tiles", {f"{count} tiles": manifest}, rounds=3)


def _compare(count: int, size: int, unchecked: Callable[[], None], checked: Callable[[], None]) -> None:
    def repeated(read: Callable[[], None]) -> Callable[[], float]:
        def work() -> float:
            for _ in range(count // DIFFERENT):
                read()
            return count

        return work

    contenders = {"read": repeated(unchecked), "read and checked": repeated(checked)}
    compare(f"{count} tiles of {size} pixels, with labels", "tiles", contenders, rounds=3)


def _tiles(layout: Layout, size: int) -> tuple[Layout, list[TileRecord]]:
    random, grid, records = np.random.default_rng(0), Grid("EPSG:32648", 30.0), []
    side = size + 2 * MARGIN
    for column in range(DIFFERENT):
        tile = Tile("train", 2020, column, 0, size, MARGIN)
        place = {"crs": grid.crs, "transform": grid.transform(tile.outer)}
        smooth = gaussian_filter(random.normal(size=(BANDS, side, side)), (0, 3, 3)) + random.normal(
            scale=0.01, size=(BANDS, side, side)
        )
        # As reflectance comes: digital numbers of a fixed step.
        features = (np.round((0.1 + 0.1 * smooth) / 2.75e-5) * 2.75e-5).astype(np.float32)
        labels = np.stack([(smooth[0] > 0.1).astype(np.float32), np.full((side, side), 6, np.float32)])
        paths = feature_path(layout, "train", tile.id), label_path(layout, "train", tile.id)
        write_raster(paths[0], features, [f"band{n}" for n in range(BANDS)], **place)
        write_raster(paths[1], labels, LABEL_BANDS, **place)
        clean = np.stack([labels[0], np.full((side, side), 0.9, np.float32), np.zeros((side, side), np.float32)])
        write_raster(clean_path(layout, "train", tile.id), clean, CLEAN_BANDS, **place)
        record = TileRecord.of(tile, grid, "ok", sha256=sha256(paths[0]), labels_sha256=sha256(paths[1]))
        records.append(record)
    return layout, records

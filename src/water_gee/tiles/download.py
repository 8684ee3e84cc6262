"""One tile: fetched, written, and known again later."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.earth import Retry, fetch, impossible
from water_gee.errors import EarthError, TileError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.study import Grid
from water_gee.tiles.manifest import TileRecord
from water_gee.tiles.plan import Job
from water_gee.tiles.store import (
    WATER_SHARE,
    feature_path,
    label_path,
    misfit,
    read_raster,
    write_raster,
)


@dataclass(frozen=True)
class Fetched:
    """What became of a tile, and what it cost: tries, seconds, bytes of pixels."""

    record: TileRecord
    attempts: int
    seconds: float
    pixel_bytes: int


def fetch_tile(job: Job, layout: Layout, grid: Grid, retry: Retry) -> Fetched:
    """Fetch a tile with one request and write its two files; a tile that cannot be fetched is recorded as failed."""
    begun, tries = time.monotonic(), 0

    def attempted() -> None:
        nonlocal tries
        tries += 1

    try:
        values = fetch(
            job.image, grid, job.tile.outer, job.bands, retry, attempted,
            problem=lambda values: impossible(values, job.bands, job.ranges),
        )  # fmt: skip
    except EarthError as error:
        reason = " ".join(str(error).split())
        failed = TileRecord.of(job.tile, grid, "failed", reason=reason, fingerprint=job.fingerprint)
        return Fetched(failed, tries, time.monotonic() - begun, 0)
    record = _store(job, layout, grid, values)
    return Fetched(record, tries, time.monotonic() - begun, values.nbytes)


def _store(job: Job, layout: Layout, grid: Grid, values: NDArray[np.float32]) -> TileRecord:
    tile = job.tile
    features, labels = values[: len(job.features)], values[len(job.features) :]
    if not _counts(job, features, labels)[0]:
        return TileRecord.of(tile, grid, "empty", fingerprint=job.fingerprint)
    paths = feature_path(layout, tile.area, tile.id), label_path(layout, tile.area, tile.id)
    for path, pixels, bands in zip(paths, (features, labels), (job.features, job.labels), strict=True):
        write_raster(
            path,
            pixels,
            bands,
            crs=grid.crs,
            transform=grid.transform(tile.outer),
            nodata=float("nan"),
            tags={"fingerprint": job.fingerprint},
        )
    return _record(job, layout, grid, features, labels)


def _record(
    job: Job, layout: Layout, grid: Grid, features: NDArray[np.float32], labels: NDArray[np.float32]
) -> TileRecord:
    clear, water = _counts(job, features, labels)
    paths = feature_path(layout, job.tile.area, job.tile.id), label_path(layout, job.tile.area, job.tile.id)
    return TileRecord.of(
        job.tile,
        grid,
        "ok",
        sha256=sha256(paths[0]),
        labels_sha256=sha256(paths[1]),
        bytes=sum(path.stat().st_size for path in paths),
        fingerprint=job.fingerprint,
        clear_pixels=clear,
        water_pixels=water,
    )


def _counts(job: Job, features: NDArray[np.float32], labels: NDArray[np.float32]) -> tuple[int, int]:
    """Return the clear and the water pixels of the tile's own pixels."""
    own = job.tile.window.within(job.tile.outer)
    share, looks = labels[0][own], labels[1][own]
    clear = (looks > 0) & ~np.isnan(features[0][own])
    return int(np.count_nonzero(clear)), int(np.count_nonzero(clear & (share >= WATER_SHARE)))


def still_good(job: Job, known: TileRecord | None, layout: Layout, grid: Grid) -> TileRecord | None:
    """Return the record of a tile that need not be fetched: there, whole, and what is wanted now; else None.

    A recorded tile is whole if its files have the recorded hashes. One whose record a kill prevented is read,
    and is whole if its pixels have the hash that it carries itself.
    """
    if known is None:
        return _adopted(job, layout, grid)
    if known.fingerprint != job.fingerprint or known.status == "failed":
        return None
    if known.status == "empty":
        return known
    paths = feature_path(layout, known.area, known.id), label_path(layout, known.area, known.id)
    hashes = [sha256(path) if path.is_file() else "" for path in paths]
    return known if hashes == [known.sha256, known.labels_sha256] else None


def _adopted(job: Job, layout: Layout, grid: Grid) -> TileRecord | None:
    """Return the record of a tile that is on disk and speaks for itself: its tags and its place are those wanted."""
    rasters = []
    paths = feature_path(layout, job.tile.area, job.tile.id), label_path(layout, job.tile.area, job.tile.id)
    for path, bands in zip(paths, (job.features, job.labels), strict=True):
        try:
            raster = read_raster(path, "")
        except TileError:
            return None
        if raster.names != bands or raster.tags.get("fingerprint") != job.fingerprint or not raster.is_whole:
            return None
        rasters.append(raster)
    features, labels = rasters
    record = _record(job, layout, grid, features.values, labels.values)
    return None if misfit(record, features, labels) else record

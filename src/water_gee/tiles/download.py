"""Tiles: fetched, written, and known again later."""

import threading
import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.earth import AccountError, Retry, fetch, foreign, impossible
from water_gee.errors import EarthError, TileError
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.study import Grid, Window
from water_gee.tiles.cut import cut
from water_gee.tiles.manifest import TileRecord
from water_gee.tiles.plan import Job
from water_gee.tiles.requests import Request
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


class Download:
    """Fetches requests and writes their tiles, from any number of threads."""

    def __init__(self, layout: Layout, grid: Grid, retry: Retry) -> None:
        """Write below `layout`, on `grid`; ask as often, and at such a pace, as `retry` says."""
        self._layout, self._grid, self._retry = layout, grid, retry
        self._unfinished: dict[Job, _Unfinished] = {}
        self._lock = threading.Lock()

    def fetch(self, request: Request) -> list[Fetched]:
        """Fetch a request and write what it completes: its tiles, or the tile of which it is the last part.

        A tile that cannot be fetched is recorded as failed.

        Raises:
            AccountError: the service refuses the account.
            OSError: a tile cannot be written.
        """
        begun, tries = time.monotonic(), 0

        def attempted() -> None:
            nonlocal tries
            tries += 1

        first = request.jobs[0]
        try:
            values = fetch(
                first.image, self._grid, request.window, first.bands, self._retry, attempted,
                problem=lambda values: impossible(values, first.bands, first.ranges),
            )  # fmt: skip
        except AccountError:
            raise
        except EarthError as error:
            if len(request.jobs) > 1:  # some of them may be well: each for itself
                return [one for job in request.jobs for one in self.fetch(Request(job.tile.outer, (job,)))]
            return self._fail(request, " ".join(str(error).split()), tries, time.monotonic() - begun)
        if request.parts > 1:
            return self._put(request, values, tries, time.monotonic() - begun)
        with _writing:
            made = [self._store(job, values[:, *job.tile.outer.within(request.window)]) for job in request.jobs]
        seconds = time.monotonic() - begun
        return [Fetched(record, tries, seconds, values.nbytes // len(made)) for record in made]

    def _put(self, request: Request, values: NDArray[np.float32], tries: int, seconds: float) -> list[Fetched]:
        """Keep a part of a tile; write the tile once all are there."""
        (job,) = request.jobs
        with self._lock:
            tile = self._unfinished.setdefault(job, _Unfinished(job, request.parts))
        if not tile.put(request.window, values, tries, seconds):
            return []
        with self._lock:
            del self._unfinished[job]
        if tile.reason:
            return [self._failed(job, tile.reason, tile.tries, tile.seconds)]
        with _writing:
            record = self._store(job, tile.values)
        return [Fetched(record, tile.tries, tile.seconds, tile.values.nbytes)]

    def _fail(self, request: Request, reason: str, tries: int, seconds: float) -> list[Fetched]:
        (job,) = request.jobs
        if request.parts == 1:
            return [self._failed(job, reason, tries, seconds)]
        with self._lock:
            self._unfinished.setdefault(job, _Unfinished(job, request.parts)).reason = reason
        return self._put(request, np.empty((len(job.bands), 0, 0), np.float32), tries, seconds)

    def _failed(self, job: Job, reason: str, tries: int, seconds: float) -> Fetched:
        record = TileRecord.of(job.tile, self._grid, "failed", reason=reason, fingerprint=job.fingerprint)
        return Fetched(record, tries, seconds, 0)

    def _store(self, job: Job, values: NDArray[np.float32]) -> TileRecord:
        if reason := foreign(values, job.bands):
            return TileRecord.of(job.tile, self._grid, "failed", reason=reason, fingerprint=job.fingerprint)
        inside = cut(values, job.bands, job.area, self._grid, job.tile.outer)
        return _store(job, self._layout, self._grid, inside)


_writing = threading.BoundedSemaphore(2)  # tiles written at once, however many requests are under way


class _Unfinished:
    """A tile of which some parts are there."""

    def __init__(self, job: Job, parts: int) -> None:
        self._outer = job.tile.outer
        self.values = np.empty((len(job.bands), self._outer.height, self._outer.width), np.float32)
        self.reason = ""
        self.tries, self.seconds = 0, 0.0
        self._missing = parts
        self._lock = threading.Lock()

    def put(self, window: Window, values: NDArray[np.float32], tries: int, seconds: float) -> bool:
        """Take a part, empty where it could not be had; return whether it was the last."""
        if values.size:
            self.values[:, *window.within(self._outer)] = values
        with self._lock:
            self.tries += tries
            self.seconds += seconds
            self._missing -= 1
            return self._missing == 0


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

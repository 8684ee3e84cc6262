"""Pieces predicted from features: on this machine, on those of a Dask scheduler, or both."""

import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from water_gee.config.settings import Settings
from water_gee.earth import CompositeSpec, Prepared, Session, looks_image, possible_ranges
from water_gee.errors import TileError
from water_gee.files import is_there
from water_gee.maps.engines import LOOKS, Features, LocalEngine
from water_gee.maps.make import predict_pieces
from water_gee.maps.parts import PartStore, Piece
from water_gee.maps.plan import Plan
from water_gee.maps.remote import Job, Network, Worker, predict_elsewhere
from water_gee.maps.stored import StoredTiles, TileReader
from water_gee.models import Predictor
from water_gee.paths import Layout
from water_gee.pool import Pool
from water_gee.progress import say
from water_gee.study import Area, Grid
from water_gee.tiles import TileRecord, current_tiles, read_manifest


@dataclass(frozen=True)
class Local:
    """What the pieces of a map are predicted from, and where they go."""

    settings: Settings
    layout: Layout
    spec: CompositeSpec
    session: Session
    area: Area
    images: Mapping[int, Any]  # by year, the features
    plan: Plan
    store: PartStore

    def predict(self, network: Network, predicted: Predictor) -> bool:
        """Predict every piece that is not finished yet, on as many cores as `cluster` and `trainer.threads` say.

        What is stored as tiles is read from them, else fetched. With `cluster=dask` the pieces of stored tiles are
        predicted where the workers are; only this process asks Earth Engine. It is returned whether any piece is of
        stored tiles.

        Raises:
            EarthError: a piece could not be had; the finished ones are kept.
            TileError: a tile is not the one of the manifest.
            PoolError: the Dask scheduler or its workers cannot be used.
        """
        settings, grid = self.settings, self.spec.grid
        stored = StoredTiles(self._current(stored_records(self.layout, settings.predict.area, grid)))
        held = {piece: stored.holding(piece.year, piece.window, network.radius) for piece in self.plan.pieces}
        fetched = sum(one is None for one in held.values())
        say(f"{len(held) - fetched} pieces of the map are of stored tiles, {fetched} are fetched")
        bands = (*self.spec.features, LOOKS)
        wanted = {
            year: Prepared(image.addBands(looks_image(self.spec, self.area, year)), bands)
            for year, image in self.images.items()
        }
        features = Features(
            stored, TileReader(self.layout, self.spec.features), wanted, self.spec.features, self.area, grid,
            self.session, possible_ranges(self.spec),
        )  # fmt: skip
        cores = cores_of(settings)
        engine = LocalEngine(predicted, features, network.radius, network.threshold, threading.BoundedSemaphore(cores))

        def elsewhere(todo: list[Piece]) -> list[Piece]:
            """Have the pieces of stored tiles predicted by the workers of a cluster."""
            if settings.cluster.kind != "dask":
                return todo
            worker = Worker(self.layout, self.store, network, self.spec.features)
            jobs = [Job(piece, one, self.plan.light(piece.window)) for piece in todo if (one := held[piece])]
            predict_elsewhere(worker, jobs, Pool("dask", 1, settings.cluster.address, self.store.folder.parent))
            return [piece for piece in todo if held[piece] is None]

        # One more than compute: it reads while they do. Those that fetch wait for the service most of the time.
        workers = max(cores + 1, settings.earth.workers if fetched else 0)
        predict_pieces(
            self.plan, engine, self.store, workers=workers, on_failure=self.session.check, elsewhere=elsewhere
        )
        return fetched < len(held)

    def _current(self, records: list[TileRecord]) -> list[TileRecord]:
        """Return the tiles that are what the settings and scenes of today would make, saying how many are not."""
        mapped = [one for one in records if one.year in self.images]
        current = current_tiles(self.session, self.settings, self.spec, self.area, mapped)
        if len(current) < len(mapped):
            say(
                f"{len(mapped) - len(current)} of {len(mapped)} stored tiles are of other choices, outlines or scenes "
                "than today's and are passed over, their features fetched; water-gee tiles brings them up to date"
            )
        return current


def cores_of(settings: Settings) -> int:
    """Return on how many cores of this machine to work."""
    return settings.cluster.workers or settings.trainer.threads or os.cpu_count() or 1


def stored_records(layout: Layout, area: str, grid: Grid) -> list[TileRecord]:
    """Return the downloaded tiles of an area that lie on the lattice, less those that failed; none, with why, else."""
    if not is_there(layout.tiles / "tiles.csv"):
        return []
    try:
        records = [one for one in read_manifest(layout) if one.area == area]
    except TileError as error:
        say(f"the tiles are passed over and their features fetched anew: {error}")
        return []
    if any(not _lies_on(grid, one) for one in records):
        say("the tiles are passed over and their features fetched anew: they are of another lattice")
        return []
    return [one for one in records if one.status != "failed" and one.size == records[0].size]


def _lies_on(grid: Grid, record: TileRecord) -> bool:
    place = (record.left, record.bottom, record.right, record.top)
    same = (record.crs, record.scale) == (grid.crs, grid.scale)
    return same and np.allclose(place, grid.bounds(record.tile.outer), rtol=0, atol=1e-6 * grid.scale)

"""Pieces of stored tiles, predicted by the workers of a Dask scheduler: the same files as on one machine."""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from shapely.geometry.base import BaseGeometry

from water_gee.errors import PoolError, WaterGeeError
from water_gee.maps.engines import Float, LocalEngine
from water_gee.maps.parts import Part, PartStore, Piece
from water_gee.maps.plan import within_outline
from water_gee.maps.stored import Stored, TileReader
from water_gee.models import Predictor, load_checkpoint, one_thread, predictor
from water_gee.paths import Layout
from water_gee.pool import Pool, run_jobs
from water_gee.progress import track


@dataclass(frozen=True)
class Network:
    """A trained network, as one knows it who loads it elsewhere."""

    path: Path
    sha256: str
    runtime: str
    radius: int
    threshold: float
    own: str = ""  # the class of a network of the user's own
    keep: Path | None = None  # its ONNX form


@dataclass(frozen=True)
class Job:
    """A piece, the tiles that hold its features, and an outline of the area that is right within the piece."""

    piece: Piece
    stored: Stored
    outline: BaseGeometry | None  # None: the piece lies in the area

    def __str__(self) -> str:
        """Return the piece's name."""
        return self.piece.name


@dataclass(frozen=True)
class Worker:
    """What all jobs of a run share."""

    layout: Layout
    store: PartStore
    network: Network
    names: tuple[str, ...]  # of the features

    def __call__(self, job: Job) -> str:
        """Predict a piece and keep its part; return what went wrong, which the user can mend, or nothing."""
        try:
            with one_thread():
                reader = _reader(self.layout, self.names)

                def features(*_: object) -> Float:
                    return reader(job.stored)

                engine = LocalEngine(_predictor(self.network), features, self.network.radius, self.network.threshold)
                piece, grid = job.piece, self.store.grid
                self.store.write(piece, Part.of(*engine(piece), within_outline(job.outline, grid, piece.window)))
        except WaterGeeError as error:
            return f"{error} (on {socket.gethostname()})"
        except OSError as error:
            return f"{error}; see to the folder {self.store.folder} on {socket.gethostname()}"
        return ""


def predict_elsewhere(worker: Worker, jobs: Sequence[Job], pool: Pool) -> None:
    """Have jobs done by the workers of a scheduler.

    Raises:
        PoolError: the scheduler or its workers cannot be used, or a piece failed; the finished ones are kept.
    """
    failed = [reason for reason in track(run_jobs(worker, jobs, pool), "predicting", len(jobs)) if reason]
    if failed:
        raise PoolError(
            f"{len(failed)} of {len(jobs)} pieces of the map failed: {min(failed)}; no map was written, run the same "
            "command again to go on"
        )


@lru_cache(maxsize=1)
def _predictor(network: Network) -> Predictor:
    """Return the network of this process, made once."""
    return predictor(load_checkpoint(network.path, network.sha256, network.own), network.runtime, network.keep)


@lru_cache(maxsize=1)
def _reader(layout: Layout, names: tuple[str, ...]) -> TileReader:
    return TileReader(layout, names)

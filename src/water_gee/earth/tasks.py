"""Export tasks of the service: started at most once for a request id, listed, asked for and cancelled."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import ee

from water_gee.earth.failures import SERVICE_ERRORS, TruncatedError, diagnose
from water_gee.earth.session import Session
from water_gee.errors import EarthError
from water_gee.study import Grid, Window

T = TypeVar("T")
ACTIVE = ("PENDING", "RUNNING", "CANCELLING")  # the states of the REST reference in which a task has not ended
SUCCEEDED, FAILED, CANCELLED = "SUCCEEDED", "FAILED", "CANCELLED"
NO_DATA = -1.0  # what masked pixels hold in files: no probability, and no class
# The service's texts, as users report them: neither is in its reference.
_FULL = "too many tasks already in the queue"
_TAKEN = ("already started with the given request_id", "cannot overwrite asset")  # what a repeated start may be told
_NOT_LISTED_YET = 5  # how often to look for a task that the service knows and does not list yet


class QueueFullError(EarthError):
    """The service takes no further task until some have ended."""


@dataclass(frozen=True)
class Task:
    """A task as the service reports it.

    Attributes:
        name: of the operation, `projects/<project>/operations/<id>`.
        description: the name that it was started under.
        state: one of `ACTIVE`, or `SUCCEEDED`, `FAILED`, `CANCELLED`.
        progress: share that is done, 0 to 1, where the service tells it.
        reason: why it failed, in one line; empty otherwise.
        eecu_seconds: the compute that it has used, where the service tells it.
    """

    name: str
    description: str
    state: str
    progress: float | None = None
    reason: str = ""
    eecu_seconds: float | None = None

    @classmethod
    def of(cls, operation: Mapping[str, Any]) -> Self:
        """Return the task of an operation as the REST interface describes it."""
        metadata = operation.get("metadata") or {}
        reason = (operation.get("error") or {}).get("message", "")
        progress, used = metadata.get("progress"), metadata.get("batchEecuUsageSeconds")
        return cls(
            str(operation["name"]),
            str(metadata.get("description", "")),
            str(metadata.get("state", "")),
            None if progress is None else float(progress),
            " ".join(str(reason).split()),
            None if used is None else float(used),
        )

    @property
    def active(self) -> bool:
        """Whether it waits, runs, or is about to be cancelled."""
        return self.state in ACTIVE


@dataclass(frozen=True)
class Destination:
    """Where an export goes.

    Attributes:
        kind: `asset`, `storage` (Cloud Storage) or `drive`.
        place: the asset's folder, the bucket, or Drive's folder.
        prefix: before the names of files in a bucket; else empty.
    """

    kind: str
    place: str
    prefix: str = ""

    def result(self, name: str) -> str:
        """Return what the export `name` becomes: an asset's id, or where a file's name begins."""
        if self.kind == "asset":
            return f"{self.place}/{name}"
        return "/".join(part for part in (self.place, self.prefix.strip("/"), name) if part)


@dataclass(frozen=True)
class Export:
    """An image to export.

    Attributes:
        description: the task's name: letters, digits and `.,:;_-`, 100 at most.
        name: of the result at its destination.
        grid: the lattice.
        window: of the lattice.
        shard: the side of the tiles, in pixels, in which the service computes it: a smaller one takes less memory.
        modes: bands of classes, whose coarser levels hold the commonest value; of the others they hold the mean.
        keys: properties of the image that a GeoTIFF keeps too; an asset keeps all.
        tag: under which Google Cloud counts its compute.
    """

    description: str
    name: str
    grid: Grid
    window: Window
    shard: int = 256
    modes: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    tag: str = ""


def export_request(image: Any, export: Export, destination: Destination) -> dict[str, Any]:
    """Return the body of an `image:export` request, its expression still an `ee.Image`."""
    window = export.window
    common = {
        "description": export.description,
        "dimensions": f"{window.width}x{window.height}",
        "crs": export.grid.crs,
        "crsTransform": list(export.grid.transform(window)[:6]),
        "maxPixels": window.width * window.height,
        "shardSize": export.shard,
    }
    to = ee.batch.Export.image
    if destination.kind == "asset":
        policies = {".default": "mean", **dict.fromkeys(export.modes, "mode")}
        task = to.toAsset(
            image=image, assetId=destination.result(export.name), pyramidingPolicy=policies, overwrite=False, **common
        )
    else:
        # A GeoTIFF has one type, and no mask but a value.
        options = {"cloudOptimized": True, "noData": NO_DATA, "metadataKeys": list(export.keys)}
        files = {"fileFormat": "GeoTIFF", "formatOptions": options}
        image = image.toFloat()
        if destination.kind == "storage":
            name = "/".join(part for part in (destination.prefix.strip("/"), export.name) if part)
            task = to.toCloudStorage(image=image, bucket=destination.place, fileNamePrefix=name, **files, **common)
        else:
            task = to.toDrive(image=image, folder=destination.place, fileNamePrefix=export.name, **files, **common)
    return {**task.config, **({"workloadTag": export.tag} if export.tag else {})}


def start(session: Session, request: Mapping[str, Any], request_id: str, *, wait: float = 2.0) -> str:
    """Start a task, and return its operation's name; a request id that was used before returns the task of then.

    The service starts at most one task for a request id (letters, digits and `-`, 60 at most); whether it answers a
    second request with the task of the first or refuses it, the same name is returned.

    Args:
        session: the open session.
        request: of `export_request`; its description must be of this request id alone.
        request_id: what makes a repeated start the same start.
        wait: seconds before looking again for a task that the service knows and does not list yet.

    Raises:
        QueueFullError: the service's queue is full.
        EarthError: the service refused, or went on failing.
    """
    refused = ""

    def ask() -> str:
        nonlocal refused
        try:
            return str(ee.data.exportImage(request_id, dict(request))["name"])
        except SERVICE_ERRORS as error:
            text = diagnose(error).message
            if _FULL in text.lower():
                raise QueueFullError(text) from error
            if not any(one in text.lower() for one in _TAKEN):
                raise
            refused = text
            return ""

    name = asked(session, ask)
    if not refused:
        return name
    for look in range(_NOT_LISTED_YET):
        for task in tasks(session):
            if task.description == request["description"]:
                return task.name
        if look < _NOT_LISTED_YET - 1:
            time.sleep(wait)
    raise EarthError(
        f"{request['description']} could not be started, and Earth Engine lists no task of that name ({refused}); "
        "run the same command again in some minutes"
    )


def tasks(session: Session) -> list[Task]:
    """Return the tasks of the session's project that the service still lists, newest first; page by page.

    Raises:
        EarthError: the service refused, or went on failing.
    """
    return asked(session, lambda: [Task.of(one) for one in ee.data.listOperations()])


def task(session: Session, name: str) -> Task | None:
    """Return a task by its operation's name, or None where the service does not know it any more.

    Raises:
        EarthError: the service refused, or went on failing.
    """

    def ask() -> Task | None:
        try:
            return Task.of(ee.data.getOperation(name))
        except SERVICE_ERRORS as error:
            if is_absent(error):
                return None
            raise

    return asked(session, ask)


def cancel(session: Session, name: str) -> None:
    """Cancel a task; one that has ended meanwhile stays as it is.

    Raises:
        EarthError: the service refused, or went on failing.
    """
    try:
        asked(session, lambda: ee.data.cancelOperation(name))
    except EarthError:
        now = task(session, name)
        if now is not None and now.active and now.state != "CANCELLING":
            raise


def asked(session: Session, ask: Callable[[], T]) -> T:
    """Return what `ask` returns, repeated while that may help; an answer that cannot be read is asked for again.

    Raises:
        EarthError: the service refused, or went on failing.
    """

    def careful() -> T:
        try:
            return ask()
        except (ValueError, KeyError, TypeError, AttributeError) as error:  # altered or cut off on its way
            raise TruncatedError(f"{type(error).__name__}: {error}") from error

    return session.retry.call(careful)


def is_absent(error: BaseException) -> bool:
    """Return whether an error says that there is no such asset or task."""
    text = diagnose(error).message.lower()
    return isinstance(error, SERVICE_ERRORS) and ("not found" in text or "does not exist" in text)

"""Exports inside Earth Engine: an image becomes an asset of the user's."""

import time
from collections.abc import Callable
from typing import Any

import ee

from water_gee.earth.session import Session
from water_gee.errors import EarthError
from water_gee.study import Grid, Window

_ENDED = ("COMPLETED", "FAILED", "CANCELLED")


def export_to_asset(
    session: Session,
    image: Any,
    asset: str,
    grid: Grid,
    window: Window,
    *,
    description: str,
    overwrite: bool = False,
    shard: int = 256,
) -> str:
    """Start the export of a window of the lattice to an asset and return the task's id.

    Args:
        session: the open session.
        image: what is exported.
        asset: its id.
        grid: the lattice.
        window: of the lattice.
        description: of the task.
        overwrite: whether an asset that is there is replaced.
        shard: the side of the tiles, in pixels, in which the image is computed: a smaller one takes less memory. An
            exported network's `export.json` says which its estimate allows, as `shard_size`.

    Raises:
        EarthError: the service refused.
    """
    transform = grid.transform(window)
    task = ee.batch.Export.image.toAsset(
        image=image,
        description=description,
        assetId=asset,
        dimensions=f"{window.width}x{window.height}",
        crs=grid.crs,
        crsTransform=list(transform[:6]),
        maxPixels=window.width * window.height,
        overwrite=overwrite,
        shardSize=shard,
    )
    session.retry.call(task.start)  # the task's request id makes a repeated start the same task
    return str(task.id)


def watch(
    session: Session, task: str, *, seconds: float = 5.0, told: Callable[[str], None] = lambda state: None
) -> None:
    """Wait until a task has ended; `told` hears of each new state.

    Raises:
        EarthError: the task failed or was cancelled.
    """
    last = ""
    while True:
        status = session.retry.call(lambda: ee.data.getTaskStatus(task))[0]
        state = str(status["state"])
        if state != last:
            told(state)
            last = state
        if state == "COMPLETED":
            return
        if state in _ENDED:
            reason = " ".join(str(status.get("error_message", "no reason given")).split())
            raise EarthError(f"export task {task} is {state.lower()}: {reason}")
        time.sleep(seconds)

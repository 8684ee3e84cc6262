"""Which windows are asked for: small tiles together, large ones in parts, each as large as one request may be."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_

from water_gee.earth import PIXEL_LIMIT, fits, request_bytes
from water_gee.study import Window
from water_gee.tiles.plan import Job

_AT_ONCE = 96 * 2**20  # bytes of all answers under way: what bounds the memory, whatever the tiles and the area
_ROUNDS = 4  # requests a worker, at least: the last ones are done by few
_LEAST = 2**20  # bytes: smaller requests are no help


@dataclass(frozen=True)
class Request:
    """A window to ask for: that of one or of several tiles, or one of several parts of a tile."""

    window: Window
    jobs: tuple[Job, ...]
    parts: int = 1  # in how many requests the one tile is asked for


def requests_of(jobs: Sequence[Job], workers: int) -> list[Request]:
    """Return the requests for some tiles, `workers` of them at once, in an order that finishes one tile after another.

    Tiles of one image are asked for together where that asks for no more pixels than one by one (they share their
    margins), where the answer is no larger than allowed, and where there are requests enough for all workers.
    """
    by_image: dict[int, list[Job]] = defaultdict(list)
    for job in jobs:
        by_image[id(job.image)].append(job)
    most = max(_LEAST, min(PIXEL_LIMIT, _AT_ONCE // workers))
    found: list[Request] = []
    for group in by_image.values():
        bands = len(group[0].bands)
        if _allowed(group[0].tile.outer, bands, most):
            found += _together(group, bands, most, len(jobs) // (_ROUNDS * workers))
        else:
            found += [request for job in group for request in _in_parts(job, bands, most)]
    return found


def _allowed(window: Window, bands: int, most: int) -> bool:
    return fits(window, bands) and request_bytes(window, bands) <= most


def _together(jobs: Sequence[Job], bands: int, most: int, each: int) -> Iterable[Request]:
    """Yield requests of up to `side` x `side` tiles; `each` is how many tiles a request may have, that all are busy."""
    tile = jobs[0].tile
    side = max(1, math.isqrt(each))
    while side > 1 and not _allowed(Window(0, 0, side * tile.size, side * tile.size).buffer(tile.margin), bands, most):
        side -= 1
    blocks: dict[tuple[int, int], list[Job]] = defaultdict(list)
    for job in jobs:
        blocks[job.tile.row // side, job.tile.column // side].append(job)
    for block in blocks.values():
        window = reduce(or_, (job.tile.outer for job in block))
        if _pixels(window) <= sum(_pixels(job.tile.outer) for job in block):
            yield Request(window, tuple(block))
        else:  # few tiles, far apart
            yield from (Request(job.tile.outer, (job,)) for job in block)


def _in_parts(job: Job, bands: int, most: int) -> list[Request]:
    windows = [job.tile.outer]
    while not _allowed(windows[0], bands, most):
        windows = [part for window in windows for part in window.quarters()]
    return [Request(window, (job,), len(windows)) for window in windows]


def _pixels(window: Window) -> int:
    return window.width * window.height

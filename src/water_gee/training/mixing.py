"""The random order of an epoch's places, in memory that does not grow with the number of tiles."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

TILES_AT_ONCE = 64  # places are mixed among at most so many tiles: what is read stays near what was just read
PLACES_AT_ONCE = 1 << 21  # and at most so many places, 16 MB, unless one tile has more


def batches_of_places(
    counts: Sequence[int],
    places_of: Callable[[int], NDArray[np.int64]],
    batch: int,
    key: tuple[int, ...] | None,
) -> Iterator[NDArray[np.int64]]:
    """Yield the places of an epoch, `batch` at a time; only the last batch may be smaller.

    Tiles are taken in random order, some at a time, and the places of those are mixed. What is left of them once the
    whole batches are gone is mixed among the next ones.

    Args:
        counts: the places of each tile.
        places_of: gives the places of a tile.
        batch: places a batch.
        key: of the random order; without it the order is that of tiles and places.
    """
    order = np.arange(len(counts)) if key is None else np.random.default_rng([*key]).permutation(len(counts))
    left = np.empty(0, dtype=np.int64)
    for group in _groups([counts[tile] for tile in order]):
        places = np.empty(len(left) + sum(counts[order[position]] for position in group), dtype=np.int64)
        places[: len(left)] = left
        filled = len(left)
        for position in group:
            tile = int(order[position])
            places[filled : filled + counts[tile]] = places_of(tile)
            filled += counts[tile]
        if key is not None:
            np.random.default_rng([*key, group.start, 1]).shuffle(places)
        end = filled if group.stop == len(order) else filled - filled % batch
        for start in range(0, end, batch):
            yield places[start : min(start + batch, end)].copy()  # a view would keep this group's places in memory
        left = places[end:].copy()
        del places


def _groups(counts: Sequence[int]) -> Iterator[range]:
    """Yield consecutive tiles that are mixed together."""
    start, places = 0, 0
    for position, count in enumerate(counts):
        if position > start and (places + count > PLACES_AT_ONCE or position - start == TILES_AT_ONCE):
            yield range(start, position)
            start, places = position, 0
        places += count
    yield range(start, len(counts))

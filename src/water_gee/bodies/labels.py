"""Numbered parts of a map, found strip by strip, and sums over them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse
from scipy.sparse.csgraph import connected_components

from water_gee.bodies.strips import Raster, Scratch, spread

Labels = NDArray[np.int32]
_EIGHT = np.ones((3, 3), dtype=np.int64)  # water that meets at a corner is one: narrow rivers stay whole


@dataclass(frozen=True)
class Numbered:
    """Parts of a map.

    `raster` holds int32 [y, x], 0 none, else a number from 1, in the order of the parts' first pixels, row by row; the
    rest is by number, that of number 0 without a meaning: `sizes` are in pixels, `sums` of the values asked for, and
    `boxes` [number, 4] tell the first row, the one after the last, and the same of columns.
    """

    raster: Raster
    count: int
    sizes: NDArray[np.float64]
    sums: tuple[NDArray[np.float64], ...]
    boxes: NDArray[np.int64]

    def without(self, some: NDArray[np.bool_]) -> "Numbered":
        """Return the same without parts, by number, whose pixels become 0."""
        return replace(self, raster=self.raster.map(lambda labels: np.where(some[labels], np.int32(0), labels)))


def number(mask: Raster, scratch: Scratch, join: int = 0, of: Sequence[Raster] = ()) -> Numbered:
    """Return the parts of a mask that touch, corners included, or have at most `join` pixels between them.

    Each strip is numbered by itself; numbers that meet at the edge of two strips are then found to be one. So parts
    come out as from the map at once, however it is cut. Sums are of at most 24 binary digits each, in 53: they are
    exact, and so the same in any order, of all but the largest parts, where the rest is far below what is printed.

    Args:
        mask: [y, x].
        scratch: for the numbers.
        join: pixels.
        of: [y, x] each, of which sums are wanted.
    """
    stored = scratch.new()
    told: list[tuple[NDArray[Any], ...]] = [(np.zeros(1), np.array([[0, 0, 0, 0]]), *(np.zeros(1) for _ in of))]
    pairs: list[NDArray[np.int64]] = []
    total, above = 0, np.zeros(mask.shape[1], dtype=np.int32)
    for first, last in mask.strips():
        wet, own = mask.around(first, last, join)
        near = spread(wet, join + 1)[own] if join else wet
        labels, count = ndimage.label(near, _EIGHT, output=np.int32)
        pairs.append(_touching(above, np.where(labels[0], labels[0] + np.int32(total), np.int32(0))))
        above = np.where(labels[-1], labels[-1] + np.int32(total), np.int32(0))
        labels[~wet[own]] = 0
        told.append(_tell(labels, count, first, [one.read(first, last) for one in of]))
        stored.append(np.where(labels, labels + np.int32(total), np.int32(0)))
        total += count
    table = _numbers(total, np.concatenate(pairs, axis=1) if pairs else np.zeros((2, 0), np.int64))
    sizes, boxes, *values = (np.concatenate(parts) for parts in zip(*told, strict=True))
    length = int(table.max()) + 1
    found = np.tile(np.array([mask.shape[0], 0, mask.shape[1], 0]), (length, 1))
    for column, reduce in enumerate((np.minimum, np.maximum, np.minimum, np.maximum)):
        reduce.at(found[:, column], table, boxes[:, column])
    rows = stored.raster(mask.shape)
    return Numbered(
        rows.map(lambda provisional: table[provisional]),
        length - 1,
        _by(table, sizes, length),
        tuple(_by(table, one, length) for one in values),
        found,
    )


def _by(table: Labels, values: NDArray[Any], length: int) -> NDArray[np.float64]:
    return np.asarray(np.bincount(table, values, length), dtype=np.float64)


def _touching(above: Labels, below: Labels) -> NDArray[np.int64]:
    """Return the pairs [2, pair] of numbers that meet at the edge of two strips, corners included."""
    width = len(above)
    pairs = [
        np.stack([above[max(-shift, 0) : width - max(shift, 0)], below[max(shift, 0) : width - max(-shift, 0)]])
        for shift in (-1, 0, 1)
    ]
    both = np.concatenate(pairs, axis=1).astype(np.int64)
    return np.unique(both[:, (both > 0).all(axis=0)], axis=1)


def _tell(labels: Labels, count: int, first: int, values: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Return the sizes, boxes and sums of a strip's parts, by number - 1."""
    inside = labels > 0
    numbers = labels[inside]
    boxes = np.full((count, 4), -1, dtype=np.int64)
    boxes[:, ::2] = np.iinfo(np.int64).max  # of parts whose pixels lie in other strips
    for index, box in enumerate(ndimage.find_objects(labels, count)):
        if box is not None:
            rows, columns = box
            boxes[index] = (first + rows.start, first + rows.stop, columns.start, columns.stop)
    sums = [np.bincount(numbers, one[inside], count + 1)[1:] for one in values]
    return np.bincount(numbers, None, count + 1)[1:].astype(np.float64), boxes, *sums


def _numbers(total: int, pairs: NDArray[np.int64]) -> Labels:
    """Return the number of the part that each number of a strip belongs to; those that meet are of one part."""
    graph = sparse.coo_matrix((np.ones(pairs.shape[1], np.bool_), (pairs[0], pairs[1])), shape=(total + 1, total + 1))
    _, part = connected_components(graph, directed=False)
    _, first, inverse = np.unique(part, return_index=True, return_inverse=True)
    rank = np.empty(len(first), dtype=np.int32)
    rank[np.argsort(first)] = np.arange(len(first), dtype=np.int32)
    return np.asarray(rank[inverse], dtype=np.int32)


def sums(labels: Raster, count: int, values: Raster | None = None) -> NDArray[np.float64]:
    """Return the sum of values [y, x] by number, of the pixels where there are no values.

    Args:
        labels: [y, x].
        count: the highest number.
        values: [y, x].
    """
    total = np.zeros(count + 1)
    for first, last in labels.strips():
        weights = None if values is None else values.read(first, last).ravel()
        total += np.bincount(labels.read(first, last).ravel(), weights, count + 1)
    return total

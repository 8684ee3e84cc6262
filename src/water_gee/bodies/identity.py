"""Names that a body keeps: inherited from earlier bodies of its place, else made of the place itself."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.bodies.labels import Labels, sums
from water_gee.bodies.strips import Raster

_CELLS = (16, 8, 4, 2, 1)  # pixels a side of the squares that a body may be named after, the first that is free
_BITS = 32  # of the number of a body, where two are kept as one
_MOST = 0.5  # of the smaller of two bodies that they must share to be the same one

Cell = tuple[int, int, int]  # side, and the column and row of the lattice in squares of that side


@dataclass
class Known:
    """Bodies of a map that have their ids: of an earlier result, or of the years so far."""

    labels: Raster  # [y, x], 0 none, else a number from 1
    ids: list[str]  # by number - 1
    formerly: list[tuple[str, ...]] = field(default_factory=list)  # by number - 1: other ids of the same place

    def __post_init__(self) -> None:
        self.formerly = self.formerly or [()] * len(self.ids)


def inherit(before: Known, labels: Raster, count: int) -> tuple[dict[int, str], dict[int, tuple[str, ...]]]:
    """Return the ids that bodies keep, and the other ids that their places had, both by number.

    A body keeps the id of an earlier one with which it shares at least half the pixels of the smaller of the two. Of
    several claims the one with most pixels counts: where bodies have merged the largest one's id stays, where one has
    split its largest part has it. The ids of the others that merged, and of the one that was split, are told as what
    the place was formerly.

    Args:
        before: the earlier bodies, on the same pixels.
        labels: [y, x], the bodies now: 0 none, else a number from 1.
        count: of the bodies now.
    """
    shared = _shared(before.labels, labels)
    old_sizes, new_sizes = sums(before.labels, len(before.ids)), sums(labels, count)
    order = sorted(shared, key=lambda pair: (-shared[pair], before.ids[pair[0] - 1]))
    kept: dict[int, str] = {}
    given: set[int] = set()
    former: dict[int, set[str]] = {}
    for old, new in order:
        most_of_old = shared[old, new] >= _MOST * old_sizes[old]
        most_of_new = shared[old, new] >= _MOST * new_sizes[new]
        if not (most_of_old or most_of_new):
            continue
        if new not in kept and old not in given:
            kept[new] = before.ids[old - 1]
            given.add(old)
        else:
            former.setdefault(new, set()).add(before.ids[old - 1])
        if kept.get(new) == before.ids[old - 1] or most_of_old:
            former.setdefault(new, set()).update(before.formerly[old - 1])
    return kept, {new: tuple(sorted(found - {kept.get(new)})) for new, found in former.items()}


def _shared(before: Raster, after: Raster) -> dict[tuple[int, int], int]:
    """Return the number of pixels of each pair of bodies that share some."""
    pairs: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    counts: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    for first, last in after.strips():
        old, new = before.read(first, last), after.read(first, last)
        both = (old > 0) & (new > 0)
        found = np.unique((old[both].astype(np.int64) << _BITS) | new[both], return_counts=True)
        pairs.append(found[0])
        counts.append(found[1])
    every, which = np.unique(np.concatenate(pairs), return_inverse=True)
    total = np.bincount(which, np.concatenate(counts), len(every)).astype(np.int64)
    return {divmod(int(pair), 1 << _BITS): int(count) for pair, count in zip(every, total, strict=True)}


def draw_ids(
    labels: Raster,
    weights: Raster,
    corner: tuple[int, int],
    wanted: Iterable[int],
    taken: set[str],
    name: Callable[[Cell], str],
) -> dict[int, str]:
    """Return an id for each of some bodies, by number: the name of a square of the lattice that it lies in.

    The square is drawn by a number that belongs to it alone, so that the same one comes out as long as the body's shape
    is about the same. For shares p and q of two shapes' weights it does with the probability
    sum_i 1 / sum_j max(p_j / p_i, q_j / q_i), the highest that a draw of one shape can have (Moulton and Jiang,
    Maximally Consistent Sampling and the Jaccard Index of Probability Distributions, ICDM 2018). Deep water weighs
    most, since shores move.

    Args:
        labels: [y, x].
        weights: [y, x], how much a pixel counts.
        corner: column and row of the lattice of the first pixel.
        wanted: the numbers of the bodies that want one; those that come first choose first.
        taken: ids that are not free; those that are given are added.
        name: returns the id that goes with a square.
    """
    wanted = list(wanted)
    found: dict[int, str] = {}
    for side in _CELLS:
        lacking = [number for number in wanted if number not in found]
        if not lacking:
            break
        numbers, columns, rows = _ranked(*_squares(labels, weights, corner, lacking, side))
        starts, ends = (np.searchsorted(numbers, lacking, how) for how in ("left", "right"))
        for number, start, end in zip(lacking, starts, ends, strict=True):
            for one in range(start, end):
                if (free := name((side, int(columns[one]), int(rows[one])))) not in taken:
                    found[number] = free
                    taken.add(free)
                    break
    return found


Squares = tuple[Labels, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


def _squares(labels: Raster, weights: Raster, corner: tuple[int, int], wanted: Sequence[int], side: int) -> Squares:
    """Return the squares of the lattice in which bodies lie: body, column, row, and the weight of the body in it."""
    asked = np.zeros(max(wanted) + 1, dtype=np.bool_)
    asked[list(wanted)] = True
    found: list[Squares] = []
    for first, last in labels.strips():
        part = labels.read(first, last)
        part[part >= len(asked)] = 0
        rows, columns = np.nonzero(asked[part])
        weight = weights.read(first, last)[rows, columns].astype(np.float64)
        numbers = part[rows, columns]
        found.append(_added(numbers, (columns + corner[0]) // side, (rows + first + corner[1]) // side, weight))
    numbers, columns, rows, weight = (np.concatenate(one) for one in zip(*found, strict=True))
    return _added(numbers, columns, rows, weight)


def _added(
    numbers: Labels, columns: NDArray[np.int64], rows: NDArray[np.int64], weight: NDArray[np.float64]
) -> Squares:
    """Return each body's squares once, with the sums of their weights."""
    order = np.lexsort((columns, rows, numbers))
    numbers, columns, rows, weight = numbers[order], columns[order], rows[order], weight[order]
    first = np.ones(len(numbers), dtype=np.bool_)
    first[1:] = (np.diff(numbers) != 0) | (np.diff(columns) != 0) | (np.diff(rows) != 0)
    starts = np.flatnonzero(first)
    return numbers[starts], columns[starts], rows[starts], np.add.reduceat(weight, starts) if len(starts) else weight


def _ranked(
    numbers: Labels, columns: NDArray[np.int64], rows: NDArray[np.int64], weight: NDArray[np.float64]
) -> tuple[Labels, NDArray[np.int64], NDArray[np.int64]]:
    """Return bodies and the columns and rows of their squares, those of a body in the order in which they are drawn."""
    keys = -np.log(_uniform(columns, rows)) / np.maximum(weight, 1e-9)  # the first of a race: P = its share of the sum
    order = np.lexsort((keys, numbers))
    return numbers[order], columns[order], rows[order]


def _uniform(columns: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a number between 0 and 1 for each square, as good as random and always the same."""
    mixed = columns.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) ^ rows.astype(np.uint64)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):  # splitmix64, S. Vigna 2015
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return (mixed >> np.uint64(11)).astype(np.float64) / 2.0**53 + 2.0**-54


def number_by_size(labels: Raster, count: int) -> Sequence[int]:
    """Return the numbers of a map's bodies, the largest first."""
    sizes = sums(labels, count)
    return [int(number) for number in np.argsort(-sizes, kind="stable") if number and sizes[number]]

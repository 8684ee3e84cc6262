"""Confusion counts by reference, method, year and place."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from water_gee.accuracy import Confusion
from water_gee.classes import UNKNOWN, WATER
from water_gee.evaluation.view import METHODS, TileView

Place = tuple[int, int]  # a block of the lattice: row and column, in blocks
Counts = dict[str, NDArray[np.int64]]  # by method: tp, fp, fn, tn
CLEAN = "clean_label"
_FATES = ("mended", "still_wrong", "wrong_left_open", "damaged", "still_right", "right_left_open")  # of raw labels


@dataclass
class Tally:
    """What was counted for one reference; every method is judged on the same pixels."""

    cells: dict[tuple[int, Place], Counts] = field(default_factory=dict)  # by year and place
    kept: dict[Place, Counts] = field(default_factory=dict)  # where the denoised label speaks: all methods and it
    fates: dict[str, int] = field(default_factory=dict)  # raw labels by what denoising made of right and wrong ones

    def total(self, method: str, year: int | None = None) -> Confusion:
        """Return the confusion of a method, over all years or in one."""
        chosen = [cell[method] for (when, _), cell in self.cells.items() if year in (None, when)]
        return confusion(np.sum(chosen, axis=0)) if chosen else Confusion()

    @property
    def years(self) -> list[int]:
        """The years in which pixels were counted."""
        return sorted({year for year, _ in self.cells})

    def denoised(self, method: str) -> NDArray[np.int64]:
        """Return a method's counts [place, tp/fp/fn/tn] where the denoised label speaks; it is the method CLEAN."""
        return np.stack([self.kept[place][method] for place in sorted(self.kept)])

    def by_place(self) -> tuple[list[Place], NDArray[np.int64]]:
        """Return the places and their counts [place, method, tp/fp/fn/tn], all years of a place together."""
        places = sorted({place for _, place in self.cells})
        counts = np.zeros((len(places), len(METHODS), 4), dtype=np.int64)
        number = {place: index for index, place in enumerate(places)}
        for (_, place), cell in self.cells.items():
            counts[number[place]] += np.stack([cell[method] for method in METHODS])
        return places, counts


@dataclass
class Counter:
    """Counts views of tiles, block by block of the lattice, for the uncertainty of the sums."""

    block: int
    tallies: dict[str, Tally] = field(default_factory=dict)

    def add(self, view: TileView) -> None:
        """Count a tile against each of its references."""
        for name, reference in view.references.items():
            tally = self.tallies.setdefault(name, Tally())
            valid = view.clear & (reference != UNKNOWN)
            truth = reference == WATER
            for place, cut in blocks(view, self.block):
                if not valid[cut].any():
                    continue
                cell = {method: _count(view.water[method][cut], truth[cut], valid[cut]) for method in METHODS}
                tally.cells[view.record.year, place] = _plus(tally.cells.get((view.record.year, place)), cell)
                if view.clean is not None:
                    kept, answers = (
                        valid[cut] & (view.clean[cut] != UNKNOWN),
                        {**view.water, CLEAN: view.clean == WATER},
                    )
                    own = {key: _count(water[cut], truth[cut], kept) for key, water in answers.items()}
                    tally.kept[place] = _plus(tally.kept.get(place), own)
            if view.clean is not None:
                found = _fates(view.water["qa_water"], view.clean, truth, valid)
                tally.fates = {name: tally.fates.get(name, 0) + pixels for name, pixels in found.items()}


def blocks(view: TileView, block: int) -> Iterable[tuple[Place, tuple[slice, slice]]]:
    """Yield each block of the lattice, `block` pixels a side, that a tile meets, and its (y, x) slices of the tile."""
    window = view.record.tile.window
    for top, y in _cuts(window.top, window.height, block):
        for left, x in _cuts(window.left, window.width, block):
            yield (top, left), (y, x)


def confusion(counts: NDArray[np.int64]) -> Confusion:
    """Return counts (tp, fp, fn, tn) as a Confusion."""
    tp, fp, fn, tn = (int(count) for count in counts)
    return Confusion(tp, fp, fn, tn)


def _cuts(start: int, length: int, block: int) -> Iterable[tuple[int, slice]]:
    """Yield each block of the lattice that meets [start, start + length), and its slice of that range."""
    for number in range(start // block, -(-(start + length) // block)):
        first, last = max(number * block, start), min((number + 1) * block, start + length)
        yield number, slice(first - start, last - start)


def _count(water: NDArray[np.bool_], truth: NDArray[np.bool_], valid: NDArray[np.bool_]) -> NDArray[np.int64]:
    found = Confusion.of(water, truth, valid)
    return np.array([found.tp, found.fp, found.fn, found.tn], dtype=np.int64)


def _plus(one: Mapping[str, NDArray[np.int64]] | None, other: Counts) -> Counts:
    return {key: one[key] + value for key, value in other.items()} if one else other


def _fates(
    raw: NDArray[np.bool_], clean: NDArray[np.uint8], truth: NDArray[np.bool_], valid: NDArray[np.bool_]
) -> dict[str, int]:
    """Return how many raw labels had which of `_FATES`: of the wrong ones, then of the right ones."""
    speaks, says = clean != UNKNOWN, clean == WATER
    wrong, right = valid & (raw != truth), valid & (raw == truth)
    found = (
        wrong & speaks & (says == truth), wrong & speaks & (says != truth), wrong & ~speaks,
        right & speaks & (says != truth), right & speaks & (says == truth), right & ~speaks,
    )  # fmt: skip
    return {name: int(np.count_nonzero(where)) for name, where in zip(_FATES, found, strict=True)}

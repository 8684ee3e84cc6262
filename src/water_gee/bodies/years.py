"""Bodies over the years: one place each, found as if every year had been added to those before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.bodies.geohash import geohash
from water_gee.bodies.identity import Cell, Known, draw_ids, inherit, number_by_size
from water_gee.bodies.shapes import Parts, Shape, find
from water_gee.bodies.strips import Raster, Scratch
from water_gee.study import Grid

WET, SEEN = np.uint8(1), np.uint8(2)  # of a year's pixel, added: it is water, it was seen


@dataclass(frozen=True)
class Bodies:
    """The bodies of some maps: their places over all years, and by number - 1 their ids and those of earlier days."""

    parts: Parts
    ids: tuple[str, ...]
    formerly: tuple[tuple[str, ...], ...]


def over_years(
    years: Iterable[Raster],
    areas: Raster,
    shape: Shape,
    corner: tuple[int, int],
    name: Callable[[Cell], str],
    scratch: Scratch,
    earlier: Known | None = None,
) -> Bodies:
    """Return the bodies of all years' water together.

    They are found anew with each year, and take over the ids of those found without it. So a year that is added at the
    end changes no id; where it makes one body of two, the larger one's stays. What `earlier` bodies have comes first.

    Args:
        years: of each year, in order, WET, SEEN, both or 0 of each pixel, [y, x].
        areas: [y, x], of each pixel, in m2.
        shape: what decides which water is one body.
        corner: column and row of the lattice of the first pixel.
        name: returns the id that goes with a square of the lattice.
        scratch: for what is found on the way.
        earlier: bodies whose ids are kept, on the same pixels.
    """
    so_far = Raster(areas.shape, lambda first, last: np.zeros((last - first, areas.shape[1]), dtype=np.uint8))
    known = Known(so_far, [])
    taken: set[str] = set()
    parts: Parts | None = None
    for year in years:
        together, more = _added(so_far, year, scratch)
        if parts is not None and not more:
            continue
        so_far = together
        parts = find(so_far.map(_is_wet), so_far.map(_is_land), areas, shape, scratch)
        known = _named(parts, [known], corner, name, taken)
    assert parts is not None, "a study has a year"
    if earlier is not None:
        known = _named(parts, [earlier, known], corner, name, taken | set(earlier.ids))
    return Bodies(parts, tuple(known.ids), tuple(known.formerly))


def _added(before: Raster, year: Raster, scratch: Scratch) -> tuple[Raster, bool]:
    """Return what all years together show, and whether the last one adds anything."""
    stored, more = scratch.new(), False
    for first, last in year.strips():
        old = before.read(first, last)
        new = old | year.read(first, last)
        more = more or bool((new != old).any())
        stored.append(new)
    return stored.raster(year.shape), more


def _is_wet(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((pixels & WET) > 0, dtype=np.bool_)


def _is_land(pixels: NDArray[np.uint8]) -> NDArray[np.bool_]:
    return np.asarray((pixels & (WET | SEEN)) == SEEN, dtype=np.bool_)


def _named(
    parts: Parts, before: list[Known], corner: tuple[int, int], name: Callable[[Cell], str], taken: set[str]
) -> Known:
    """Return the bodies with ids: of the first of `before` that has one for a body's place and it is free, or new."""
    ids: dict[int, str] = {}
    formerly: dict[int, set[str]] = {}
    for one in before:
        kept, former = inherit(one, parts.labels, parts.count)
        given = set(ids.values()) | set(before[0].ids if one is not before[0] else ())
        for number, others in former.items():
            if number not in ids:  # of a body that has the id of an earlier result, that result knows the others
                formerly.setdefault(number, set()).update(others)
        ids |= {number: found for number, found in kept.items() if number not in ids and found not in given}
    weights = parts.depth.map(np.square)
    lacking = [number for number in number_by_size(parts.labels, parts.count) if number not in ids]
    ids |= draw_ids(parts.labels, weights, corner, lacking, taken, name)
    numbers = range(1, parts.count + 1)
    return Known(
        parts.labels,
        [ids[number] for number in numbers],
        [tuple(sorted(formerly.get(number, set()) - {ids[number]})) for number in numbers],
    )


def names_of_places(grid: Grid, to_degrees: Callable[[float, float], tuple[float, float]]) -> Callable[[Cell], str]:
    """Return what makes an id of a square of the lattice: the geohash of its centre."""

    def name(cell: Cell) -> str:
        side, column, row = cell
        x = grid.origin[0] + (column + 0.5) * side * grid.scale
        y = grid.origin[1] - (row + 0.5) * side * grid.scale
        return geohash(*to_degrees(x, y))

    return name

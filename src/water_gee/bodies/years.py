"""Bodies over the years: one place each, found as if every year had been added to those before it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.bodies.distances import Mask
from water_gee.bodies.geohash import geohash
from water_gee.bodies.identity import Cell, Known, draw_ids, inherit, number_by_size
from water_gee.bodies.shapes import Parts, Shape, find
from water_gee.study import Grid

Water = tuple[Mask, Mask]  # [y, x] each: what is water, and what was seen


@dataclass(frozen=True)
class Bodies:
    """The bodies of some maps: their places over all years, and by number - 1 their ids and those of earlier days."""

    parts: Parts
    ids: tuple[str, ...]
    formerly: tuple[tuple[str, ...], ...]


def over_years(
    waters: Iterable[Water],
    areas: NDArray[np.float32],
    shape: Shape,
    corner: tuple[int, int],
    name: Callable[[Cell], str],
    earlier: Known | None = None,
) -> Bodies:
    """Return the bodies of all years' water together.

    They are found anew with each year, and take over the ids of those found without it. So a year that is added at the
    end changes no id; where it makes one body of two, the larger one's stays. What `earlier` bodies have comes first.

    Args:
        waters: of each year, in order.
        areas: [y, x], of each pixel, in m2.
        shape: what decides which water is one body.
        corner: column and row of the lattice of the first pixel.
        name: returns the id that goes with a square of the lattice.
        earlier: bodies whose ids are kept, on the same pixels.
    """
    water, seen = np.zeros(areas.shape, dtype=np.bool_), np.zeros(areas.shape, dtype=np.bool_)
    known = Known(np.zeros(areas.shape, dtype=np.int32), [])
    taken: set[str] = set()
    parts: Parts | None = None
    for wet, looked in waters:
        if parts is not None and not (wet & ~water).any() and not (looked & ~seen).any():
            continue
        parts = None  # the next ones need its memory
        water |= wet
        seen |= looked
        parts = find(water, seen & ~water, areas, shape)
        known = _named(parts, [known], corner, name, taken)
    assert parts is not None, "a study has a year"
    if earlier is not None:
        known = _named(parts, [earlier, known], corner, name, taken | set(earlier.ids))
    return Bodies(parts, tuple(known.ids), tuple(known.formerly))


def _named(
    parts: Parts, before: list[Known], corner: tuple[int, int], name: Callable[[Cell], str], taken: set[str]
) -> Known:
    """Return the bodies with ids: of the first of `before` that has one for a body's place and it is free, or new."""
    ids: dict[int, str] = {}
    formerly: dict[int, set[str]] = {}
    for one in before:
        kept, former = inherit(one, parts.labels)
        given = set(ids.values()) | set(before[0].ids if one is not before[0] else ())
        for number, others in former.items():
            if number not in ids:  # of a body that has the id of an earlier result, that result knows the others
                formerly.setdefault(number, set()).update(others)
        ids |= {number: found for number, found in kept.items() if number not in ids and found not in given}
    lacking = [number for number in number_by_size(parts.labels) if number not in ids]
    ids |= draw_ids(parts.labels, parts.depth**2, corner, lacking, taken, name)
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

"""Rivers apart from lakes, by how wide the water is and how long for its width."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from water_gee.bodies.distances import to_nearest
from water_gee.bodies.labels import Numbered, number, sums
from water_gee.bodies.strips import Raster, Scratch, spread

KINDS = ("lake", "river")
_WIDE = 3  # times longer for its width than narrow water must wide water be to count as a river
_ROUNDS = 3  # in which small parts join what is near
_TELLING = 4  # times the smallest body's area: a part below it has no shape of its own


@dataclass(frozen=True)
class Shape:
    """What decides which water is one body, and whether it is a river."""

    join: int  # pixels of land, at most, between parts of one body
    smallest: float  # m2 of a body that is kept
    river_width: float  # m: what is wider is a lake, unless it is very long
    elongation: float  # length by width from which narrow water is a river
    sides: tuple[float, float]  # m, height and width of a pixel


@dataclass(frozen=True)
class Parts:
    """The bodies of a map: `labels` int32 [y, x], 0 none, else a number from 1; `kinds` and the rest by number - 1."""

    labels: Raster
    kinds: NDArray[np.str_]
    depth: Raster  # m to the nearest land, [y, x]
    width: NDArray[np.float64]  # m
    elongation: NDArray[np.float64]  # length by width
    dropped: Raster  # [y, x], a mask: water of bodies that are too small

    @property
    def count(self) -> int:
        """The number of bodies."""
        return len(self.kinds)


def find(water: Raster, land: Raster, areas: Raster, shape: Shape, scratch: Scratch) -> Parts:
    """Return the bodies of a map of water, large lakes and the rivers that enter them apart.

    Water is one where it touches, corners included, or where at most `join` pixels lie between. Its width is four
    times its mean distance to the land, its length the diagonal of the rectangle around it, and its elongation the
    smaller of area / width^2 and length^2 / area: both are length by width of a straight strip, and the smaller one is
    1.8 of a disc and 2 of a square. A lake with ragged shores is narrow and has no great length; a river in many bends
    covers little of its length squared.

    Water in which a disc of `river_width` finds room is wide, and a lake unless its elongation is at least three
    times `elongation`. Narrow water beside it is a river where it is elongated, else a bay. A body without wide water
    is the one or the other as a whole. Parts too small to be bodies stay with what they touch.

    Args:
        water: [y, x].
        land: [y, x], what was seen and never was water; what is neither water nor land is unknown and no shore.
        areas: [y, x], of each pixel, in m2.
        shape: the choices.
        scratch: for what is found on the way.
    """
    whole = number(water, scratch, shape.join, [areas])
    whole = whole.without(_smaller(whole.sums[0], shape.smallest))
    kept = scratch.keep(whole.raster.map(lambda labels: labels > 0))
    depth = scratch.keep(_depth(kept, land, shape.sides))
    river = _give_away(kept, _rivers(whole, kept, depth, areas, shape, scratch), areas, shape, scratch)
    lakes, rivers = _both(kept, river, depth, areas, shape, scratch)
    small = [_smaller(one.sums[0], shape.smallest) for one in (lakes, rivers)]
    if any(one.any() for one in small):  # parts that lie by themselves
        left = lakes.without(~small[0]).raster, rivers.without(~small[1]).raster
        kept = scratch.keep(kept.map(lambda is_kept, lake, other: is_kept & (lake == 0) & (other == 0), *left))
        lakes, rivers = _both(kept, river, depth, areas, shape, scratch)
    shift = np.int32(lakes.count)
    labels = scratch.keep(lakes.raster.map(lambda lake, other: np.where(other > 0, other + shift, lake), rivers.raster))
    kinds = np.array([KINDS[0]] * lakes.count + [KINDS[1]] * rivers.count, dtype="U5")
    forms = [_measure(one, one.sums[0], one.sums[1], shape.sides) for one in (lakes, rivers)]
    width, elongation = (np.concatenate([form[which][1:] for form in forms]) for which in (0, 1))
    return Parts(labels, kinds, depth, width, elongation, water.map(lambda wet, of: wet & (of == 0), labels))


def _both(
    kept: Raster, river: Raster, depth: Raster, areas: Raster, shape: Shape, scratch: Scratch
) -> tuple[Numbered, Numbered]:
    """Return all lakes and all rivers."""
    of = [areas, depth]
    lakes = number(kept.map(lambda is_kept, flows: is_kept & ~flows, river), scratch, shape.join, of)
    return lakes, number(kept.map(np.logical_and, river), scratch, shape.join, of)


def _smaller(sizes: NDArray[np.float64], least: float) -> NDArray[np.bool_]:
    """Return which parts, by number, are smaller; number 0 is none."""
    small = sizes < least
    small[0] = False
    return small


def _depth(kept: Raster, land: Raster, sides: tuple[float, float]) -> Raster:
    """Return the distance of water to the land's edge, in metres, [y, x]; 0 of what is no water.

    It is measured from a pixel's centre, less half a pixel; where water is an odd number of pixels wide, the middle
    one is on average a quarter of a pixel nearer to the land than its centre is.
    """
    nearest = to_nearest(land, kept, sides)
    plain = kept.map(lambda wet, near: np.where(wet, near - np.float32(min(sides) / 2), np.float32(0)), nearest)

    def read(first: int, last: int) -> NDArray[np.float32]:
        depth, own = plain.around(first, last, 1)
        across = np.zeros(depth.shape, dtype=np.bool_)
        for axis in (0, 1):
            inner = [slice(None), slice(None)]
            inner[axis] = slice(1, -1)
            cuts = (slice(1, -1), slice(-2), slice(2, None))
            middle, before, after = (np.moveaxis(depth, axis, 0)[cut] for cut in cuts)
            across[tuple(inner)] |= np.moveaxis((middle > before) & (middle > after), 0, axis)
        depth[across] -= np.float32(min(sides) / 4)
        return np.asarray(depth[own], dtype=np.float32)

    return Raster(kept.shape, read)


def _rivers(whole: Numbered, kept: Raster, depth: Raster, areas: Raster, shape: Shape, scratch: Scratch) -> Raster:
    """Return which water is a river, a mask [y, x]."""
    half = shape.river_width / 2
    reach = half + min(shape.sides) / 2
    near = to_nearest(depth.map(lambda metres: metres > half), kept, shape.sides, within=reach)
    wide = scratch.keep(kept.map(lambda is_kept, metres: is_kept & (metres <= reach), near))
    broad = number(wide, scratch, of=[depth, areas])
    narrow = number(kept.map(lambda is_kept, is_wide: is_kept & ~is_wide, wide), scratch, of=[depth, areas])
    has_wide = sums(whole.raster, whole.count, wide) > 0
    depths = sums(whole.raster, whole.count, depth)
    is_broad = _measure(broad, broad.sums[1], broad.sums[0], shape.sides)[1] >= _WIDE * shape.elongation
    is_narrow = _measure(narrow, narrow.sums[1], narrow.sums[0], shape.sides)[1] >= shape.elongation
    is_whole = _measure(whole, whole.sums[0], depths, shape.sides)[1] >= shape.elongation

    def flows(of: NDArray[np.int32], wider: NDArray[np.int32], narrower: NDArray[np.int32]) -> NDArray[np.bool_]:
        parted = ((wider > 0) & is_broad[wider]) | ((narrower > 0) & is_narrow[narrower] & has_wide[of])
        return np.asarray(parted | ((of > 0) & ~has_wide[of] & is_whole[of]), dtype=np.bool_)

    return scratch.keep(whole.raster.map(flows, broad.raster, narrow.raster))


def _give_away(kept: Raster, river: Raster, areas: Raster, shape: Shape, scratch: Scratch) -> Raster:
    """Return which water is a river after parts too small to have a shape took the kind of water that is near."""
    size = 2 * shape.join + 3
    for of_river in (False, True) * _ROUNDS:
        same, others = (kept.map(partial(_of_kind, kind), river) for kind in (of_river, not of_river))
        parts = number(same, scratch, shape.join, [areas, _grown(others, size)])
        small = _smaller(parts.sums[0], _TELLING * shape.smallest) & (parts.sums[1] > 0)
        if small.any():
            river = scratch.keep(parts.raster.map(partial(_changed, small, not of_river), river))
    return river


def _of_kind(of_river: bool, kept: NDArray[np.bool_], flows: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return np.asarray(kept & (flows == of_river), dtype=np.bool_)


def _changed(
    some: NDArray[np.bool_], to: bool, labels: NDArray[np.int32], flows: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    return np.asarray(np.where(some[labels], to, flows), dtype=np.bool_)


def _grown(mask: Raster, size: int) -> Raster:
    """Return a mask that is wider by `size` // 2 pixels to every side."""

    def read(first: int, last: int) -> NDArray[np.bool_]:
        values, own = mask.around(first, last, size // 2)
        return np.asarray(spread(values, size)[own], dtype=np.bool_)

    return Raster(mask.shape, read)


def _measure(
    parts: Numbered, area: NDArray[np.float64], depths: NDArray[np.float64], sides: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return width (m) and elongation by number, those of number 0 without a meaning."""
    width = 4 * depths / np.maximum(parts.sizes, 1)
    width[width <= 0] = np.inf  # number 0
    height, length = (parts.boxes[:, 1::2] - parts.boxes[:, ::2]).T
    reach = np.hypot(height * sides[0], length * sides[1])
    area = np.maximum(area, 1e-9)
    return width, np.minimum(area / width**2, reach**2 / area)

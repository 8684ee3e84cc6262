"""Rivers apart from lakes, by how wide the water is and how long for its width."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.bodies.distances import Mask, to_nearest
from water_gee.bodies.labels import Labels, joined, numbered, sums

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

    labels: Labels
    kinds: NDArray[np.str_]
    depth: NDArray[np.float32]  # m to the nearest land, [y, x]
    width: NDArray[np.float64]  # m
    elongation: NDArray[np.float64]  # length by width
    dropped: Mask  # [y, x]: water of bodies that are too small

    @property
    def count(self) -> int:
        """The number of bodies."""
        return len(self.kinds)


def find(water: Mask, land: Mask, areas: NDArray[np.float32], shape: Shape) -> Parts:
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
    """
    whole = joined(water, shape.join)
    sizes = sums(whole, areas)
    small = sizes < shape.smallest
    small[0] = False
    dropped = small[whole]
    whole[dropped] = 0
    kept = whole > 0
    depth = _depth(kept, land, shape.sides)
    river = _rivers(whole, kept, depth, areas, shape)
    del whole
    _give_away(kept, river, areas, shape)
    labels, count = _numbered(kept, river, shape.join)
    small = sums(labels, areas) < shape.smallest
    small[0] = False
    if small.any():  # parts that lie by themselves
        left = small[labels]
        dropped |= left
        labels, count = _numbered(kept & ~left, river & ~left, shape.join)
    total = int(labels.max(initial=0))
    kinds = np.array([KINDS[0]] * count + [KINDS[1]] * (total - count), dtype="U5")
    width, elongation = _measure(labels, depth, areas, shape.sides)
    return Parts(labels, kinds, depth, width[1:], elongation[1:], dropped)


def _numbered(kept: Mask, river: Mask, join: int) -> tuple[Labels, int]:
    """Return the numbers of all bodies, lakes before rivers, and how many lakes there are."""
    labels = joined(kept & ~river, join)
    count = int(labels.max(initial=0))
    rivers = joined(river, join)
    labels[river] = rivers[river] + np.int32(count)
    return labels, count


def _depth(kept: Mask, land: Mask, sides: tuple[float, float]) -> NDArray[np.float32]:
    """Return the distance of water to the land's edge, in metres, [y, x]; 0 of what is no water.

    It is measured from a pixel's centre, less half a pixel; where water is an odd number of pixels wide, the middle
    one is on average a quarter of a pixel nearer to the land than its centre is.
    """
    depth = np.where(kept, to_nearest(land, sides) - np.float32(min(sides) / 2), np.float32(0))
    across = np.zeros(depth.shape, dtype=np.bool_)
    for axis in (0, 1):
        inner = [slice(None), slice(None)]
        inner[axis] = slice(1, -1)
        middle, before, after = (np.moveaxis(depth, axis, 0)[cut] for cut in (slice(1, -1), slice(-2), slice(2, None)))
        across[tuple(inner)] |= np.moveaxis((middle > before) & (middle > after), 0, axis)
    depth[across] -= np.float32(min(sides) / 4)
    return depth


def _rivers(whole: Labels, kept: Mask, depth: NDArray[np.float32], areas: NDArray[np.float32], shape: Shape) -> Mask:
    """Return which water is a river, [y, x]."""
    half = shape.river_width / 2
    core = depth > half
    reach = half + min(shape.sides) / 2
    wide = kept & (to_nearest(core, shape.sides, within=reach) <= reach)
    broad, narrow = numbered(wide), numbered(kept & ~wide)
    has_wide = np.zeros(int(whole.max(initial=0)) + 1, dtype=np.bool_)
    has_wide[np.unique(whole[wide])] = True
    beside = has_wide[whole]
    river = np.zeros(kept.shape, dtype=np.bool_)
    for parts, among, least in (
        (broad, wide, _WIDE * shape.elongation),
        (narrow, beside & ~wide, shape.elongation),
        (whole, kept & ~beside, shape.elongation),
    ):
        _, elongation = _measure(parts, depth, areas, shape.sides)
        river |= (elongation >= least)[parts] & among
    return river


def _give_away(kept: Mask, river: Mask, areas: NDArray[np.float32], shape: Shape) -> None:
    """Change the kind of parts that are too small to have a shape, where water of the other kind is near."""
    for of_river in (False, True) * _ROUNDS:
        same = kept & (river == of_river)
        parts = joined(same, shape.join)
        small = sums(parts, areas) < _TELLING * shape.smallest
        small[0] = False
        if not small.any():
            continue
        other = ndimage.maximum_filter(kept & ~same, size=2 * shape.join + 3)
        near = np.zeros(len(small), dtype=np.bool_)
        near[np.unique(parts[other & same])] = True
        river[(small & near)[parts]] = not of_river


def _measure(
    labels: Labels, depth: NDArray[np.float32], areas: NDArray[np.float32], sides: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return width (m) and elongation by number, those of number 0 without a meaning."""
    count = int(labels.max(initial=0))
    width = 4 * sums(labels, depth, count) / np.maximum(sums(labels, None, count), 1)
    width[width <= 0] = np.inf  # number 0
    reach = np.zeros(count + 1)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            reach[number] = np.hypot(*((cut.stop - cut.start) * side for cut, side in zip(box, sides, strict=True)))
    area = np.maximum(sums(labels, areas, count), 1e-9)
    return width, np.minimum(area / width**2, reach**2 / area)

"""What every method works with: which pixels may be used, what is said of each, and how sure it is."""

from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.tiles import TileData

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
ABSTAIN = UNKNOWN


class Reason(IntEnum):
    """Why a pixel has the clean label that it has.

    Which side a label is on, and whether that is another than the raw label's, says the label itself.
    """

    KEPT = 0  # the raw label stands
    UNSEEN = 1  # abstained: the pixel itself is fill or cloud, or had no clear look
    NEIGHBOUR = 2  # abstained: its window touches fill or cloud, or the edge of what is known
    UNSURE = 3  # abstained: the method's confidence is too low
    FLIPPED = 4  # water became land, or land water: v1's network says so
    OUTLIER = 5  # abstained: unlike the rest of its class
    SHORE = 6  # a shore pixel was unmixed into the water and the land beside it
    EVIDENCE = 7  # other sources outweigh the label
    LEARNED = 8  # a classifier learned from the area says so
    OBJECT = 9  # the whole connected body that it belongs to was judged
    TERRAIN = 10  # slope or shadow rules water out


@dataclass(frozen=True)
class CleanLabel:
    """A tile's clean labels, margin included.

    `label` [y, x] is 0 land, 1 water, 255 abstain; `confidence` [y, x] is the probability of the given label,
    NaN where the label abstains; `reason` [y, x] holds codes of `Reason`. `notes` says in numbers what the
    method did to this tile; they are kept with the file.
    """

    label: NDArray[np.uint8]
    confidence: Float
    reason: NDArray[np.uint8]
    notes: dict[str, int] = field(default_factory=dict)


def visible(tile: TileData) -> Boolean:
    """Return where a pixel [y, x] has a value in every feature and at least one clear look."""
    seen: Boolean = ~np.isnan(tile.features).any(axis=0) & ~np.isnan(tile.share) & (tile.looks > 0)
    return seen


def usable(tile: TileData, radius: int) -> Boolean:
    """Return the pixels [y, x] whose whole window of `radius` is visible.

    A window that leaves the stored tile counts as not visible: nothing is known there.
    """
    size = 2 * radius + 1
    whole = ndimage.minimum_filter(visible(tile).astype(np.uint8), size=size, mode="constant", cval=0)
    return np.asarray(whole, dtype=bool)


def agreement(share: Float, looks: Float) -> Float:
    """Return how likely the next clear look gives the raw label again, [y, x].

    Laplace's rule of succession, (k + 1) / (n + 2), with k of n looks that agree with the label: one look gives
    2/3, six unanimous looks 7/8, and half of the looks 1/2.
    """
    agreeing = looks * np.maximum(share, 1 - share)
    return np.asarray((agreeing + 1) / (looks + 2), dtype=np.float32)


def assemble(
    tile: TileData,
    used: Boolean,
    water: Boolean,
    confidence: Float,
    notes: dict[str, int] | None = None,
    *,
    flip: Reason = Reason.FLIPPED,
    unsure: Boolean | None = None,
) -> CleanLabel:
    """Return clean labels from a method's decision, which counts on the pixels of `used` alone.

    Args:
        tile: the tile with its raw label.
        used: pixels [y, x] that the method judges; elsewhere the label abstains.
        water: the method's decision [y, x].
        confidence: the probability of that decision [y, x].
        notes: what the method did, in numbers.
        flip: why a label is on another side than the raw one.
        unsure: pixels [y, x] of which the method is too unsure for a label.
    """
    raw, given = tile.label, used if unsure is None else used & ~unsure
    label = np.where(given, np.where(water, WATER, LAND), ABSTAIN).astype(np.uint8)
    reason = np.where(given, np.where(label == raw, Reason.KEPT, flip), Reason.UNSURE)
    reason = np.where(used, reason, np.where(visible(tile), Reason.NEIGHBOUR, Reason.UNSEEN)).astype(np.uint8)
    sure = np.where(given, confidence, np.nan).astype(np.float32)
    return CleanLabel(label, sure, reason, notes or {})

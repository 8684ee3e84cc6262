"""By how much one run is better than another on the same validation tiles, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import WaterGeeError
from water_gee.files import read_json

_RESAMPLES = 2000
_LEVEL = (2.5, 97.5)  # percentiles of a 95 % interval
_FEWEST_TILES = 2  # one tile resampled is that tile again


@dataclass(frozen=True)
class Difference:
    """The IoU of one run less that of another over the same tiles, with its 95 % interval."""

    value: float
    low: float
    high: float
    tiles: int


def tile_counts(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return (tp, fp, fn, tn) of each validation tile of a run's folder; none where the run did not keep them."""
    try:
        content = read_json(folder / "validation_tiles.json")
        return {str(tile): (row["tp"], row["fp"], row["fn"], row["tn"]) for tile, row in content.items()}
    except (WaterGeeError, AttributeError, KeyError, TypeError):
        return {}


def paired_difference(
    first: Mapping[str, tuple[int, int, int, int]], second: Mapping[str, tuple[int, int, int, int]]
) -> Difference | None:
    """Return the IoU of `first` less that of `second`, or None where they cannot be paired.

    Tiles, not pixels, are drawn with replacement (Efron, 1979), since neighbouring pixels err together; both
    runs get the same draw, so that what is hard for both cancels.

    Args:
        first: (tp, fp, fn, tn) by tile.
        second: the same of the other run; it pairs only if tiles and labels are the same.
    """
    names = sorted(first)
    if len(names) < _FEWEST_TILES or names != sorted(second):
        return None
    counts = np.array([[first[name], second[name]] for name in names], dtype=np.int64)  # [tile, run, 4]
    labelled_water, labelled_land = counts[..., 0] + counts[..., 2], counts[..., 1] + counts[..., 3]
    if (labelled_water[:, 0] != labelled_water[:, 1]).any() or (labelled_land[:, 0] != labelled_land[:, 1]).any():
        return None
    draws = np.random.default_rng(0).multinomial(len(names), np.full(len(names), 1 / len(names)), size=_RESAMPLES)
    low, high = np.percentile(_difference(np.tensordot(draws, counts, axes=1)), _LEVEL)
    return Difference(float(_difference(counts.sum(axis=0))), float(low), float(high), len(names))


def _difference(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the IoU of the first run less that of the second, of counts [..., run, 4]."""
    union = counts[..., :3].sum(axis=-1)
    iou = np.divide(counts[..., 0], union, out=np.zeros(union.shape), where=union > 0)
    difference: NDArray[np.float64] = iou[..., 0] - iou[..., 1]
    return difference

"""By how much one run is better than another on the same validation tiles, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from water_gee.bootstrap import Interval, iou, resampled_iou
from water_gee.errors import WaterGeeError
from water_gee.files import read_json

_RESAMPLES = 2000
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

    Its interval is a bootstrap over the tiles, the same draw for both runs.

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
    drawn = resampled_iou(counts, resamples=_RESAMPLES, seed=0)
    interval, value = Interval.of(drawn[:, 0] - drawn[:, 1]), iou(counts.sum(axis=0))
    return Difference(float(value[0] - value[1]), interval.low, interval.high, len(names))

"""By how much one run is better than another on the same validation tiles, and how sure that is."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from water_gee.bootstrap import Interval, iou, resampled_iou
from water_gee.errors import WaterGeeError
from water_gee.files import is_there, read_json

_RESAMPLES = 2000
_MOST_PIXELS = 1 << 40  # of a tile: far more than there can be
_FEWEST_TILES = 2  # one tile resampled is that tile again


@dataclass(frozen=True)
class Difference:
    """The IoU of one run less that of another over the same tiles, with its 95 % interval."""

    value: float
    low: float
    high: float
    tiles: int


def tile_counts(folder: Path) -> dict[str, tuple[int, int, int, int]]:
    """Return (tp, fp, fn, tn) of each validation tile of a run's folder; none where the run did not keep them.

    Raises:
        WaterGeeError: the file that keeps them is broken.
    """
    path = folder / "validation_tiles.json"
    if not is_there(path):
        return {}
    try:
        return {str(tile): _counts(row) for tile, row in read_json(path).items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise WaterGeeError(f"{path} does not hold counts by tile; delete it, or train the run again") from error


def _counts(row: Mapping[str, Any]) -> tuple[int, int, int, int]:
    counts = (row["tp"], row["fp"], row["fn"], row["tn"])
    if any(type(count) is not int or not 0 <= count < _MOST_PIXELS for count in counts):
        raise ValueError(counts)
    return counts


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

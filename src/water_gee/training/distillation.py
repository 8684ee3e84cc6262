"""A trained model as the teacher of another network: its probabilities beside the labels, found once."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from water_gee.denoise import ABSTAIN
from water_gee.errors import ConfigError, TileError
from water_gee.models import TrainedModel
from water_gee.progress import say
from water_gee.tiles import TileRecord
from water_gee.training.fit import probability
from water_gee.training.split import Split
from water_gee.training.store import TileStore, nameless

Ground = dict[str, list[list[float]]]  # left, bottom, right, top of places, by coordinate reference system


def taught(store: TileStore, split: Split, teacher: TrainedModel, folder: Path) -> TileStore:
    """Return the store with the teacher's probability of water for the seen pixels of the training tiles.

    Args:
        store: the tiles; it stays as it is.
        split: which tiles train; the validation tiles have no teacher.
        teacher: reads the features of the store; its probability is the calibrated one.
        folder: on whose disk the probabilities lie, in a file without a name.

    Raises:
        ConfigError: the teacher was trained on ground that validates here.
        TileError: the margin is smaller than its radius.
    """
    radius = teacher.network.radius
    if radius > store.margin:
        raise TileError(
            f"distil.from reads {radius} pixels around each and the tiles have a margin of {store.margin}; "
            f"run again: water-gee tiles tiles.margin={radius}"
        )
    check_apart(teacher, [store.records[tile] for tile in split.validation])
    shape = store.labels.shape
    probabilities = nameless(folder, shape, np.float32)
    probabilities[:] = np.nan
    alone = 0
    for tile in split.training:
        probabilities[tile] = probability(teacher, store, tile)
        alone += int(np.count_nonzero((store.labels[tile] == ABSTAIN) & ~np.isnan(probabilities[tile])))
    say(f"the teacher, a {teacher.kind}, has seen {len(split.training)} tiles; of {alone:,} pixels it alone tells")
    return replace(store, teacher=probabilities)


def check_apart(teacher: TrainedModel, validation: Sequence[TileRecord]) -> None:
    """Check that a teacher has not learned from the ground of the validation tiles, whatever tiles it had.

    Where that is not known, it is said: validation may then be too good.

    Args:
        teacher: its metadata hold its `ground`, unless it was trained by an earlier version.
        validation: tiles of one coordinate reference system.

    Raises:
        ConfigError: it has.
    """
    ground: Ground = teacher.metadata.get("ground") or {}
    known = np.array(ground.get(validation[0].crs, []), dtype=np.float64).reshape(-1, 4)
    if not len(known):
        say("the teacher does not tell where it was trained; on tiles that validate here, validation would be too good")
    for record in validation:
        left, bottom, right, top = _own(record)
        over = (known[:, 0] < right) & (left < known[:, 2]) & (known[:, 1] < top) & (bottom < known[:, 3])
        if over.any():
            raise ConfigError(
                f"distil.from was trained on ground of {record.area}/{record.id}, which validates here; train the "
                "teacher on these tiles and labels with the same data.validation"
            )


def ground_of(records: Sequence[TileRecord], *earlier: TrainedModel | None) -> Ground:
    """Return where a network was trained: its tiles, and the ground of those from which it started or learned."""
    found: dict[str, set[tuple[float, ...]]] = {}
    for record in records:
        found.setdefault(record.crs, set()).add(_own(record))
    for model in earlier:
        inherited: dict[str, Any] = (model.metadata.get("ground") or {}) if model else {}
        for crs, places in inherited.items():
            found.setdefault(crs, set()).update(tuple(place) for place in places)
    return {crs: [list(place) for place in sorted(places)] for crs, places in sorted(found.items())}


def _own(record: TileRecord) -> tuple[float, float, float, float]:
    """Return left, bottom, right and top of a tile without its margin."""
    margin = record.margin * record.scale
    return record.left + margin, record.bottom + margin, record.right - margin, record.top - margin

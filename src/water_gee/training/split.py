"""Training and validation apart in space."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import TileError
from water_gee.tiles import TileRecord

Place = tuple[int, int]  # a tile's column and row: the same ground in every year


@dataclass(frozen=True)
class Split:
    """Positions of the tiles for training and for validation in the list that was split."""

    training: tuple[int, ...]
    validation: tuple[int, ...]


def split_tiles(records: Sequence[TileRecord], water: Sequence[int], share: float) -> Split:
    """Divide tiles into training and validation by place, all years of a place on one side.

    A tile is a block of many pixels, so blocks are apart in space. The places are ranked by their labelled
    water and the validation places taken evenly along the rank: they represent the water of all tiles, and
    neither the seed nor the machine changes them, so that the runs of a study compare.

    Args:
        records: tiles that hold labels.
        water: labelled water pixels of each.
        share: of the places that validate, between 0 and 1; at least one place, at most all but one.

    Raises:
        TileError: there are fewer than two places.
    """
    by_place: dict[Place, int] = {}
    for record, pixels in zip(records, water, strict=True):
        place = (record.column, record.row)
        by_place[place] = by_place.get(place, 0) + pixels
    count = len(by_place)
    if count < 2:
        raise TileError(
            f"training needs labelled tiles at 2 places or more, one of them to validate on, and finds {count}; "
            "widen areas.train of the study, or choose a smaller tiles.size, and run: water-gee tiles"
        )
    ranked = sorted(by_place, key=lambda place: (by_place[place], place))
    chosen_count = min(max(1, round(count * share)), count - 1)
    chosen = {ranked[int((number + 0.5) * count / chosen_count)] for number in range(chosen_count)}
    sides: Mapping[bool, list[int]] = {True: [], False: []}
    for position, record in enumerate(records):
        sides[(record.column, record.row) in chosen].append(position)
    return Split(tuple(sides[False]), tuple(sides[True]))


def too_near(record: TileRecord, validation: Sequence[TileRecord], radius: int) -> NDArray[np.bool_]:
    """Return where [y, x] a tile's own pixel lies within twice the radius of a validation tile.

    The windows of two pixels further apart than that share no pixel.
    """
    own = record.tile.window
    near = np.zeros((own.height, own.width), dtype=bool)
    if radius == 0:
        return near
    for other in validation:
        reach = other.tile.window.buffer(2 * radius)
        if own.intersects(reach):
            ys, xs = reach.within(own)
            near[max(ys.start, 0) : max(ys.stop, 0), max(xs.start, 0) : max(xs.stop, 0)] = True
    return near

"""What a deployment consists of: blocks of the lattice a year, each with a name that says what it is."""

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shapely.geometry.base import BaseGeometry

from water_gee.study import Grid, Window, tiles_of

FORMAT = 1  # raise when the same choices would give other maps
_STUDY = 36  # letters of a study's name in a task's, which has 100 at most


@dataclass(frozen=True)
class Season:
    """One year's map: the image, and the mark of all that it depends on.

    Attributes:
        year: of the season.
        image: the `ee.Image` of water and probability, with the properties that a catalogue needs.
        mark: 64 hexadecimal digits.
    """

    year: int
    image: Any
    mark: str


@dataclass(frozen=True)
class Block:
    """A rectangle of one year's map that one task exports.

    Attributes:
        name: of the result; study, year, column and row, model and mark are in it.
        season: whose map it is a part of.
        id: the block's year, column and row.
        window: of the lattice.
    """

    name: str
    season: Season
    id: str
    window: Window

    def description(self, number: int) -> str:
        """Return the name of the block's task of that number."""
        return f"{self.name}-{number}"

    def number_of(self, description: str) -> int | None:
        """Return the number of the block's task that has a description; None of another block's."""
        found = re.fullmatch(rf"{re.escape(self.name)}-(\d+)", description)
        return int(found[1]) if found else None

    def request_id(self, number: int) -> str:
        """Return what makes a repeated start of the block's task of that number the same start.

        The service takes letters, digits and `-`, 60 at most.
        """
        return f"water-gee-{_hash([self.season.mark, self.id, number])[:40]}"


def mark_of(*made_of: Any) -> str:
    """Return a mark of all that decides what a season's blocks hold and where they go."""
    return _hash([FORMAT, *made_of])


def blocks_of(
    seasons: Sequence[Season], geometry: BaseGeometry, grid: Grid, *, size: int, study: str, model_sha256: str
) -> Iterator[Block]:
    """Yield the blocks of each season that meet an area, `size` pixels a side, less what lies outside its window.

    Args:
        seasons: of the years.
        geometry: the area in the grid's crs.
        grid: the lattice.
        size: pixels a side.
        study: the study's name.
        model_sha256: of the checkpoint.
    """
    whole = grid.window(geometry.bounds)
    for season in seasons:
        for tile in tiles_of("", geometry, grid, year=season.year, size=size, margin=0):
            name = f"{study[:_STUDY]}_{tile.id}_{model_sha256[:8]}_{season.mark[:8]}"
            yield Block(name, season, tile.id, tile.window & whole)


def _hash(content: Any) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

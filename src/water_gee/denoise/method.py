"""What a way of cleaning labels is: it looks at each tile, learns from an area's tiles, and cleans each tile."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Protocol

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from water_gee.denoise.labels import CleanLabel
from water_gee.tiles import TileData, TileRecord

Radius = Annotated[int, Field(ge=0, le=15)]  # pixels: one with an unseen neighbour this near is not used
Survey = dict[str, NDArray[np.generic]]  # arrays of numbers or text by name: what a method keeps of one tile


class Method(Protocol):
    """A way of taking noise out of a tile's labels.

    The stage calls `survey` for every tile of an area, `learn` once with all of the area's surveys, and then the method
    itself for every tile. Surveys are small and read one at a time, so what is in memory does not depend on the number
    of tiles. Each area is learned from its own tiles alone: no label of the training area reaches the test area.
    """

    @property
    def heavy(self) -> bool:
        """Whether a tile takes so long that processes are worth starting."""
        ...

    @property
    def surveys(self) -> bool:
        """Whether the method learns from an area's tiles; where not, `survey` and `learn` are not called."""
        ...

    def survey(self, tile: TileData, seed: int) -> Survey | None:
        """Return what is to be learned from `tile`, None where that is nothing; runs where the tile is cleaned.

        Equal tiles and seeds give equal surveys. The seed is the tile's own.
        """
        ...

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> Any:
        """Return what an area teaches: it can be pickled, and is given to `__call__` as `learned`.

        Args:
            surveys: of the area's tiles, less those of which there was nothing to learn, in the order of the tiles'
                ids. Each is read from disk when its turn comes; one may go through them more than once.
            seed: the area's own.
        """
        ...

    def __call__(self, tile: TileData, seed: int, learned: Any = None) -> CleanLabel:
        """Return the clean labels of `tile`; equal tiles, seeds and `learned` give equal labels.

        Args:
            tile: the tile.
            seed: the tile's own.
            learned: what `learn` returned for the tile's area; None of a method that learns nothing.
        """
        ...


class TileByTile:
    """What methods share that learn from no tile but the one that they clean."""

    surveys: ClassVar[bool] = False

    def survey(self, tile: TileData, seed: int) -> None:
        """Return nothing: no other tile needs to know of this one."""

    def learn(self, surveys: Iterable[tuple[TileRecord, Survey]], seed: int) -> None:
        """Return nothing: no tile needs to know of the others."""

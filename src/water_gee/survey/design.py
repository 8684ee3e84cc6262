"""The sample: strata of a water map, how many points each gets, and which pixels they are.

A pixel of the map belongs to a stratum by its class and by whether it is doubtful: near the map's other class, or of a
calibrated probability that does not exclude it. So most errors lie in small strata, which get many points. Within a
stratum each pixel is drawn with a chance in proportion to its area on the ground, so that in degrees too all ground
counts alike.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio import windows
from scipy import ndimage

from water_gee.classes import LAND, WATER
from water_gee.errors import ConfigError, TileError
from water_gee.study import Grid, Window, pixel_areas
from water_gee.survey.estimate import FEWEST

Bytes = NDArray[np.uint8]
STRATA = ("water", "water_doubtful", "land_doubtful", "land")
CLASS_OF = {"water": WATER, "water_doubtful": WATER, "land_doubtful": LAND, "land": LAND}
OTHER = {"water": "water_doubtful", "water_doubtful": "water", "land_doubtful": "land", "land": "land_doubtful"}
OUTSIDE = 255  # in no stratum: the map does not show it
_ROWS = 512  # of the map at a time
_LEAST = 0.005  # standard deviation below which none is believed


@dataclass
class Stratum:
    """A part of the map: what it holds, and the pixels that would be drawn from it first.

    `keys` are random numbers, smallest first; `rows` and `columns` count from the map's upper left corner.
    """

    name: str
    pixels: int = 0
    area: float = 0.0  # square metres
    wrong: float = 0.0  # of them, how many the calibrated probabilities expect to be of the other class
    keys: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    columns: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    @property
    def water(self) -> bool:
        """Whether the map calls it water."""
        return CLASS_OF[self.name] == WATER

    @property
    def deviation(self) -> float:
        """The standard deviation of being wrong that the calibrated probabilities expect of a pixel."""
        share = self.wrong / self.area
        return float(np.sqrt(share * (1 - share)))

    def add(self, keys: NDArray[np.float64], rows: NDArray[np.int64], columns: NDArray[np.int64], most: int) -> None:
        """Keep the `most` smallest keys of those held and those given."""
        everything = np.concatenate([self.keys, keys])
        first = np.argsort(everything, kind="stable")[:most]
        self.keys = everything[first]
        self.rows = np.concatenate([self.rows, rows])[first]
        self.columns = np.concatenate([self.columns, columns])[first]


def strata_of(water: Path, probability: Path, *, shore: int, doubt: float, most: int, seed: int) -> list[Stratum]:
    """Return the strata of a map that hold a pixel, each with the first `most` pixels of its random order.

    The map is read some rows at a time. A pixel's place in the order depends on the seed and the pixel alone.

    Args:
        water: the map of 1 water, 0 land and 255 not seen, on a grid of squares that points north.
        probability: of water, calibrated, on the same grid.
        shore: pixels up to which the other class is near, counted along rows, columns and diagonals.
        doubt: probability of the other class from which on a pixel is doubtful.
        most: pixels that are kept of each stratum.
        seed: of the order.

    Raises:
        TileError: the map shows fewer than two pixels of a class, of which no accuracy can be estimated.
    """
    found = {name: Stratum(name) for name in STRATA}
    for top, codes, wrong, areas in _blocks(water, probability, shore, doubt):
        keys = _keys(areas, top, seed)
        for number, stratum in enumerate(found.values()):
            rows, columns = np.nonzero(codes == number)
            own = areas[rows, columns]
            stratum.pixels += rows.size
            stratum.area += float(own.sum())
            stratum.wrong += float((own * wrong[rows, columns]).sum())
            chosen = keys[rows, columns]
            limit = stratum.keys[-1] if len(stratum.keys) == most else np.inf
            early = chosen < limit
            stratum.add(chosen[early], rows[early] + top, columns[early], most)
    for value, name in ((WATER, "water"), (LAND, "land")):
        if sum(one.pixels for one in found.values() if CLASS_OF[one.name] == value) < FEWEST:
            raise TileError(f"{water} shows hardly any {name}, so that there is nothing to sample; map a larger area")
    return _merged(found)


def _blocks(
    water: Path, probability: Path, shore: int, doubt: float
) -> Iterator[tuple[int, Bytes, NDArray[np.float32], NDArray[np.float64]]]:
    """Yield each block's first row; its strata's numbers, probabilities of being wrong and areas, all [y, x]."""
    with rasterio.open(water) as classes, rasterio.open(probability) as chances:
        grid = Grid(classes.crs.to_string(), classes.transform.a, (classes.transform.c, classes.transform.f))
        for top in range(0, classes.height, _ROWS):
            bottom = min(top + _ROWS, classes.height)
            first, last = max(top - shore, 0), min(bottom + shore, classes.height)
            window = windows.Window(0, first, classes.width, last - first)
            shown, chance = classes.read(1, window=window), chances.read(1, window=window)
            wrong = np.nan_to_num(np.where(shown == WATER, 1 - chance, chance))
            codes = strata_codes(shown, wrong, shore, doubt)
            own = slice(top - first, bottom - first)
            areas = pixel_areas(grid, Window(0, top, classes.width, bottom - top))
            yield top, codes[own], wrong[own], areas


def strata_codes(water: Bytes, wrong: NDArray[np.float32], shore: int, doubt: float) -> Bytes:
    """Return for each pixel [y, x] of a map the number of its stratum in STRATA, 255 where it was not seen.

    Args:
        water: the map's classes [y, x].
        wrong: the probability [y, x] of the other class.
        shore: pixels up to which the other class is near.
        doubt: probability of the other class from which on a pixel is doubtful.
    """
    side = 2 * shore + 1
    near_water, near_land = (ndimage.maximum_filter(water == value, side, mode="constant") for value in (WATER, LAND))
    codes = np.full(water.shape, OUTSIDE, dtype=np.uint8)
    for value, near, sure, doubtful in ((WATER, near_land, 0, 1), (LAND, near_water, 3, 2)):
        own = water == value
        codes[own] = np.where((near | (wrong >= doubt))[own], doubtful, sure)
    return codes


def _keys(areas: NDArray[np.float64], top: int, seed: int) -> NDArray[np.float64]:
    """Return a random number [y, x] a pixel; the smallest are a sample in which larger pixels are likelier.

    These are the exponential variates of Efraimidis and Spirakis (2006), each divided by its pixel's area.
    """
    generators = (np.random.default_rng([seed, top + row]) for row in range(len(areas)))
    keys: NDArray[np.float64] = np.stack([one.exponential(size=areas.shape[1]) for one in generators]) / areas
    return keys


def _merged(found: dict[str, Stratum]) -> list[Stratum]:
    """Return the strata that can be sampled: one of a single pixel belongs to the other of its class."""
    for name, other in OTHER.items():
        part, whole = found[name], found[other]
        if 0 < part.pixels < FEWEST:
            whole.pixels, whole.area = whole.pixels + part.pixels, whole.area + part.area
            whole.wrong += part.wrong
            whole.add(part.keys, part.rows, part.columns, len(part.keys) + len(whole.keys))
            found[name] = Stratum(name)
    return [stratum for stratum in found.values() if stratum.pixels]


def allocate(strata: list[Stratum], points: int, *, minimum: int, by: str) -> list[int]:
    """Return how many of `points` each stratum gets.

    Args:
        strata: of the map.
        points: in all; never more than a stratum has pixels.
        minimum: of each stratum; what it takes is taken from the others in proportion.
        by: `optimal`, area times the standard deviation that the calibrated probabilities expect (Neyman 1934), which
            gives overall accuracy the smallest error; `proportional`, area; `equal`, all alike.

    Raises:
        ConfigError: `points` are fewer than the minimums together, or than two a stratum.
    """
    areas = np.array([stratum.area for stratum in strata])
    deviations = np.maximum([stratum.deviation for stratum in strata], _LEAST)
    weights = {"optimal": areas * deviations, "proportional": areas, "equal": np.ones(len(strata))}[by]
    room = np.array([stratum.pixels for stratum in strata])
    least = np.minimum(np.maximum(minimum, FEWEST), room)
    if least.sum() > points:
        raise ConfigError(
            f"sample.points={points} is less than the minimums of {len(strata)} strata together; take at least "
            f"{least.sum()}, or a smaller sample.minimum"
        )
    given = np.zeros(len(strata), dtype=np.int64)
    free = np.ones(len(strata), dtype=bool)
    while free.any():
        left = points - given[~free].sum()
        fair = weights * (left / weights[free].sum())
        low, high = free & (fair < least), free & (fair > room)
        fixed = low if low.any() else high
        if not fixed.any():
            given[free] = np.floor(fair[free]).astype(np.int64)
            by_rest = np.argsort(np.where(free, -(fair - np.floor(fair)), np.inf), kind="stable")
            given[by_rest[: int(left - given[free].sum())]] += 1
            break
        given[fixed] = np.where(low, least, room)[fixed]
        free &= ~fixed
    return [int(one) for one in np.minimum(given, room)]

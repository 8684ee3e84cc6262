"""Several methods against one reference: the mean over their seeds, and how sure it and its differences are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.bootstrap import Interval, iou
from water_gee.errors import TileError
from water_gee.evaluation.count import Place, Tally
from water_gee.evaluation.view import METHODS

Counts = NDArray[np.int64]  # [place, tp/fp/fn/tn]


@dataclass(frozen=True)
class Compared:
    """A method against a reference. The IoU is the mean over its seeds, and its interval covers places and seeds."""

    name: str
    iou: float
    deviation: float  # standard deviation over the seeds, 0 of one
    interval: Interval
    difference: float  # of the IoU to the one it is compared with
    difference_interval: Interval


def counts_of(tally: Tally, method: str = "model") -> dict[Place, Counts]:
    """Return the counts of a method by place."""
    places, counts = tally.by_place()
    return {place: counts[number, METHODS.index(method)] for number, place in enumerate(places)}


def compare(
    contenders: Mapping[str, Sequence[Mapping[Place, Counts]]], against: str, *, resamples: int, seed: int
) -> list[Compared]:
    """Return every contender's IoU with its interval, and its paired difference to the contender `against`.

    Each resample draws places with replacement, the same for all contenders, and then for each contender as many of
    its seeds as it has, with replacement: a network's figure is as uncertain as its training too.

    Args:
        contenders: by name, the counts by place of each seed.
        against: the name of the one that the others are compared with.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        TileError: the contenders were not counted on the same places and pixels, or on none.
    """
    places = sorted(next(iter(contenders.values()))[0])
    if not places:
        raise TileError("the reference does not overlap the clear pixels of the test tiles; correct study.references")
    stacked = {name: _stacked(name, seeds, places) for name, seeds in contenders.items()}
    pixels = {int(counts.sum()) // len(counts) for counts in stacked.values()}
    if len(pixels) > 1:
        raise TileError("the runs were not judged on the same pixels; train them again on the present tiles")
    generator = np.random.default_rng(seed)
    draws = generator.multinomial(len(places), np.full(len(places), 1 / len(places)), size=resamples)
    samples = {name: _resampled(counts, draws, generator) for name, counts in stacked.items()}
    values = {name: iou(counts.sum(axis=1)) for name, counts in stacked.items()}
    return [
        Compared(
            name, float(values[name].mean()), float(values[name].std(ddof=1)) if len(values[name]) > 1 else 0.0,
            Interval.of(samples[name]), float(values[name].mean() - values[against].mean()),
            Interval.of(samples[name] - samples[against]),
        )
        for name in contenders
    ]  # fmt: skip


def _stacked(name: str, seeds: Sequence[Mapping[Place, Counts]], places: Sequence[Place]) -> NDArray[np.int64]:
    """Return the counts [seed, place, 4]."""
    if any(sorted(one) != list(places) for one in seeds):
        raise TileError(f"{name} was not judged at the same places as the others; train it again on the present tiles")
    return np.array([[one[place] for place in places] for one in seeds], dtype=np.int64)


def _resampled(
    counts: NDArray[np.int64], draws: NDArray[np.int64], generator: np.random.Generator
) -> NDArray[np.float64]:
    """Return the mean IoU over drawn seeds [resample] of counts [seed, place, 4]."""
    by_seed = iou(np.einsum("rp,spk->rsk", draws, counts), none=np.nan)
    chosen = generator.integers(0, len(counts), size=by_seed.shape)
    mean: NDArray[np.float64] = np.take_along_axis(by_seed, chosen, axis=1).mean(axis=1)
    return mean

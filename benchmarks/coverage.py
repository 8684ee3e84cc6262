"""How often the 95 % intervals of a labelled sample hold the truth: 5,000 samples of 500 points on the sample study."""

import numpy as np
from numpy.typing import NDArray

from water_gee.survey import Estimated, estimate

# Of each stratum of `water-gee sample` on the sample study's maps (water, water doubtful, land doubtful, land): pixels,
# how many of them are water in the simulated truth, and the points of 500 that it gets. Counted after `dvc repro`.
STRATA = {
    2019: ((89_124, 87_105, 195_279, 1_717_281), (89_122, 82_879, 3_040, 150), (50, 96, 242, 112)),
    2020: ((97_474, 88_156, 194_564, 1_712_585), (97_472, 85_257, 3_225, 143), (50, 97, 238, 115)),
}
MAPPED = (1, 1, 0, 0)  # the class of each stratum on the map


def simulated(year: int, samples: int, seed: int) -> tuple[NDArray[np.int64], dict[str, float]]:
    """Return counts [sample, stratum, map, truth] of samples without replacement, and what is true of all pixels."""
    pixels, water, points = STRATA[year]
    random = np.random.default_rng(seed)
    counts = np.zeros((samples, len(pixels), 2, 2), dtype=np.int64)
    for number, mapped in enumerate(MAPPED):
        found = random.hypergeometric(water[number], pixels[number] - water[number], points[number], size=samples)
        counts[:, number, mapped, 1], counts[:, number, mapped, 0] = found, points[number] - found
    hit, false = sum(water[:2]), sum(pixels[:2]) - sum(water[:2])
    missed, right = sum(water[2:]), sum(pixels[2:]) - sum(water[2:])
    truth = {
        "overall accuracy": (hit + right) / sum(pixels),
        "area of water": sum(water) / sum(pixels),
        "user's accuracy of water": hit / (hit + false),
        "producer's accuracy of water": hit / (hit + missed),
        "IoU of water": hit / (hit + false + missed),
    }
    return counts, truth


def coverage(year: int, samples: int = 5_000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return by measure the share of the intervals that hold the truth, and that of value +- 1.96 standard errors."""
    counts, truth = simulated(year, samples, seed)
    found = estimate(counts, STRATA[year][0], STRATA[year][0])
    measures = (found.overall, found.share.at(1), found.users.at(1), found.producers.at(1), found.iou.at(1))
    return {name: _held(one, value) for (name, value), one in zip(truth.items(), measures, strict=True)}


def _held(found: Estimated, truth: float) -> tuple[float, float]:
    held = (found.low <= truth) & (truth <= found.high)
    usual = np.abs(found.value - truth) <= found.margin
    return float(held.mean()), float(usual.mean())


def run() -> None:
    """Print the shares."""
    for year in STRATA:
        for name, (held, usual) in coverage(year).items():
            print(
                f"{year}, {name}: {held:.1%} of 5,000 intervals hold the truth (+- 1.96 standard errors: {usual:.1%})"
            )

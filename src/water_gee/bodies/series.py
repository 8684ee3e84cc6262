"""The area of each body in each year, how sure it is, and how much of the body was seen."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from water_gee.bodies.distances import Mask
from water_gee.bodies.frames import Frame
from water_gee.bodies.labels import Labels
from water_gee.bodies.strips import Raster, spread
from water_gee.classes import UNKNOWN, WATER
from water_gee.maps import bounds

_RIM = 3  # pixels around a body in which it may be larger than any year's map says


@dataclass(frozen=True)
class Series:
    """Of one year, by number - 1, in square metres."""

    area: NDArray[np.float64]  # water of the seen part
    low: NDArray[np.float64]  # surely water
    high: NDArray[np.float64]  # perhaps water, next to the body too
    unseen: NDArray[np.float64]  # of the body's place


def measure(frame: Frame, year: int, labels: Raster, count: int, others: Raster, areas: Raster) -> Series:
    """Return the areas of one year.

    A body's interval is that of `area.csv`, of the pixels of its place and of its rim: what surely is water, and what
    may be. The rim is what is reached from the body in up to three steps over pixels that may be water and belong to
    no body. A pixel of several rims is of the one that is fewest steps away, so that none counts twice.

    Args:
        frame: of the maps.
        year: of the maps.
        labels: [y, x], 0 none, else the body's number.
        count: of the bodies.
        others: [y, x], water of bodies that were left out: of nobody's rim.
        areas: [y, x], of each pixel, in m2.
    """
    sums = np.zeros((4, count + 1))
    probabilities, waters = frame.layer(year, "probability"), frame.layer(year, "water")
    for first, last in labels.strips():
        probability, own = probabilities.around(first, last, _RIM)
        classes, place, other = (one.around(first, last, _RIM)[0] for one in (waters, labels, others))
        sure, possible = bounds(classes, probability)
        reach = _with_rim(place, possible & ~other)[own].ravel()
        inside, weight = place[own].ravel(), areas.read(first, last).ravel()
        classes, sure, possible = classes[own].ravel(), sure[own].ravel(), possible[own].ravel()
        for number, (of, which) in enumerate(
            ((inside, classes == WATER), (reach, sure), (reach, possible), (inside, classes == UNKNOWN))
        ):
            sums[number] += np.bincount(of[which], weight[which], count + 1)
    return Series(*sums[:, 1:])


def _with_rim(labels: Labels, possible: Mask) -> Labels:
    """Return the labels [y, x], grown step by step over pixels that may be water."""
    grown = labels
    for _ in range(_RIM):
        grown = np.where((grown == 0) & possible, spread(grown, 3), grown)
    return grown

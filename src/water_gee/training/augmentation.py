"""Training windows seen from other sides and in other light.

What is drawn for a window depends on the seed, the epoch and the window's place alone: a resumed run, and any number of
processes, see the same. Validation never passes here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from water_gee.config.sensor import REFLECTANCE_BANDS

SYMMETRIES = 8  # of the square: four quarter turns, each mirrored or not
_STREAM = 2  # sets these draws apart from the other ones of an epoch


class Views(NamedTuple):
    """How each of n windows is shown."""

    symmetry: NDArray[np.uint8]  # [n] 0..7; 0: as it is
    gain: NDArray[np.float32] | None  # [n, band] factors of the features; None: as they are


@dataclass(frozen=True)
class Augmentation:
    """What is varied: the side from which a window is seen, and its illumination.

    `jitter` is the standard deviation of the logarithm of a gain that all reflectance bands of a window share.
    Normalised differences, and the line enhancement made of one, do not change under a common gain, nor do they
    under a turn: the features of a window stay consistent with each other.
    """

    flips: bool = False
    jitter: float = 0.0

    def views(self, seed: int, epoch: int, places: NDArray[np.int64], names: Sequence[str]) -> Views:
        """Return how the windows at `places` [n] are shown in an epoch, for features of these names."""
        symmetry, gain = np.zeros(len(places), dtype=np.uint8), None
        if self.flips:
            symmetry = (_numbers((seed, epoch, _STREAM, 0), places) % SYMMETRIES).astype(np.uint8)
        if self.jitter:
            one, other = (
                (_numbers((seed, epoch, _STREAM, stream), places) >> np.uint64(11)) * 2.0**-53 for stream in (1, 2)
            )
            # Box and Muller (1958); 1 - u lies in (0, 1], so that its logarithm is finite.
            normal = np.sqrt(-2 * np.log1p(-one)) * np.cos(2 * np.pi * other)
            gain = np.ones((len(places), len(names)), dtype=np.float32)
            gain[:, np.isin(names, REFLECTANCE_BANDS)] = np.exp(self.jitter * normal)[:, None]
        return Views(symmetry, gain)


NONE = Augmentation()


def turned(array: NDArray[Any], symmetry: int) -> NDArray[Any]:
    """Return a view of `array` [y, x, ...] from one of the square's eight sides."""
    if symmetry & 1:
        array = array.swapaxes(0, 1)
    if symmetry & 2:
        array = array[::-1]
    if symmetry & 4:
        array = array[:, ::-1]
    return array


def _numbers(key: tuple[int, ...], places: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Return random 64-bit numbers [n], each a function of the key and one place.

    SplitMix64 (Steele, Lea and Flood 2014): its n-th number is found without the ones before it.
    """
    start = np.random.SeedSequence(key).generate_state(1, np.uint64)
    state: NDArray[np.uint64] = start + (places.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15)
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))

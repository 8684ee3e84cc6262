"""From reflectance to the numbers of a Collection 2 file."""

import numpy as np
from numpy.typing import NDArray

from water_gee.simulate.noise import Floats

GAIN, OFFSET = 2.75e-5, -0.2  # reflectance = number * GAIN + OFFSET (Landsat 8-9 Collection 2 Level 2 guide)
_FIRST, _LAST = 1, 65455  # valid numbers
# Noise at the sensor: the standard deviation of neighbours over open water in the Landsat 8 product
# LC08_L2SP_043024_20200802, measured here; blue, green, red, NIR, SWIR1, SWIR2.
NOISE = np.array([4.3e-4, 4.3e-4, 3.7e-4, 3.2e-4, 1.7e-4, 1.4e-4], np.float32)
# Steps of the stored numbers below each reflectance, coarser than the sensor's to make the sample study small. The
# rounding error is a step over the root of 12. Over dark water that is 2.5e-4 (NIR, SWIR), below the noise, and 5e-4
# (blue to red), about the noise and below the error of any atmospheric correction; elsewhere it is 2 % of the signal,
# where neighbours of one class differ by 5 to 8 %.
_DARKEST = 0.03
_DARK_STEPS = (64, 64, 64, 32, 32, 32)
_STEPS = ((0.06, 128), (0.12, 256), (0.24, 512), (10.0, 1024))
_COARSEST = 512  # the steps change at multiples of it, so that rounding never turns the order of two numbers


def _levels(dark_step: int) -> NDArray[np.uint16]:
    """Return the stored number for each number from 0 to 65535."""
    table = np.arange(1 << 16, dtype=np.int64)
    low = 0
    for reflectance, step in ((_DARKEST, dark_step), *_STEPS):
        high = min(int((reflectance - OFFSET) / GAIN) // _COARSEST * _COARSEST, 1 << 16)
        part = table[low:high]
        table[low:high] = (part + step // 2) // step * step
        low = high
    table = np.clip(table, dark_step, _LAST // 1024 * 1024)
    table[0] = 0
    return table.astype(np.uint16)


LEVELS = np.stack([_levels(step) for step in _DARK_STEPS])  # [band, number]


def to_numbers(reflectance: Floats, fill: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return the digital numbers of `reflectance` [band, y, x], in coarse steps; 0 where `fill` [y, x]."""
    exact = np.clip(np.rint((reflectance - OFFSET) / GAIN), _FIRST, _LAST).astype(np.uint16)
    numbers = np.stack([levels[band] for levels, band in zip(LEVELS, exact, strict=True)])
    numbers[:, fill] = 0
    return numbers


def to_reflectance(numbers: NDArray[np.uint16]) -> Floats:
    """Return the surface reflectance of digital numbers, NaN where they are fill."""
    reflectance = numbers.astype(np.float32) * np.float32(GAIN) + np.float32(OFFSET)
    return np.where(numbers == 0, np.float32(np.nan), reflectance)


def flatten(numbers: NDArray[np.uint16], cloud: NDArray[np.bool_]) -> NDArray[np.uint16]:
    """Return `numbers` [band, y, x] in steps of 0.056 of reflectance where the quality band says `cloud` [y, x].

    No stage looks at such pixels; so coarse, they take next to no space.
    """
    coarse = np.maximum((numbers.astype(np.int64) + 1024) // 2048 * 2048, 2048).clip(max=_LAST // 2048 * 2048)
    return np.where(cloud & (numbers > 0), coarse.astype(np.uint16), numbers)

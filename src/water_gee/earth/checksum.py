"""A sum that the service makes of each pixel's bands and sends along, by which damage on the way is found.

The bands travel as float32, and beside them their weighted sum as float64, computed where they are. Each pixel's sum is
made again of what arrived. What moves it by less than some 1e-13 goes unseen: that is a change in the last digits of a
value below 1e-6. Values below 1e-9 are stored as 0 on purpose, since a damaged 0 would mostly become one of them.
"""

from typing import Any

import ee
import numpy as np
from numpy.typing import NDArray

MASKED = -1e30  # masked pixels travel as this value: the answer itself has no mask. No band of ours comes near it
CHECK = "water_gee_check"
_SURELY = -1e9  # below it a value stands for a masked pixel, whatever became of its last digits
_AS_MASKED = -1024.0  # what a masked pixel counts in the sum: MASKED itself would drown the others
_NOTHING = 1e-9
_ROUNDING = 2.0**-48  # of the sum of the terms' sizes: the service may add in another order


def weights(bands: int) -> list[float]:
    """Return the weight of each band, exact in binary, no two alike: an exchange of two bands shows, too."""
    return [1.0 + (2 * band + 1) / 4096 for band in range(bands)]


def with_check(image: Any, bands: list[str]) -> Any:
    """Return the bands as float32, MASKED where masked, and their sum as the band CHECK."""
    sent = image.select(bands).toFloat().unmask(MASKED, False).toFloat()
    wide = sent.toDouble()
    counted = wide.where(wide.lte(_SURELY), _AS_MASKED)
    total = counted.multiply(ee.Image.constant(weights(len(bands)))).reduce(ee.Reducer.sum())
    return sent.addBands(total.toDouble().rename(CHECK))


def opened(values: NDArray[np.float32], sums: NDArray[np.float64]) -> bool:
    """Make pixels of what was sent, in place: NaN where masked; return whether all have the sum that came with them.

    Args:
        values: float32 [band, pixel], as sent.
        sums: float64 [pixel], the band CHECK.
    """
    total, size = np.zeros_like(sums), np.full_like(sums, 1.0)
    with np.errstate(invalid="ignore", over="ignore"):
        for weight, band in zip(weights(len(values)), values, strict=True):
            masked = band <= _SURELY
            term = band.astype(np.float64)
            term[masked] = _AS_MASKED
            term *= weight
            total += term
            size += np.abs(term)
            band[np.abs(band) < _NOTHING] = 0
            band[masked] = np.nan
        same = np.abs(total - sums) <= _ROUNDING * size
    # An infinite or undefined value makes the sum so too, on both sides.
    return bool((same | (total == sums) | (np.isnan(total) & np.isnan(sums))).all())

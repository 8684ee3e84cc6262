"""How uncertain the class of a pixel is."""

import numpy as np
from numpy.typing import NDArray

from water_gee.maps.layers import LAYERS

_UNSEEN = np.uint8(LAYERS["uncertainty"].nodata)


def uncertainty(probability: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return how uncertain a class is: the entropy of its calibrated probability, in percent of one bit.

    H(p) = -p log2 p - (1 - p) log2 (1 - p) (Shannon, A mathematical theory of communication, 1948), 0 at p = 0 and 1
    and one bit at p = 1/2. Calibrated means that the network's logits are divided by the temperature that fits the
    labels of the validation tiles best (Guo et al. 2017), fitted once when the network was trained: where these labels
    err in one direction, the probability, and so its entropy, errs with them. It tells how close a pixel is to the
    other class, not whether the imagery is unlike what the network has seen.

    Args:
        probability: [y, x], 0 to 1, NaN where nothing was seen.

    Returns:
        uint8 [y, x], 0 to 100 rounded to the nearest, 255 where nothing was seen.
    """
    unseen = np.isnan(probability)
    p = np.clip(np.where(unseen, 0, probability), 1e-9, 1 - 1e-7)  # where the logarithms are finite, H rounds to 0
    percent = np.rint(-100 * (p * np.log2(p) + (1 - p) * np.log2(1 - p)))
    return np.where(unseen, _UNSEEN, percent.astype(np.uint8))

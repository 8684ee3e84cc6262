"""What methods and labels say of pixels, as numbers of the classes that pictures show."""

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import UNKNOWN, WATER
from water_gee.report.palette import CHANGES, CLASSES, ERRORS, LABELS

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def classes(water: Mask, seen: Mask) -> Bytes:
    """Return the numbers of `CLASSES`."""
    return np.where(seen, water, len(CLASSES) - 1).astype(np.uint8)


def errors(water: Mask, reference: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `ERRORS`: where a method agrees with the reference and how it errs."""
    truth = reference == WATER
    codes = np.select([water & truth, water & ~truth, ~water & truth], [1, 2, 3], default=0)
    codes = np.where(reference == UNKNOWN, 4, codes)
    return np.where(clear, codes, len(ERRORS) - 1).astype(np.uint8)


def labels(clean: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `LABELS` of a denoised label."""
    return np.where(clear, np.where(clean == UNKNOWN, 2, clean), len(LABELS) - 1).astype(np.uint8)


def changes(raw: Mask, clean: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `CHANGES`: what denoising did to a label."""
    after = clean == WATER
    codes = np.select([raw & after, raw & ~after, ~raw & after], [1, 2, 3], default=0)
    codes = np.where(clean == UNKNOWN, 4, codes)
    return np.where(clear, codes, len(CHANGES) - 1).astype(np.uint8)

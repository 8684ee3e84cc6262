"""Arrays of classes and of reflectance as pictures."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from water_gee.report.palette import CHANGES, CLASSES, ERRORS, LABELS, Code

Bytes = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def colour(codes: Bytes, legend: Sequence[Code]) -> Bytes:
    """Return class numbers [y, x] as colours [y, x, 3]."""
    table = np.array([code.rgb for code in legend], dtype=np.uint8)
    picture: Bytes = table[codes]
    return picture


def classes(water: Mask, seen: Mask) -> Bytes:
    """Return the numbers of `CLASSES`."""
    return np.where(seen, water, len(CLASSES) - 1).astype(np.uint8)


def errors(water: Mask, reference: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `ERRORS`: where a method agrees with the reference and how it errs."""
    truth = reference == 1
    codes = np.select([water & truth, water & ~truth, ~water & truth], [1, 2, 3], default=0)
    codes = np.where(reference == 255, 4, codes)
    return np.where(clear, codes, len(ERRORS) - 1).astype(np.uint8)


def labels(clean: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `LABELS` of a denoised label."""
    return np.where(clear, np.where(clean == 255, 2, clean), len(LABELS) - 1).astype(np.uint8)


def changes(raw: Mask, clean: Bytes, clear: Mask) -> Bytes:
    """Return the numbers of `CHANGES`: what denoising did to a label."""
    after = clean == 1
    codes = np.select([raw & after, raw & ~after, ~raw & after], [1, 2, 3], default=0)
    codes = np.where(clean == 255, 4, codes)
    return np.where(clear, codes, len(CHANGES) - 1).astype(np.uint8)


def stretch(bands: NDArray[np.float32]) -> Bytes:
    """Return reflectance [3, y, x] as a picture [y, x, 3]: each band from its 1st to its 99th percentile; NaN white."""
    picture = np.full((*bands.shape[1:], 3), 255, dtype=np.uint8)
    seen = ~np.isnan(bands).any(axis=0)
    if not seen.any():
        return picture
    for number, band in enumerate(bands):
        low, high = np.percentile(band[seen], (1, 99))
        scaled = np.clip((band[seen] - low) / max(float(high - low), 1e-6), 0, 1)
        picture[seen, number] = np.round(255 * scaled**0.8).astype(np.uint8)
    return picture

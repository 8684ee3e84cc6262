"""Statistics of a layer, as GDAL and the tools built on it read them from a file's metadata."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def statistics(parts: Iterable[NDArray[Any]], nodata: float, pixels: int) -> dict[str, str]:
    """Return GDAL's `STATISTICS_*` items of one band; of a band without data, the share of data alone.

    Minimum, maximum, mean and standard deviation (of the population) are over all pixels with data and not estimated.
    Whole numbers are counted, so that they are exact; the sums of other values are added part by part, in double
    precision: equal parts in one order give equal text.

    Args:
        parts: the band's pixels, in parts that hold each pixel at most once, of one type; those left out have no data.
        nodata: the value of pixels without data.
        pixels: of the whole band.
    """
    count, total, squares, least, most = 0.0, 0.0, 0.0, np.inf, -np.inf
    for part in parts:
        values, times = _valued(part, nodata)
        if values.size:
            # Not by a product of vectors: its library would work, and wait, on threads of its own.
            count += float(times.sum())
            total += float((times * values).sum())
            squares += float((times * values**2).sum())
            least, most = min(least, float(values.min())), max(most, float(values.max()))
    told = {"VALID_PERCENT": 100 * count / pixels}
    if count:
        mean = total / count
        told |= {"MINIMUM": least, "MAXIMUM": most, "MEAN": mean, "STDDEV": max(squares / count - mean**2, 0) ** 0.5}
    return {f"STATISTICS_{name}": f"{value:.14g}" for name, value in told.items()}


def _valued(part: NDArray[Any], nodata: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the values of a part that are data, and how often each occurs."""
    if part.dtype.kind == "f":
        valid = ~np.isnan(part)
        values = (part.ravel() if valid.all() else part[valid]).astype(np.float64)
        return values, np.broadcast_to(np.float64(1), values.shape)
    numbers = _numbers(np.ascontiguousarray(part).ravel())
    values = np.flatnonzero(numbers).astype(np.float64)
    values = values[values != nodata]
    return values, numbers[values.astype(np.int64)].astype(np.float64)


def _numbers(values: NDArray[Any]) -> NDArray[np.int64]:
    """Return how often each whole number occurs; bytes are counted two at once, which takes half the time."""
    if values.dtype != np.uint8 or values.size % 2:
        return np.bincount(values)
    pairs = np.bincount(values.view(np.uint16), minlength=2**16).reshape(2**8, 2**8)
    return np.asarray(pairs.sum(axis=0) + pairs.sum(axis=1))

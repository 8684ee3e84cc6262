"""What reducers compute: the first axis of a stack folded, masked values left out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.evaluator.reducers import Result, Stack, Valid, Weights


def _weighed(stack: Stack, valid: Valid, weights: Weights) -> tuple[Any, Any]:
    """Return the weighted sum and the sum of the weights."""
    if weights is None:
        return np.where(valid, stack, 0).sum(axis=0, dtype=np.float64), valid.sum(axis=0)
    weight = np.where(valid, weights, 0.0)
    return (np.where(valid, stack, 0) * weight).sum(axis=0), weight.sum(axis=0)


def total(stack: Stack, valid: Valid, weights: Weights) -> Result:
    """Return the weighted sum."""
    return _weighed(stack, valid, weights)[0], valid.any(axis=0)


def mean(stack: Stack, valid: Valid, weights: Weights) -> Result:
    """Return the weighted mean."""
    amount, weight = _weighed(stack, valid, weights)
    with np.errstate(all="ignore"):
        return np.where(weight > 0, amount / weight, 0.0), weight > 0


def variance(stack: Stack, valid: Valid, weights: Weights) -> Result:
    """Return the weighted variance of the whole."""
    middle, known = mean(stack, valid, weights)
    weight = np.where(valid, 1.0 if weights is None else weights, 0.0)
    squares = (np.where(valid, stack - middle, 0.0) ** 2 * weight).sum(axis=0)
    with np.errstate(all="ignore"):
        return np.where(known, squares / weight.sum(axis=0), 0.0), known


def deviation(stack: Stack, valid: Valid, weights: Weights) -> Result:
    """Return the weighted standard deviation of the whole."""
    value, known = variance(stack, valid, weights)
    return np.sqrt(value), known


def extreme(largest: bool) -> Callable[[Stack, Valid], Result]:
    """Return the fold of the largest or the smallest value."""

    def fold(stack: Stack, valid: Valid) -> Result:
        limits: Any = np.iinfo(stack.dtype) if stack.dtype.kind in "iu" else None
        worst = (limits.min if largest else limits.max) if limits is not None else (-np.inf if largest else np.inf)
        filled = np.where(valid, stack, np.asarray(worst, stack.dtype))
        return (filled.max(axis=0) if largest else filled.min(axis=0)), valid.any(axis=0)

    return fold


def _ordered(stack: Stack, valid: Valid) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values sorted, the masked ones last, and the number of valid ones."""
    filled = np.where(valid, stack, np.inf).astype(np.float64)
    return np.sort(filled, axis=0), valid.sum(axis=0)


def quantile(stack: Stack, valid: Valid, share: float) -> Result:
    """Interpolate linearly between the sorted values."""
    in_order, count = _ordered(stack, valid)
    position = np.maximum(count - 1, 0) * share
    low = np.floor(position).astype(np.int64)
    high = np.minimum(low + 1, np.maximum(count - 1, 0))
    below = np.take_along_axis(in_order, low[None], axis=0)[0]
    above = np.take_along_axis(in_order, high[None], axis=0)[0]
    with np.errstate(all="ignore"):
        value = below + np.where(high > low, (position - low) * (above - below), 0.0)
    return np.where(count > 0, value, 0.0), count > 0


def commonest(stack: Stack, valid: Valid) -> Result:
    """Return the value that occurs most, the smallest of several."""
    in_order, count = _ordered(stack, valid)
    best = np.zeros(in_order.shape[1:])
    most = np.zeros(in_order.shape[1:], np.int64)
    run = np.zeros(in_order.shape[1:], np.int64)
    for index in range(len(in_order)):
        again = (in_order[index] == in_order[index - 1]) if index else np.zeros(run.shape, bool)
        run = np.where(again, run + 1, 1)
        better = (run > most) & (index < count)
        best, most = np.where(better, in_order[index], best), np.where(better, run, most)
    return best, count > 0


def edge(last: bool) -> Callable[[Stack, Valid], Result]:
    """Return the fold of the first or the last valid value."""

    def fold(stack: Stack, valid: Valid) -> Result:
        where = len(stack) - 1 - np.argmax(valid[::-1], axis=0) if last else np.argmax(valid, axis=0)
        return np.take_along_axis(stack, where[None], axis=0)[0], valid.any(axis=0)

    return fold

"""What reducers compute: the first axis of a stack folded, masked values left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.reducers import Fold, Result, Stack, Valid


def weigh(valid: Valid, weights: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Return the weights, zero where masked."""
    if weights is None:
        return valid.astype(np.float64)
    return np.where(valid, weights, 0.0)


def sums(stack: Stack, valid: Valid, weights: NDArray[np.float64] | None) -> tuple[Any, Any]:
    """Return the weighted sum and the sum of the weights."""
    if weights is None:
        return np.where(valid, stack, 0).sum(axis=0, dtype=np.float64), valid.sum(axis=0)
    weight = weigh(valid, weights)
    return (np.where(valid, stack, 0) * weight).sum(axis=0), weight.sum(axis=0)


def total(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the weighted sum."""
    amount, _ = sums(s[0], v[0], w)
    return [(amount, v[0].any(axis=0))]


def mean(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the weighted mean."""
    amount, weight = sums(s[0], v[0], w)
    with np.errstate(all="ignore"):
        return [(np.where(weight > 0, amount / weight, 0.0), weight > 0)]


def variance(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the weighted variance of the whole."""
    (middle, valid), weight = mean(s, v, w)[0], weigh(v[0], w)
    squares = (np.where(v[0], s[0] - middle, 0.0) ** 2 * weight).sum(axis=0)
    with np.errstate(all="ignore"):
        return [(np.where(valid, squares / weight.sum(axis=0), 0.0), valid)]


def deviation(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the weighted standard deviation of the whole."""
    value, valid = variance(s, v, w)[0]
    return [(np.sqrt(value), valid)]


def sample(root: bool) -> Fold:
    """Return the fold of the variance of a sample, or its root."""

    def fold(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
        value, _ = variance(s, v, None)[0]
        count = v[0].sum(axis=0)
        with np.errstate(all="ignore"):
            value = np.where(count > 1, value * count / (count - 1), 0.0)
        return [(np.sqrt(value) if root else value, count > 1)]

    return fold


def extreme(largest: bool) -> Callable[[Stack, Valid], Result]:
    """Return the fold of the largest or the smallest value."""

    def fold(stack: Stack, valid: Valid) -> Result:
        limits: Any = np.iinfo(stack.dtype) if stack.dtype.kind in "iu" else None
        worst = (limits.min if largest else limits.max) if limits is not None else (-np.inf if largest else np.inf)
        filled = np.where(valid, stack, np.asarray(worst, stack.dtype))
        return (filled.max(axis=0) if largest else filled.min(axis=0)), valid.any(axis=0)

    return fold


def ordered(stack: Stack, valid: Valid) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the values sorted, the masked ones last, and the number of valid ones."""
    filled = np.where(valid, stack, np.inf).astype(np.float64)
    return np.sort(filled, axis=0), valid.sum(axis=0)


def quantile(stack: Stack, valid: Valid, share: float) -> Result:
    """Interpolate linearly between the sorted values."""
    in_order, count = ordered(stack, valid)
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
    in_order, count = ordered(stack, valid)
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
        order = valid[::-1] if last else valid
        where = np.argmax(order, axis=0)
        where = len(stack) - 1 - where if last else where
        return np.take_along_axis(stack, where[None], axis=0)[0], valid.any(axis=0)

    return fold


def histogram(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the weight of each value, by its text."""
    if s[0].ndim != 1:
        raise bad_request("A frequency histogram has no value a pixel.")
    values, inverse = np.unique(s[0][v[0]], return_inverse=True)
    weights = weigh(v[0], w)[v[0]]
    shares = np.bincount(inverse.ravel(), weights=weights, minlength=len(values))
    table = {_key(value): plain(share) for value, share in zip(values, shares, strict=True)}
    return [(table, np.asarray(True))]


def _key(value: Any) -> str:
    number = plain(value)
    return "null" if number is None else str(number)


def plain(value: Any) -> int | float:
    """Return a whole number as an integer."""
    number = float(value)
    return int(number) if number.is_integer() else number


def listed(s: Sequence[Stack], v: Sequence[Valid], w: NDArray[np.float64] | None) -> list[Result]:
    """Return the valid values."""
    if s[0].ndim != 1:
        raise bad_request("The reducer 'toList' has no value a pixel.")
    return [(s[0][v[0]].tolist(), np.asarray(True))]

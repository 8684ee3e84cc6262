"""Between which values a channel can lie, by interval arithmetic (Moore, 1966): what is proven and not only likely.

A division is carried over where its divisor cannot be 0, a root where its argument cannot be negative, and a network
that ends in a probability is known by it. An interval may be wider than the truth, never narrower.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy.special import erf

from water_gee.export.ir import (
    Activation,
    Affine,
    Binary,
    Channels,
    Concat,
    Constant,
    Conv,
    Fill,
    Floats,
    Input,
    IsMasked,
    Op,
    Pool,
    Softmax,
    ordered,
)

_CLEARLY = 1e-3
Interval = tuple[Floats, Floats]  # lowest and highest [channel]


def bounds(op: Op, at: Floats | None = None) -> Interval:
    """Return the lowest and the highest value of each channel, infinite where nothing holds it.

    Args:
        op: a value of a network.
        at: features [channel] of an image that is the same at every pixel; None for any image.
    """
    known: dict[int, Interval] = {}
    for one in ordered(op):
        if isinstance(one, Input) and at is not None:
            known[id(one)] = at, at
            continue
        with np.errstate(all="ignore"):
            low, high = _of(one, [known[id(source)] for source in one.inputs])
        # What comes of infinite ends (0 times infinity) holds nothing.
        known[id(one)] = (np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high))
    return known[id(op)]


def _of(op: Op, inputs: list[Interval]) -> Interval:
    if isinstance(op, Constant):
        return op.values, op.values
    if isinstance(op, Fill):
        return np.minimum(inputs[0][0], op.value), np.maximum(inputs[0][1], op.value)
    if isinstance(op, Affine):
        shifted = inputs[0][0] - op.centre, inputs[0][1] - op.centre
        low, high = _times(shifted, (op.scale, op.scale))
        return low + op.shift, high + op.shift
    if isinstance(op, Channels):
        return inputs[0][0][list(op.numbers)], inputs[0][1][list(op.numbers)]
    if isinstance(op, Concat):
        return np.concatenate([low for low, _ in inputs]), np.concatenate([high for _, high in inputs])
    if isinstance(op, Pool):
        return inputs[0]
    if isinstance(op, Conv):
        return _conv(op, *inputs[0])
    if isinstance(op, Binary):
        return _binary(op, *inputs)
    if isinstance(op, Activation):
        return _activation(op, *inputs[0])
    ones = np.ones(op.channels)
    if isinstance(op, IsMasked):
        return 0 * ones, ones
    if isinstance(op, Softmax):
        return _softmax(op, *inputs[0])
    return -np.inf * ones, np.inf * ones


def _times(a: Interval, b: Interval) -> Interval:
    # 0 times an infinite end is 0: an end that is infinite stands for values that are finite.
    products = [np.where((x == 0) | (y == 0), 0.0, x * y) for x in a for y in b]
    return np.minimum.reduce(products), np.maximum.reduce(products)


def _conv(op: Conv, low: Floats, high: Floats) -> Interval:
    weight = op.dense()
    ends = _times(
        (low[None, :, None, None] + 0 * weight, high[None, :, None, None] + 0 * weight), (weight, weight)
    )  # fmt: skip
    return ends[0].sum(axis=(1, 2, 3)) + op.bias, ends[1].sum(axis=(1, 2, 3)) + op.bias


def _binary(op: Binary, a: Interval, b: Interval) -> Interval:
    if op.kind == "multiply" and op.sources[0] is op.sources[1]:
        return _square(*a)
    if op.kind == "add":
        return a[0] + b[0], a[1] + b[1]
    if op.kind == "multiply":
        return _times(a, b)
    if op.kind in ("max", "min"):
        function: Callable[[Floats, Floats], Floats] = np.maximum if op.kind == "max" else np.minimum
        return function(a[0], b[0]), function(a[1], b[1])
    if op.kind == "divide":
        safe = (b[0] > 0) | (b[1] < 0)
        low, high = _times(a, (1 / np.where(safe, b[1], 1.0), 1 / np.where(safe, b[0], 1.0)))
        return np.where(safe, low, -np.inf), np.where(safe, high, np.inf)
    holds = {"gt": np.greater, "gte": np.greater_equal, "eq": np.equal}[op.kind]
    point = (a[0] == a[1]) & (b[0] == b[1])
    known = holds(a[0], b[0]).astype(np.float64)
    return np.where(point, known, 0.0), np.where(point, known, 1.0)


def _square(low: Floats, high: Floats) -> Interval:
    ends = low * low, high * high
    return np.where((low <= 0) & (high >= 0), 0.0, np.minimum(*ends)), np.maximum(*ends)


def _rising(function: Callable[[Floats], Floats]) -> Callable[..., Interval]:
    return lambda low, high, *parameters: (function(low), function(high))


def _dipping(function: Callable[[Floats], Floats], least: float) -> Callable[..., Interval]:
    """A function that falls to `least` and rises from there on."""

    def interval(low: Floats, high: Floats) -> Interval:
        ends = np.nan_to_num(function(low), nan=0.0), np.nan_to_num(function(high), nan=0.0)
        return np.where(low == high, ends[0], least), np.where(low == high, ends[0], np.maximum(*ends))

    return interval


def _softmax(op: Softmax, low: Floats, high: Floats) -> Interval:
    if (low == high).all() and np.isfinite(low).all():
        logs = low - low.max() - np.log(np.exp(low - low.max()).sum())
        return (logs, logs) if op.logarithm else (np.exp(logs), np.exp(logs))
    ones = np.ones(op.channels)
    return (-np.inf * ones, 0 * ones) if op.logarithm else (0 * ones, ones)


def _sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def _elu(low: Floats, high: Floats, alpha: float, scale: float, slope: float) -> Interval:
    def of(x: Floats) -> Floats:
        return scale * (np.maximum(x, 0.0) + alpha * np.expm1(np.minimum(x, 0.0) * slope))

    if (low == high).all() or (alpha > 0 and scale > 0 and slope > 0):
        return of(low), of(high)
    return np.full_like(low, -np.inf), np.full_like(high, np.inf)


def _wave(function: Callable[[Floats], Floats]) -> Callable[..., Interval]:
    def interval(low: Floats, high: Floats) -> Interval:
        point = low == high
        return np.where(point, function(low), -1.0), np.where(point, function(low), 1.0)

    return interval


def _leaky(low: Floats, high: Floats, slope: float) -> Interval:
    ends = np.where(low < 0, slope * low, low), np.where(high < 0, slope * high, high)
    least = np.minimum(*ends) if slope >= 0 else np.where((low <= 0) & (high >= 0), 0.0, np.minimum(*ends))
    return least, np.maximum(*ends)


def _abs(low: Floats, high: Floats) -> Interval:
    ends = np.abs(low), np.abs(high)
    return np.where((low <= 0) & (high >= 0), 0.0, np.minimum(*ends)), np.maximum(*ends)


def _clamp(low: Floats, high: Floats, least: float, most: float) -> Interval:
    return np.clip(low, least, most), np.clip(high, least, most)


def _power(low: Floats, high: Floats, exponent: float) -> Interval:
    ends = low**exponent, high**exponent
    if exponent >= 0 and exponent % 2 == 0:
        return _square(np.sign(low) * np.sqrt(ends[0]), np.sign(high) * np.sqrt(ends[1]))
    if exponent > 0:
        return ends
    positive = low > 0
    return np.where(positive, ends[1], -np.inf), np.where(positive, ends[0], np.inf)


def _softplus(low: Floats, high: Floats, beta: float) -> Interval:
    def of(x: Floats) -> Floats:
        return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(beta * x))) / beta

    return (of(low), of(high)) if beta > 0 else (of(high), of(low))


_ACTIVATIONS: dict[str, Callable[..., Interval]] = {
    "relu": _rising(lambda x: np.maximum(x, 0.0)),
    "sigmoid": _rising(_sigmoid),
    "tanh": _rising(np.tanh),
    "atan": _rising(np.arctan),
    "exp": _rising(np.exp),
    "log": _rising(lambda x: np.log(np.maximum(x, 0.0))),
    "sqrt": _rising(lambda x: np.sqrt(np.maximum(x, 0.0))),
    "erf": _rising(erf),
    "hardtanh": _clamp,
    "hardsigmoid": lambda low, high: _clamp(low / 6 + 0.5, high / 6 + 0.5, 0.0, 1.0),
    "softplus": _softplus,
    "silu": _dipping(lambda x: x * _sigmoid(x), -0.2785),  # the least value of x sigmoid(x) is -0.27846...
    "gelu": _dipping(lambda x: 0.5 * x * (1 + erf(x / math.sqrt(2))), -0.1701),
    "gelu_tanh": _dipping(lambda x: 0.5 * x * (1 + np.tanh(0.79788456 * (x + 0.044715 * x**3))), -0.1701),
    "hardswish": _dipping(lambda x: x * np.clip(x + 3, 0, 6) / 6, -0.375),
    "mish": _dipping(lambda x: x * np.tanh(np.log1p(np.exp(np.minimum(x, 40.0)))), -0.3089),
    "leaky_relu": _leaky,
    "elu": _elu,
    "abs": _abs,
    "pow": _power,
    "sin": _wave(np.sin),
    "cos": _wave(np.cos),
    "sign": _rising(np.sign),
}


def _activation(op: Activation, low: Floats, high: Floats) -> Interval:
    if op.kind in _ACTIVATIONS:
        return _ACTIVATIONS[op.kind](low, high, *op.parameters)
    return np.full_like(low, -np.inf), np.full_like(high, np.inf)


def positive(op: Op) -> bool:
    """Whether every channel is proven to be above 0."""
    return bool((bounds(op)[0] > 0).all())


def not_negative(op: Op) -> bool:
    """Whether every channel is proven to be 0 or above."""
    return bool((bounds(op)[0] >= 0).all())


def never_zero(op: Op) -> bool:
    """Whether every channel is proven to be other than 0."""
    low, high = bounds(op)
    return bool(((low > 0) | (high < 0)).all()) or _zero_replaced(op)


def _zero_replaced(op: Op) -> bool:
    """Whether a value is `where(x == 0, y, x)` of a y that is never 0: c y + (1 - c) x of c = (x == 0)."""
    if not isinstance(op, Binary) or op.kind != "add":
        return False
    first, second = op.sources
    if not all(isinstance(part, Binary) and part.kind == "multiply" for part in op.sources):
        return False
    (holds, other), (negated, kept) = first.inputs, second.inputs
    if not isinstance(holds, Binary) or holds.kind != "eq" or not isinstance(negated, Affine):
        return False
    turned = negated.source is holds and (negated.shift - negated.centre * negated.scale == 1).all()
    zeros = [side for side in holds.sources if isinstance(side, Constant) and not side.values.any()]
    same = any(side is kept for side in holds.sources)
    return bool(turned and (negated.scale == -1).all() and zeros and same) and never_zero(other)


def no_probability(op: Op) -> bool:
    """Whether the channels are proven to be no probabilities of classes: an image that shows it is enough.

    The images are the same at every pixel, drawn at random: a channel that leaves 0..1, or several that do not sum
    to 1.
    """
    low, high = bounds(op)
    if ((low == -math.inf) & (high == math.inf)).any():
        return True
    features = next(one for one in ordered(op) if isinstance(one, Input)).channels
    random = np.random.default_rng(0)
    for scale in (0.3, 1.0, 3.0, 30.0, 1000.0) * 5:
        low, high = bounds(op, random.normal(scale=scale, size=features))
        if ((high < -_CLEARLY) | (low > 1 + _CLEARLY)).any():
            return True
        if op.channels > 1 and (high.sum() < 1 - _CLEARLY or low.sum() > 1 + _CLEARLY):
            return True
    return False

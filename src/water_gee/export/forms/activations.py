"""Activations in exact formulas of Earth Engine's elementwise operations, on bands and on arrays alike."""

import math
from collections.abc import Callable

import numpy as np

from water_gee.export.calls import Call, image, shortest
from water_gee.export.ir import Activation


def _times(x: Call, factor: float) -> Call:
    return x if factor == 1.0 else image("multiply", x, shortest(factor))


def _clamped(x: Call, low: float, high: float) -> Call:
    if low != -np.inf:
        x = image("max", x, shortest(low))
    return x if high == np.inf else image("min", x, shortest(high))


def sigmoid(x: Call) -> Call:
    """1 / (1 + exp(-x)), written 0.5 tanh(x / 2) + 0.5: the same function, and it cannot overflow."""
    return from_half(_times(x, 0.5))


def from_half(half: Call) -> Call:
    """The sigmoid of x from x / 2."""
    return image("add", _times(image("tanh", half), 0.5), 0.5)


def _relu(x: Call) -> Call:
    return image("max", x, 0)


def _leaky_relu(x: Call, slope: float) -> Call:
    if 0 <= slope <= 1:
        return image("max", x, _times(x, slope))
    return image("add", image("max", x, 0), _times(image("min", x, 0), slope))


def _elu(x: Call, alpha: float, scale: float, input_scale: float) -> Call:
    negative = image("subtract", image("exp", _times(image("min", x, 0), input_scale)), 1)
    return _times(image("add", image("max", x, 0), _times(negative, alpha)), scale)


def _gelu(x: Call) -> Call:
    return image("multiply", _times(x, 0.5), image("add", image("erf", _times(x, math.sqrt(0.5))), 1))


def _gelu_tanh(x: Call) -> Call:
    cube = image("multiply", image("multiply", x, x), x)
    inside = _times(image("add", x, _times(cube, 0.044715)), math.sqrt(2 / math.pi))
    return image("multiply", _times(x, 0.5), image("add", image("tanh", inside), 1))


def _hardswish(x: Call) -> Call:
    return image("multiply", x, _times(_clamped(image("add", x, 3), 0.0, 6.0), 1 / 6))


def _hardsigmoid(x: Call) -> Call:
    return _times(_clamped(image("add", x, 3), 0.0, 6.0), 1 / 6)


def _softplus(x: Call, beta: float) -> Call:
    """log(1 + exp(b)) = max(b, 0) + log(1 + exp(-|b|)) of b = beta x, which cannot overflow."""
    b = _times(x, beta)
    small = image("exp", image("multiply", image("abs", b), -1))
    return _times(image("add", image("max", b, 0), image("log", image("add", small, 1))), 1 / beta)


def _mish(x: Call) -> Call:
    return image("multiply", x, image("tanh", _softplus(x, 1.0)))


_BY_NAME = ("abs", "exp", "log", "sqrt", "erf", "sin", "cos", "atan")  # Earth Engine has them by this very name

FORMULAS: dict[str, Callable[..., Call]] = {
    "relu": _relu,
    "leaky_relu": _leaky_relu,  # slope below 0
    "elu": _elu,  # alpha, scale, input scale
    "silu": lambda x: image("multiply", x, sigmoid(x)),
    "gelu": _gelu,
    "gelu_tanh": _gelu_tanh,
    "hardswish": _hardswish,
    "sigmoid": sigmoid,
    "tanh": lambda x: image("tanh", x),
    "hardtanh": _clamped,  # low, high
    "hardsigmoid": _hardsigmoid,
    "softplus": _softplus,  # beta
    "mish": _mish,
    "pow": lambda x, exponent: image("pow", x, shortest(exponent)),  # exponent
    "sign": lambda x: image("signum", x),
    **{kind: lambda x, kind=kind: image(kind, x) for kind in _BY_NAME},
}


def activate(op: Activation, x: Call) -> Call:
    """Apply an activation to bands or to an array."""
    return FORMULAS[op.kind](x, *op.parameters)

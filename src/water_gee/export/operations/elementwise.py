"""Functions of each value alone: the activations, and the mathematical functions that other people's layers use."""

import math
from typing import Any

import numpy as np

from water_gee.export.bounds import not_negative, positive
from water_gee.export.building import affine
from water_gee.export.ir import Activation, Binary, Constant, Op
from water_gee.export.operations.convolution import floats
from water_gee.export.registry import supports
from water_gee.export.traced import Traced
from water_gee.export.tracer import Tracer


def _unary(name: str, words: str, kind: str = "") -> None:
    @supports(name, words=words)
    def handle(t: Tracer, self: Traced) -> Traced:
        return self.of(Activation(t.place, self.op, kind or name))


for _name, _words in {
    "relu": "ReLU", "silu": "SiLU", "sigmoid": "Sigmoid", "tanh": "Tanh", "abs": "abs", "exp": "exp", "erf": "erf",
    "sin": "sin", "cos": "cos", "hardswish": "Hardswish", "hardsigmoid": "Hardsigmoid", "mish": "Mish",
    "sign": "sign", "sgn": "sign", "atan": "atan", "arctan": "atan",
}.items():  # fmt: skip
    _unary(_name, _words, {"sgn": "sign", "arctan": "atan"}.get(_name, ""))


@supports("relu6", words="ReLU6")
def relu6(t: Tracer, self: Traced) -> Traced:
    """Clamp to 0..6."""
    return self.of(Activation(t.place, self.op, "hardtanh", (0.0, 6.0)))


@supports("hardtanh", words="Hardtanh")
def hardtanh(t: Tracer, self: Traced, min_val: float = -1.0, max_val: float = 1.0) -> Traced:
    """Clamp to a range."""
    return self.of(Activation(t.place, self.op, "hardtanh", (float(min_val), float(max_val))))


@supports("leaky_relu", words="LeakyReLU")
def leaky_relu(t: Tracer, self: Traced, negative_slope: float = 0.01) -> Traced:
    """A fixed slope below 0."""
    return self.of(Activation(t.place, self.op, "leaky_relu", (float(negative_slope),)))


@supports("rrelu", words="RReLU", rule="in evaluation, of a fixed slope", ignored=("noise",))
def rrelu(t: Tracer, self: Traced, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False) -> Traced:
    """The mean of the slopes that the training draws from."""
    if training:
        raise t.refuse("it draws its slope at each call", "use LeakyReLU(slope), or eval()")
    return leaky_relu(t, self, (float(lower) + float(upper)) / 2)


@supports("prelu", words="PReLU", rule="one slope, or one a channel")
def prelu(t: Tracer, self: Traced, weight: Any) -> Traced:
    """A learned slope below 0: max(x, 0) + slope min(x, 0)."""
    slopes = floats(weight)
    if len(slopes) == 1:
        return leaky_relu(t, self, float(slopes[0]))
    if self.position(1) != 0:
        raise t.refuse("its channels are not the second axis", "bring them there before")
    along = slopes.reshape((-1,) + (1,) * (self.ids.ndim - 1))
    vector = np.broadcast_to(along, self.ids.shape).ravel()
    x = self.channels(t.place)
    below = Activation(t.place, x, "hardtanh", (-np.inf, 0.0))
    op = Binary(t.place, (Activation(t.place, x, "relu"), affine(t.place, below, scale=vector)), "add")
    return self.of(op, np.arange(op.channels).reshape(self.ids.shape))


@supports("elu", words="ELU")
def elu(t: Tracer, self: Traced, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Traced:
    """Exponential below 0."""
    return self.of(Activation(t.place, self.op, "elu", (float(alpha), float(scale), float(input_scale))))


@supports("celu", words="CELU")
def celu(t: Tracer, self: Traced, alpha: float = 1.0) -> Traced:
    """ELU whose slope is 1 at 0 for any alpha."""
    return self.of(Activation(t.place, self.op, "elu", (float(alpha), 1.0, 1.0 / float(alpha))))


@supports("selu", words="SELU")
def selu(t: Tracer, self: Traced) -> Traced:
    """ELU with the constants of Klambauer et al. (2017)."""
    alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
    return self.of(Activation(t.place, self.op, "elu", (alpha, scale, 1.0)))


@supports("gelu", words="GELU")
def gelu(t: Tracer, self: Traced, approximate: str = "none") -> Traced:
    """By the error function, or its approximation by tanh."""
    return self.of(Activation(t.place, self.op, "gelu_tanh" if approximate == "tanh" else "gelu"))


def _softplus(place: str, op: Op, beta: float) -> Op:
    return Activation(place, op, "softplus", (beta,))


@supports("log_sigmoid", words="LogSigmoid")
def log_sigmoid(t: Tracer, self: Traced) -> Traced:
    """-log(1 + exp(-x))."""
    below = affine(t.place, self.op, scale=-1.0)
    return self.of(affine(t.place, _softplus(t.place, below, 1.0), scale=-1.0))


@supports("softshrink", words="Softshrink")
def softshrink(t: Tracer, self: Traced, lambd: float = 0.5) -> Traced:
    """What lies beyond -lambda..lambda."""
    inside = Activation(t.place, self.op, "hardtanh", (-float(lambd), float(lambd)))
    return self.of(Binary(t.place, (self.op, affine(t.place, inside, scale=-1.0)), "add"))


@supports("log", words="log", rule="of what is proven to be above 0, as after clamp(min=1e-6)")
def log(t: Tracer, self: Traced) -> Traced:
    """The natural logarithm."""
    return _log(t, self, self.op)


@supports("log1p", words="log1p", rule="of what is proven to be above -1, as after a ReLU")
def log1p(t: Tracer, self: Traced) -> Traced:
    """log(1 + x)."""
    return _log(t, self, affine(t.place, self.op, shift=1.0))


def _log(t: Tracer, x: Traced, op: Op) -> Traced:
    if not positive(op):
        raise t.refuse("its argument may be 0 or below", "clamp it before, as in x.clamp(min=1e-6)")
    return x.of(Activation(t.place, op, "log"))


@supports("expm1", words="expm1")
def expm1(t: Tracer, self: Traced) -> Traced:
    """exp(x) - 1."""
    return self.of(affine(t.place, Activation(t.place, self.op, "exp"), shift=-1.0))


def root(t: Tracer, op: Op) -> Op:
    """The square root of what cannot be negative."""
    if not not_negative(op):
        raise t.refuse("its argument may be negative", "clamp it before, as in x.clamp(min=0)")
    return Activation(t.place, op, "sqrt")


@supports("sqrt", words="sqrt", rule="of what is proven to be 0 or above")
def sqrt(t: Tracer, self: Traced) -> Traced:
    """The square root."""
    return self.of(root(t, self.op))


@supports("rsqrt", words="rsqrt", rule="of what is proven to be above 0")
def rsqrt(t: Tracer, self: Traced) -> Traced:
    """1 / sqrt(x)."""
    return self.of(inverse_root(t, self.op))


def inverse_root(t: Tracer, op: Op) -> Op:
    """1 / sqrt(x) of what cannot be 0."""
    if not positive(op):
        raise t.refuse("its argument may be 0 or below", "add a constant to what cannot be negative")
    return Activation(t.place, op, "pow", (-0.5,))


@supports("reciprocal", words="reciprocal", rule="of what is proven never to be 0")
def reciprocal(t: Tracer, self: Traced) -> Traced:
    """1 / x."""
    return self.of(power(t, self.op, -1.0))


@supports("square", words="square")
def square(t: Tracer, self: Traced) -> Traced:
    """The product of x and x."""
    return self.of(Binary(t.place, (self.op, self.op), "multiply"))


def power(t: Tracer, op: Op, exponent: float) -> Op:
    """A value to a fixed power."""
    if exponent == 2:
        return Binary(t.place, (op, op), "multiply")
    if exponent == 1:
        return op
    if exponent == 0:
        return Constant(t.place, np.ones(op.channels))
    if exponent == 0.5:
        return root(t, op)
    if exponent < 0 and not positive(op):
        raise t.refuse(f"to the power of {exponent} it needs a value above 0", "add a constant to a value not below 0")
    if not float(exponent).is_integer() and not not_negative(op):
        raise t.refuse(f"a negative value has no power of {exponent}", "clamp it before, as in x.clamp(min=0)")
    return Activation(t.place, op, "pow", (float(exponent),))


@supports("pow", words="pow", rule="by a constant; of values proven to be in its domain")
def pow(t: Tracer, self: Any, exponent: Any) -> Traced:
    """To the power of a constant, or a constant to the power of a value."""
    if isinstance(self, Traced) and isinstance(exponent, int | float):
        return self.of(power(t, self.op, float(exponent)))
    if isinstance(exponent, Traced) and isinstance(self, int | float) and self > 0:
        return exponent.of(Activation(t.place, affine(t.place, exponent.op, scale=math.log(self)), "exp"))
    raise t.refuse("its exponent is no number", "use a number as exponent")

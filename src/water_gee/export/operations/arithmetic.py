"""Arithmetic and comparisons of two values, broadcast as torch does it, and what chooses between values."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from water_gee.export.bounds import never_zero
from water_gee.export.building import affine, picked
from water_gee.export.ir import Activation, Binary, Constant, Floats, Op
from water_gee.export.registry import supports
from water_gee.export.traced import Ids, Traced, aligned, numbered
from water_gee.export.tracer import Tracer


def _same_everywhere(t: Tracer, constant: Tensor, axes: tuple[str, ...], shape: tuple[int, ...]) -> Floats:
    """A constant as values with an axis for each axis of channels, if it is the same at every pixel."""
    whole = constant.detach().double()
    whole = whole.reshape((1,) * (len(axes) - whole.ndim) + tuple(whole.shape))
    for axis, kind in enumerate(axes):
        if kind != "c" and whole.shape[axis] > 1:
            first = whole.narrow(axis, 0, 1)
            if not bool((whole == first).all()):
                raise t.refuse("its constant differs from pixel to pixel", "use one number a channel")
            whole = first
    kept = [whole.shape[axis] for axis, kind in enumerate(axes) if kind == "c"]
    return whole.reshape(kept).numpy()


def together(t: Tracer, *values: Any) -> tuple[Traced, Ids, list[Op]]:
    """Bring values and constants to the same channels.

    Returns:
        A Traced value with the axes of the result, the numbers of its channels, and each value with these channels.
    """
    shape = t.shape()
    axes, ids = aligned(values, len(shape))
    size = tuple(side for side, kind in zip(shape, axes, strict=True) if kind == "c")
    ops: list[Op] = []
    for number, (value, own) in enumerate(zip(values, ids, strict=True)):
        if any(value is other for other in values[:number]) and isinstance(value, Traced):
            ops.append(ops[next(place for place, other in enumerate(values) if other is value)])
        elif isinstance(value, Traced):
            assert own is not None
            ops.append(picked(t.place, value.op, np.broadcast_to(own, size).ravel()))
        else:
            same = _same_everywhere(t, torch.as_tensor(value), axes, shape)
            ops.append(Constant(t.place, np.broadcast_to(same, size).ravel().astype(np.float64)))
    like = next(value for value in values if isinstance(value, Traced))
    return like.of(ops[0], numbered(size), axes), numbered(size), ops


def joined(t: Tracer, kind: str, left: Any, right: Any) -> Traced:
    """Two values, channel by channel."""
    like, ids, ops = together(t, left, right)
    return like.of(Binary(t.place, (ops[0], ops[1]), kind), ids)


def _number(op: Op) -> Floats | None:
    return op.values if isinstance(op, Constant) else None


@supports("add", words="+", rule="values on the same pixels, or constants that are one number a channel")
def add(t: Tracer, self: Any, other: Any, alpha: float = 1.0) -> Traced:
    """Left + alpha right."""
    like, ids, (left, right) = together(t, self, other)
    left_values, right_values = _number(left), _number(right)
    if right_values is not None:
        return like.of(affine(t.place, left, shift=alpha * right_values), ids)
    if left_values is not None:
        return like.of(affine(t.place, right, scale=float(alpha), shift=left_values), ids)
    right = right if alpha == 1 else affine(t.place, right, scale=float(alpha))
    return like.of(Binary(t.place, (left, right), "add"), ids)


@supports("sub", "subtract", words="-", rule="as +")
def sub(t: Tracer, self: Any, other: Any, alpha: float = 1.0) -> Traced:
    """Left - alpha right."""
    like, ids, (left, right) = together(t, self, other)
    right_values = _number(right)
    if right_values is not None:
        return like.of(affine(t.place, left, centre=alpha * right_values), ids)
    return add(t, self, other, -alpha)


@supports("rsub", words="-", rule="as +")
def rsub(t: Tracer, self: Any, other: Any, alpha: float = 1.0) -> Traced:
    """Right - alpha left."""
    return sub(t, other, self, alpha)


@supports("mul", "multiply", words="*", rule="as +")
def mul(t: Tracer, self: Any, other: Any) -> Traced:
    """The product."""
    like, ids, (left, right) = together(t, self, other)
    for one, constant in ((left, _number(right)), (right, _number(left))):
        if constant is not None:
            return like.of(affine(t.place, one, scale=constant), ids)
    return like.of(Binary(t.place, (left, right), "multiply"), ids)


@supports("div", "divide", "true_divide", words="/", rule="by constants, and by values that are proven never to be 0")
def div(t: Tracer, self: Any, other: Any, rounding_mode: str | None = None) -> Traced:
    """The quotient."""
    if rounding_mode is not None:
        raise t.refuse(f"it rounds ({rounding_mode}), where nearly equal values part ways", "divide without rounding")
    like, ids, (left, right) = together(t, self, other)
    divisor = _number(right)
    if divisor is not None and (divisor != 0).all():
        return like.of(affine(t.place, left, scale=1.0 / divisor), ids)
    if not never_zero(right):
        raise t.refuse(
            "its divisor may be 0, where torch gives infinity and Earth Engine 0",
            "divide by what cannot be 0, as in a / (b.abs() + 1e-6) or a / b.clamp(min=1e-6)",
        )
    return like.of(Binary(t.place, (left, right), "divide"), ids)


@supports("neg", "negative", words="-x")
def neg(t: Tracer, self: Traced) -> Traced:
    """The value with the other sign."""
    return self.of(affine(t.place, self.op, scale=-1.0))


@supports("maximum", "fmax", words="maximum")
def maximum(t: Tracer, self: Any, other: Any) -> Traced:
    """The larger of two."""
    return joined(t, "max", self, other)


@supports("minimum", "fmin", words="minimum")
def minimum(t: Tracer, self: Any, other: Any) -> Traced:
    """The smaller of two."""
    return joined(t, "min", self, other)


@supports("hypot", words="hypot")
def hypot(t: Tracer, self: Any, other: Any) -> Traced:
    """sqrt(a a + b b)."""
    like, ids, ops = together(t, self, other)
    squares = [Binary(t.place, (op, op), "multiply") for op in ops]
    return like.of(Activation(t.place, Binary(t.place, (squares[0], squares[1]), "add"), "sqrt"), ids)


@supports("clamp", "clip", words="clamp")
def clamp(t: Tracer, self: Traced, min: Any = None, max: Any = None) -> Traced:
    """Hold a value between bounds, numbers or values."""
    plain = all(bound is None or isinstance(bound, int | float) for bound in (min, max))
    if plain:
        bounds = (-np.inf if min is None else float(min), np.inf if max is None else float(max))
        return self.of(Activation(t.place, self.op, "hardtanh", bounds))
    found = self if min is None else joined(t, "max", self, min)
    return found if max is None else joined(t, "min", found, max)


@supports("clamp_min", words="clamp")
def clamp_min(t: Tracer, self: Traced, min: Any) -> Traced:
    """Hold a value above a bound."""
    return clamp(t, self, min)


@supports("clamp_max", words="clamp")
def clamp_max(t: Tracer, self: Traced, max: Any) -> Traced:
    """Hold a value below a bound."""
    return clamp(t, self, None, max)

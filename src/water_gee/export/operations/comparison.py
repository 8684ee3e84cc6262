"""Comparisons (1 where they hold, else 0), what chooses by them, and the filling of masked pixels."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from water_gee.export.building import affine
from water_gee.export.calls import shortest
from water_gee.export.ir import Activation, Binary, Constant, Fill, Floats, IsMasked, Op
from water_gee.export.operations.arithmetic import joined, together
from water_gee.export.registry import supports
from water_gee.export.traced import Traced
from water_gee.export.tracer import Tracer


def _compared(t: Tracer, kind: str, left: Any, right: Any) -> Traced:
    # torch compares float32 with a number that it has rounded to float32; EE would compare with the double itself.
    def single(value: Any) -> Any:
        whole = isinstance(value, Traced) or (isinstance(value, Tensor) and not value.is_floating_point())
        return value if whole else torch.as_tensor(value).to(torch.float32)

    like, ids, (a, b) = together(t, single(left), single(right))
    if kind != "eq":
        return like.of(_above(t, kind, a, b), ids)
    if not any(isinstance(side, Constant) and (_between(side.values, 1) != side.values).any() for side in (a, b)):
        return like.of(Binary(t.place, (a, b), "eq"), ids)
    return like.of(Binary(t.place, (_above(t, "gte", a, b), _above(t, "gte", b, a)), "multiply"), ids)


def _above(t: Tracer, kind: str, left: Op, right: Op) -> Op:
    """Left above right (`gt`), or not below it (`gte`), exact for float32 values on the very edge of a constant."""
    up = 1 if kind == "gt" else -1  # from a constant on the right; from one on the left the other way
    sides = [
        Constant(t.place, _between(side.values, way)) if isinstance(side, Constant) else side
        for side, way in ((left, -up), (right, up))
    ]
    return Binary(t.place, (sides[0], sides[1]), kind)


def _between(values: Floats, way: int) -> Floats:
    """Constants of float32 moved half-way to the next float32 number above (1) or below (-1).

    Constants are written at float32's decimals: 0.1, which is below the float32 number next to it. Between two float32
    numbers there is nothing that a comparison could mistake. Those whose decimals are exact stay.
    """
    single = values.astype(np.float32)
    further = np.nextafter(single, np.float32(way * np.inf)).astype(np.float64)
    exact = np.array([shortest(value) for value in values]) == values
    return np.where(exact, values, (values + further) / 2)


def negated(t: Tracer, x: Traced) -> Traced:
    """1 - x: what does not hold."""
    return x.of(affine(t.place, x.op, scale=-1.0, shift=1.0))


_TIES = "nearly equal values may part ways"


@supports("gt", "greater", words=">", rule=_TIES)
def gt(t: Tracer, self: Any, other: Any) -> Traced:
    """Left above right."""
    return _compared(t, "gt", self, other)


@supports("ge", "greater_equal", words=">=", rule=_TIES)
def ge(t: Tracer, self: Any, other: Any) -> Traced:
    """Left not below right."""
    return _compared(t, "gte", self, other)


@supports("lt", "less", words="<", rule=_TIES)
def lt(t: Tracer, self: Any, other: Any) -> Traced:
    """Left below right."""
    return _compared(t, "gt", other, self)


@supports("le", "less_equal", words="<=", rule=_TIES)
def le(t: Tracer, self: Any, other: Any) -> Traced:
    """Left not above right."""
    return _compared(t, "gte", other, self)


@supports("eq", words="==", rule=_TIES)
def eq(t: Tracer, self: Any, other: Any) -> Traced:
    """Left and right the same."""
    return _compared(t, "eq", self, other)


@supports("ne", "not_equal", words="!=", rule=_TIES)
def ne(t: Tracer, self: Any, other: Any) -> Traced:
    """Left and right not the same."""
    return negated(t, _compared(t, "eq", self, other))


def _truths(t: Tracer, *values: Any) -> None:
    for node in t.node.all_input_nodes:
        if node.meta["val"].dtype != torch.bool:
            raise t.refuse("it is of numbers, not of comparisons", "compare first, as in x > 0")


@supports("logical_and", "bitwise_and", "__and__", words="&", rule="of comparisons")
def logical_and(t: Tracer, self: Any, other: Any) -> Traced:
    """Both."""
    _truths(t)
    return joined(t, "multiply", self, other)


@supports("logical_or", "bitwise_or", "__or__", words="|", rule="of comparisons")
def logical_or(t: Tracer, self: Any, other: Any) -> Traced:
    """Either."""
    _truths(t)
    return joined(t, "max", self, other)


@supports("logical_xor", "bitwise_xor", "__xor__", words="^", rule="of comparisons")
def logical_xor(t: Tracer, self: Any, other: Any) -> Traced:
    """One and not the other."""
    _truths(t)
    both = joined(t, "eq", self, other)
    return negated(t, both)


@supports("logical_not", "bitwise_not", words="~", rule="of comparisons")
def logical_not(t: Tracer, self: Traced) -> Traced:
    """Not."""
    _truths(t)
    return negated(t, self)


@supports("where", words="where", rule="on a comparison")
def where(t: Tracer, condition: Any, self: Any, other: Any) -> Traced:
    """One value where a comparison holds, another elsewhere: c a + (1 - c) b, exact for c of 0 and 1."""
    if isinstance(condition, Tensor):
        condition = condition.to(torch.float32)
    filled = _filling(t, condition, self, other)
    if filled is not None:
        return filled
    like, ids, (holds, yes, no) = together(t, condition, self, other)
    parts = (
        Binary(t.place, (holds, yes), "multiply"),
        Binary(t.place, (affine(t.place, holds, scale=-1.0, shift=1.0), no), "multiply"),
    )
    return like.of(Binary(t.place, parts, "add"), ids)


def _filling(t: Tracer, condition: Any, yes: Any, no: Any) -> Traced | None:
    """Return the fill that `where(isnan(x), 0, x)` is, or None."""
    if not isinstance(condition, Traced) or not isinstance(condition.op, IsMasked) or not isinstance(no, Traced):
        return None
    number = torch.as_tensor(yes) if not isinstance(yes, Traced) else None
    if number is None or number.numel() != 1 or condition.op.source is not no.op:
        return None
    if condition.axes != no.axes or not np.array_equal(condition.ids, no.ids):
        return None
    return no.of(Fill(t.place, no.op, float(number)))


@supports("masked_fill", words="masked_fill", rule="as where")
def masked_fill(t: Tracer, self: Any, mask: Any, value: Any) -> Traced:
    """A constant where a comparison holds."""
    return where(t, mask, value, self)


@supports("threshold", words="Threshold", rule=_TIES)
def threshold(t: Tracer, self: Traced, threshold: float, value: float) -> Traced:
    """The value above a threshold, a constant elsewhere."""
    return where(t, gt(t, self, threshold), self, value)


@supports("softplus", words="Softplus")
def softplus(t: Tracer, self: Traced, beta: float = 1.0, threshold: float = 20.0) -> Traced:
    """log(1 + exp(beta x)) / beta, which torch leaves at x where beta x is above the threshold."""
    curve = self.of(Activation(t.place, self.op, "softplus", (float(beta),)))
    if threshold >= 20:  # the two differ by less than 3e-9 there
        return curve
    scaled = self.of(affine(t.place, self.op, scale=float(beta)))
    return where(t, gt(t, scaled, threshold), self, curve)


@supports("hardshrink", words="Hardshrink", rule=_TIES)
def hardshrink(t: Tracer, self: Traced, lambd: float = 0.5) -> Traced:
    """The value beyond -lambda..lambda, 0 elsewhere."""
    return where(t, gt(t, self.of(Activation(t.place, self.op, "abs")), lambd), self, 0.0)


@supports("nan_to_num", words="nan_to_num", rule="right after the standardisation: masked pixels get a value")
def nan_to_num(t: Tracer, self: Traced, nan: float | None = None) -> Traced:
    """A masked pixel gets a value."""
    return self.of(Fill(t.place, self.op, float(nan or 0.0)))


@supports("isnan", words="isnan", rule="only in where(isnan(x), 0, x)")
def isnan(t: Tracer, self: Traced) -> Traced:
    """Where a value is masked."""
    return self.of(IsMasked(t.place, self.op))

"""The elementwise operations, written once for images and numbers."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from eelocal.errors import bad_request
from eelocal.evaluator import pixeltype
from eelocal.evaluator.pixeltype import BOOLEAN, FLOAT, PixelType

Values = NDArray[Any]


@dataclass(frozen=True)
class Operator:
    """A function of one value or two, and the type it gives for those of its operands."""

    function: Callable[..., Values]
    type: Callable[..., PixelType]


def _wide(function: Callable[..., Values]) -> Callable[..., Values]:
    """Integers are computed with 64 bits: the result's range is known, the way there may leave it."""

    def wide(*arguments: Values) -> Values:
        return function(
            *(a.astype(np.int64) if a.dtype.kind in "iu" and a.dtype.itemsize < 8 else a for a in arguments)
        )

    return wide


def _keep(type_: PixelType) -> PixelType:
    return type_


def _to(target: PixelType) -> Callable[[PixelType], PixelType]:
    return lambda type_: target.with_dimensions(type_.dimensions)


def _truth(a: PixelType, b: PixelType) -> PixelType:
    return BOOLEAN.with_dimensions(max(a.dimensions, b.dimensions))


def _magnitude(type_: PixelType) -> PixelType:
    if not type_.is_int:
        return type_
    ends = (abs(type_.low), abs(type_.high))
    low = 0 if type_.low <= 0 <= type_.high else min(ends)
    return PixelType("int", low, max(ends), type_.dimensions)


def _sign(type_: PixelType) -> PixelType:
    return PixelType("int", -1, 1, type_.dimensions) if type_.is_int else type_


def _integers(name: str, function: Callable[[Values, Values], Values]) -> Callable[[Values, Values], Values]:
    def checked(a: Values, b: Values) -> Values:
        if a.dtype.kind not in "iu" or b.dtype.kind not in "iu":
            raise bad_request(f"The operands of {name} must be integers.")
        return function(a.astype(np.int64), b.astype(np.int64))

    return checked


def bits(a: PixelType, b: PixelType) -> PixelType:
    """Return the type of a bit operation.

    Raises:
        EEError: where an operand is not an integer.
    """
    if not (a.is_int and b.is_int):
        raise bad_request("Bitwise operands must be integer only.")
    low, high = min(a.low, b.low), max(a.high, b.high)
    if low >= 0:
        return PixelType("int", 0, (1 << int(high).bit_length()) - 1, max(a.dimensions, b.dimensions))
    size = max(int(high).bit_length(), int(-low - 1).bit_length())
    return PixelType("int", -(1 << size), (1 << size) - 1, max(a.dimensions, b.dimensions))


def _shifted(a: PixelType, b: PixelType) -> PixelType:
    if not (a.is_int and b.is_int):
        raise bad_request("Bitwise operands must be integer only.")
    return pixeltype.INT64.with_dimensions(max(a.dimensions, b.dimensions))


def _right_shifted(a: PixelType, b: PixelType) -> PixelType:
    _shifted(a, b)
    return PixelType("int", min(a.low, 0), max(a.high, 0), max(a.dimensions, b.dimensions))


def _divide(a: Values, b: Values) -> Values:
    zero = b == 0
    return np.where(zero, 0.0, np.true_divide(a, np.where(zero, 1, b)))


def _mod(a: Values, b: Values) -> Values:
    zero = b == 0
    # The remainder has the sign of the dividend, as in Java.
    return np.where(zero, 0, np.fmod(a, np.where(zero, 1, b)))


def _extreme(choose: Callable[[int, int], int]) -> Callable[[PixelType, PixelType], PixelType]:
    def rule(a: PixelType, b: PixelType) -> PixelType:
        both = pixeltype.union(a, b)
        ends = (choose(a.low, b.low), choose(a.high, b.high))
        return PixelType("int", *ends, both.dimensions) if both.is_int else both

    return rule


def _range(on_ends: Callable[[int, int], int]) -> Callable[[PixelType, PixelType], PixelType]:
    return lambda a, b: pixeltype.interval(on_ends, a, b)


def _mod_type(a: PixelType, b: PixelType) -> PixelType:
    both = pixeltype.union(a, b)
    if not both.is_int:
        return both
    size = max(abs(b.low), abs(b.high))
    return PixelType("int", -size if a.low < 0 else 0, size if a.high > 0 else 0, both.dimensions)


def _bitwise_not(values: Values) -> Values:
    return _integers("bitwiseNot", lambda a, b: ~a)(values, values)


def _whole(function: Callable[[Values], Values]) -> Callable[[Values], Values]:
    return lambda values: values if values.dtype.kind in "iu" else function(values)


UNARY: dict[str, Operator] = {
    "abs": Operator(_wide(np.abs), _magnitude),
    "ceil": Operator(_whole(np.ceil), _keep),
    "floor": Operator(_whole(np.floor), _keep),
    "round": Operator(_whole(lambda v: np.floor(v + 0.5)), _keep),
    "signum": Operator(np.sign, _sign),
    "not": Operator(lambda v: v == 0, _to(BOOLEAN)),
    "bitwiseNot": Operator(_bitwise_not, lambda t: bits(t, PixelType("int", -1, 0))),
} | {
    name: Operator(function, pixeltype.widen)
    for name, function in {
        "acos": np.arccos, "asin": np.arcsin, "atan": np.arctan, "cbrt": np.cbrt, "cos": np.cos, "cosh": np.cosh,
        "erf": special.erf, "erfc": special.erfc, "exp": np.exp, "gamma": special.gamma, "log": np.log,
        "log10": np.log10, "sin": np.sin, "sinh": np.sinh, "sqrt": np.sqrt, "tan": np.tan, "tanh": np.tanh,
    }.items()
}  # fmt: skip

BINARY: dict[str, Operator] = {
    "add": Operator(_wide(np.add), _range(operator.add)),
    "subtract": Operator(_wide(np.subtract), _range(operator.sub)),
    "multiply": Operator(_wide(np.multiply), _range(operator.mul)),
    "divide": Operator(_divide, pixeltype.floating),
    "mod": Operator(_wide(_mod), _mod_type),
    "min": Operator(_wide(np.minimum), _extreme(min)),
    "max": Operator(_wide(np.maximum), _extreme(max)),
    "pow": Operator(lambda a, b: np.power(a.astype(np.float64), b), pixeltype.floating),
    "atan2": Operator(lambda a, b: np.arctan2(b, a), pixeltype.floating),
    "hypot": Operator(np.hypot, pixeltype.floating),
    "eq": Operator(np.equal, _truth),
    "neq": Operator(np.not_equal, _truth),
    "lt": Operator(np.less, _truth),
    "lte": Operator(np.less_equal, _truth),
    "gt": Operator(np.greater, _truth),
    "gte": Operator(np.greater_equal, _truth),
    "and": Operator(lambda a, b: (a != 0) & (b != 0), _truth),
    "or": Operator(lambda a, b: (a != 0) | (b != 0), _truth),
    "bitwiseAnd": Operator(_integers("bitwiseAnd", np.bitwise_and), bits),
    "bitwiseOr": Operator(_integers("bitwiseOr", np.bitwise_or), bits),
    "bitwiseXor": Operator(_integers("bitwiseXor", np.bitwise_xor), bits),
    "leftShift": Operator(_integers("leftShift", np.left_shift), _shifted),
    "rightShift": Operator(_integers("rightShift", np.right_shift), _right_shifted),
}

CASTS: dict[str, PixelType] = {
    "toByte": pixeltype.named("uint8"), "toUint8": pixeltype.named("uint8"), "toInt8": pixeltype.named("int8"),
    "toUint16": pixeltype.named("uint16"), "toInt16": pixeltype.named("int16"), "toShort": pixeltype.named("int16"),
    "toUint32": pixeltype.named("uint32"), "toInt32": pixeltype.INT32, "toInt": pixeltype.INT32,
    "toInt64": pixeltype.INT64, "toLong": pixeltype.INT64, "toFloat": FLOAT, "toDouble": pixeltype.DOUBLE,
}  # fmt: skip
CASTS |= {name[2].lower() + name[3:]: type_ for name, type_ in list(CASTS.items())}

"""Numbers, and constant arrays."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from eelocal.evaluator.image import Array
from eelocal.evaluator.operators import BINARY, CASTS, UNARY, Operator
from eelocal.evaluator.pixeltype import DOUBLE, PixelType, cast, of_number
from eelocal.evaluator.registry import Context, implements

_ON_NUMBERS = (
    "abs", "ceil", "floor", "round", "not", "cos", "sin", "tan", "exp", "log", "log10", "sqrt", "add", "subtract",
    "multiply", "divide", "mod", "min", "max", "pow", "atan2", "eq", "neq", "lt", "lte", "gt", "gte", "and", "or",
)  # fmt: skip


def _number(operation: Operator, *values: float) -> int | float:
    type_ = operation.type(*(of_number(value) for value in values))
    if type_.precision == "float":
        type_ = DOUBLE  # numbers that are not whole are doubles
    with np.errstate(all="ignore"):
        out = operation.function(*(np.asarray(value, of_number(value).dtype) for value in values))
    plain: int | float = cast(np.asarray(out), type_).item()
    return plain


for _name in _ON_NUMBERS:
    implements(f"Number.{_name}")(partial(_number, (UNARY | BINARY)[_name]))
for _name in ("toInt", "int"):
    implements(f"Number.{_name}")(partial(_number, Operator(lambda value: value, lambda _: CASTS["toInt"])))


@implements("Array", context=True)
def make(context: Context, values: Any, type_: PixelType | None) -> Array:
    """Nested lists of one shape."""
    array: Array = context.cast(values, "Array")
    return array if type_ is None else Array(cast(array.values, type_), type_)

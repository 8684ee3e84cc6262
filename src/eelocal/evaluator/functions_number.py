"""Numbers and constant arrays: the elementwise operations, and the arrays' own."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.image import Array
from eelocal.evaluator.operators import BINARY, CASTS, OLD_SPELLINGS, UNARY, Binary, Unary
from eelocal.evaluator.pixeltype import DOUBLE, INT64, PixelType, cast, named, of_number, union
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import Context, implements, snake


def _typed(value: float) -> Array:
    type_ = of_number(value)
    return Array(np.asarray(value, type_.dtype if type_.is_int else np.float64), type_)


def number(array: Array) -> int | float:
    """Return a 0-D array as a number."""
    out: int | float = array.values.item()
    return int(out) if isinstance(out, bool) else out


def unary(operation: Unary, array: Array) -> Array:
    """Apply an operation to every element."""
    type_ = operation.type(array.type.with_dimensions(0))
    with np.errstate(all="ignore"):
        return Array(cast(np.asarray(operation.function(array.values)), type_), type_)


def binary(operation: Binary, left: Array, right: Array) -> Array:
    """Apply an operation to every pair of elements; a number goes with all.

    Raises:
        EEError: where the shapes differ.
    """
    if left.values.ndim and right.values.ndim and left.values.shape != right.values.shape:
        raise bad_request(f"Array dimensions must match. Got {list(left.values.shape)} and {list(right.values.shape)}.")
    type_ = operation.type(left.type.with_dimensions(0), right.type.with_dimensions(0))
    with np.errstate(all="ignore"):
        return Array(cast(np.asarray(operation.function(left.values, right.values)), type_), type_)


def convert(target: PixelType, array: Array) -> Array:
    """Cast every element."""
    return Array(cast(array.values, target), target)


def _exact(type_: PixelType) -> PixelType:
    """Numbers that are not whole are doubles."""
    return DOUBLE if type_.precision == "float" else type_


def _number_unary(operation: Unary, value: float) -> int | float:
    exact = Unary(operation.function, lambda t: _exact(operation.type(t)))
    return number(unary(exact, _typed(value)))


def _number_binary(operation: Binary, left: float, right: float) -> int | float:
    exact = Binary(operation.function, lambda a, b: _exact(operation.type(a, b)))
    return number(binary(exact, _typed(left), _typed(right)))


def _register(name: str, on_number: Callable[..., Any], on_array: Callable[..., Any]) -> None:
    for prefix, function in (("Number", on_number), ("Array", on_array)):
        names = [f"{prefix}.{name}"] + ([snake(f"{prefix}.{name}")] if name in OLD_SPELLINGS else [])
        implements(*names)(function)


for _name, _unary in UNARY.items():
    _register(_name, partial(_number_unary, _unary), partial(unary, _unary))
for _name, _binary in BINARY.items():
    _register(_name, partial(_number_binary, _binary), partial(binary, _binary))
for _name, _target in CASTS.items():
    _register(_name, lambda value, t=_target: number(convert(t, _typed(value))), partial(convert, _target))


@implements("Number.clamp")
def clamp(value: float, low: float, high: float) -> float:
    """Between two ends."""
    return min(max(value, low), high)


@implements("Number.unitScale")
def unit_scale(value: float, low: float, high: float) -> float:
    """[low, high] to [0, 1]."""
    return (value - low) / (high - low)


@implements("Number.parse")
def parse(text: str, radix: int) -> int | float:
    """A number from text."""
    try:
        return int(text, radix)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            raise bad_request(f"'{text}' is no number.") from None


@implements("Number.format", note="%d, %f, %e, %g, %s with flags and widths")
def format_(value: float, pattern: str) -> str:
    """As in C."""
    if not re.fullmatch(r"[^%]*%[-+ 0#]*\d*(\.\d+)?[dfegsx][^%]*", pattern):
        raise bad_request(f"eelocal does not implement the number pattern '{pattern}'.")
    return pattern % (int(value) if re.search(r"[dx]", pattern) else value)


@implements("Array", context=True)
def make(context: Context, values: Any, type_: PixelType | None) -> Array:
    """Nested lists of one shape."""
    array: Array = context.cast(values, "Array")
    return array if type_ is None else convert(type_, array)


@implements("Array.identity")
def identity(size: int) -> Array:
    """Ones on the diagonal."""
    return Array(np.eye(size, dtype=np.int64), INT64)


@implements("Array.matrixMultiply")
def multiply(left: Array, right: Array) -> Array:
    """A * B."""
    a, b = left.values, right.values
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[0]:
        raise bad_request(f"The matrices' lengths do not agree: {list(a.shape)} times {list(b.shape)}.")
    return Array(a @ b, union(left.type, right.type))


@implements("Array.transpose", "Array.matrixTranspose")
def transpose(array: Array, first: int, second: int) -> Array:
    """Swap two axes."""
    values = array.values.reshape(array.values.shape + (1,) * (max(first, second) + 1 - array.values.ndim))
    return Array(values.swapaxes(first, second), array.type)


@implements("Array.matrixInverse")
def inverse(array: Array) -> Array:
    """The inverse of a square matrix."""
    try:
        return Array(np.linalg.inv(array.values.astype(np.float64)), DOUBLE)
    except np.linalg.LinAlgError:
        raise bad_request("The matrix cannot be inverted.") from None


@implements("Array.reshape")
def reshape(array: Array, shape: Array) -> Array:
    """The elements in order in a new shape."""
    try:
        return Array(array.values.reshape([int(v) for v in shape.values]), array.type)
    except ValueError:
        raise bad_request(f"Cannot reshape {list(array.values.shape)} to {shape.values.tolist()}.") from None


@implements("Array.cat")
def cat(arrays: list[Array], axis: int) -> Array:
    """Along an axis."""
    values = [a.values[..., None] if axis == a.values.ndim else a.values for a in arrays]
    try:
        return Array(np.concatenate(values, axis=axis), union(*(a.type for a in arrays)))
    except ValueError:
        raise bad_request(
            f"Cannot concatenate arrays of {[list(v.shape) for v in values]} along axis {axis}."
        ) from None


@implements("Array.slice")
def cut(array: Array, axis: int, start: int, end: int | None, step: int) -> Array:
    """Positions along an axis."""
    return Array(array.values[(slice(None),) * axis + (slice(start, end, step),)], array.type)


@implements("Array.project")
def project(array: Array, axes: list[int]) -> Array:
    """Keep some axes; the others must have a length of one."""
    dropped = [axis for axis in range(array.values.ndim) if axis not in axes]
    if any(array.values.shape[axis] != 1 for axis in dropped):
        raise bad_request(f"Cannot drop axes {dropped} of an array of {list(array.values.shape)}.")
    return Array(
        array.values.transpose(*axes, *dropped).reshape([array.values.shape[axis] for axis in axes]), array.type
    )


@implements("Array.repeat")
def repeat(array: Array, axis: int, copies: int) -> Array:
    """Copies along an axis."""
    values = array.values.reshape(array.values.shape + (1,) * (axis + 1 - array.values.ndim))
    return Array(np.concatenate([values] * copies, axis=axis), array.type)


@implements("Array.get")
def get(array: Array, position: list[int]) -> int | float:
    """One element."""
    try:
        out: int | float = array.values[tuple(position)].item()
        return out
    except (IndexError, ValueError):
        raise bad_request(f"Position {position} is outside of an array of {list(array.values.shape)}.") from None


@implements("Array.length")
def length(array: Array) -> Array:
    """The length of each axis."""
    return Array(np.array(array.values.shape, np.int64), INT64)


@implements("Array.toList")
def to_list(array: Array) -> list[Any]:
    """Nested lists."""
    out: list[Any] = array.values.tolist()
    return out


@implements("Array.dotProduct")
def dot(left: Array, right: Array) -> int | float:
    """Of two 1-D arrays."""
    if left.values.ndim != 1 or left.values.shape != right.values.shape:
        raise bad_request("The dot product needs 1-D arrays of one length.")
    out: int | float = np.dot(left.values, right.values).item()
    return out


@implements("Array.reduce", note="reducers of one input and one output")
def reduce(array: Array, reducer: Reducer, axes: list[int], field_axis: int | None) -> Array:
    """Reduce axes to a length of one."""
    rest = [axis for axis in range(array.values.ndim) if axis not in axes]
    stack = array.values.transpose(*axes, *rest).reshape(-1, *(array.values.shape[axis] for axis in rest))
    result, _ = reducer.run([stack], [np.ones(stack.shape, bool)])[0]
    shape = [1 if axis in axes else n for axis, n in enumerate(array.values.shape)]
    return Array(np.asarray(result).reshape(shape), reducer.types([array.type])[0])


def _pixel_type(name: str, target: PixelType) -> None:
    @implements(f"PixelType.{name}")
    def make_type() -> PixelType:
        return target


for _name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "float", "double"):
    _pixel_type(_name, CASTS[_name])


@implements("PixelType")
def pixel_type(precision: Any, low: float | None, high: float | None, dimensions: int) -> PixelType:
    """A type by its name, or by its precision and range."""
    if isinstance(precision, PixelType):
        return precision
    base = named(str(precision))
    if base.is_int and low is not None and high is not None:
        base = PixelType("int", int(low), int(high))
    return base.with_dimensions(dimensions)


@implements("PixelType.precision")
def precision_of(type_: PixelType) -> str:
    """int, float or double."""
    return type_.precision


@implements("PixelType.dimensions")
def dimensions_of(type_: PixelType) -> int:
    """The number of array dimensions."""
    return type_.dimensions

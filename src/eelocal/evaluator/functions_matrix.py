"""Array pixels multiplied and reduced."""

from __future__ import annotations

from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.functions_array import need_arrays
from eelocal.evaluator.image import Band, Image, pair
from eelocal.evaluator.node import MaskedNode, Node, ValuesNode
from eelocal.evaluator.pixeltype import DOUBLE, INT32, cast, union
from eelocal.evaluator.raster import EMPTY, Raster, Values, both
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements


def product(first: Node, second: Node) -> Node:
    """Return the matrix product of two bands of 2-D array pixels.

    Raises:
        EEError: where one has other pixels.
    """
    for node in (first, second):
        if node.type.dimensions != 2:
            raise bad_request(f"Matrices need array pixels of 2 dimensions, not {node.type.dimensions}.")
    both_types = union(first.type, second.type)
    type_ = both_types if not both_types.is_int else union(both_types, INT32)
    work: Any = np.float32 if type_.dtype == np.float32 else np.float64

    def multiplied(a: Raster, b: Raster) -> Raster:
        """One product of matrices where a side is constant, whatever the number of pixels."""
        if a.values is None or b.values is None:
            return EMPTY
        (n, inner), (rows, m) = a.array_shape, b.array_shape
        if inner != rows:
            raise bad_request(f"The matrices' lengths do not agree: {n}x{inner} times {rows}x{m}.")
        left, right = a.values.astype(work, copy=False), b.values.astype(work, copy=False)
        if a.uniform and b.uniform:
            values = left @ right
        elif a.uniform:
            values = (left @ right.reshape(rows, -1)).reshape(n, m, *right.shape[-2:])
        elif b.uniform:
            values = np.matmul(right.T, left.reshape(n, inner, -1)).reshape(n, m, *left.shape[-2:])
        else:
            values = np.einsum("ijyx,jkyx->ikyx", a.values.astype(work), b.values.astype(work))
        return Raster(cast(values, type_), both([a.mask, b.mask]), a.uniform and b.uniform)

    return MaskedNode(multiplied, type_, [first, second])


@implements("Image.matrixMultiply")
def multiply(first: Image, second: Image) -> Image:
    """A * B for each pair of bands."""
    out = [Band(name, product(a, b)) for name, a, b in pair(first, second)]
    return first.derived(out) if first.footprint is not None else second.derived(out)


@implements("Image.arrayDotProduct")
def dot(first: Image, second: Image) -> Image:
    """The dot product of 1-D array pixels."""

    def apply(a: Values, b: Values) -> Values:
        if a.shape[:-2] != b.shape[:-2]:
            raise bad_request(f"The arrays' lengths do not agree: {a.shape[0]} and {b.shape[0]}.")
        return np.asarray(np.sum(a.astype(np.float64) * b, axis=0))

    bands = []
    for name, a, b in pair(first, second):
        if a.type.dimensions != 1 or b.type.dimensions != 1:
            raise bad_request("The dot product needs 1-D array pixels.")
        bands.append(Band(name, ValuesNode(apply, DOUBLE, [a, b])))
    return first.derived(bands)


@implements("Image.arrayReduce", note="reducers of one output")
def reduce(image: Image, reducer: Reducer, axes: list[int], field_axis: int | None) -> Image:
    """Reduce axes to a length of one."""
    need_arrays(image)
    if len(reducer.outputs) != 1 or field_axis is not None:
        raise bad_request("eelocal implements reducers of one output, without fieldAxis, only for array pixels.")

    def apply(values: Values) -> Values:
        rank = values.ndim - 2
        if any(not 0 <= axis < rank for axis in axes) or len(set(axes)) != len(axes) or not axes:
            raise bad_request(f"Invalid axes {axes} for array pixels of {rank} dimension(s).")
        rest = [axis for axis in range(values.ndim) if axis not in axes]
        stack = values.transpose(*axes, *rest).reshape(-1, *(values.shape[axis] for axis in rest))
        result, _ = reducer.run(stack, np.ones(stack.shape, bool))[0]
        return np.asarray(result).reshape([1 if axis in axes else n for axis, n in enumerate(values.shape)])

    return image.each(
        lambda node: ValuesNode(apply, reducer.types(node.type)[0].with_dimensions(node.type.dimensions), [node])
    )


@implements("Image.arrayArgmax")
def argmax(image: Image) -> Image:
    """The position of the first maximum."""
    need_arrays(image)

    def apply(values: Values) -> Values:
        shape = values.shape[:-2]
        flat = values.reshape(-1, *values.shape[-2:]).argmax(axis=0)
        return np.stack(np.unravel_index(flat, shape))

    return image.each(lambda node: ValuesNode(apply, INT32.with_dimensions(1), [node]))

"""What joins the channels of a pixel: sums, extremes, products with matrices, normalisation and softmax over them."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from water_gee.export.ir import Activation, Binary, Concat, Conv, Floats, Op, Softmax, affine, mixed, picked
from water_gee.export.operations.arithmetic import joined
from water_gee.export.operations.convolution import floats
from water_gee.export.operations.elementwise import inverse_root, root
from water_gee.export.registry import supports
from water_gee.export.traced import Places, Traced, numbered, permuted
from water_gee.export.tracer import Tracer

_WHOLE = "it runs over the pixels of the whole image"
_OVER = "reduce over the channels, dim=1; AvgPool2d(k, stride=1) looks at a window of fixed size"


def contracted(t: Tracer, x: Traced, axis: int, matrix: Floats) -> Traced:
    """Replace an axis of channels by sums over it, weighted by `matrix` [out, in]."""
    axis %= len(x.axes)
    ids = np.moveaxis(x.ids, x.position(axis), -1)
    rest, out = ids.shape[:-1], len(matrix)
    whole = np.zeros((int(np.prod(rest, dtype=np.int64)), out, x.op.channels))
    for number, row in enumerate(ids.reshape(-1, ids.shape[-1])):
        np.add.at(whole[number].T, row, matrix.T)
    op = mixed(t.place, x.op, whole.reshape(-1, x.op.channels))
    return x.of(op, np.moveaxis(numbered((*rest, out)), -1, x.position(axis)))


def _axes(t: Tracer, x: Traced, dim: Any) -> list[int]:
    rank = len(x.axes)
    if dim is None or dim == []:
        raise t.refuse(_WHOLE, _OVER)
    axes = [axis % rank for axis in (dim if isinstance(dim, list | tuple) else [dim])]
    if any(x.axes[axis] != "c" for axis in axes):
        raise t.refuse(_WHOLE, _OVER)
    return axes


def _without(x: Traced, axes: list[int], keepdim: bool) -> Traced:
    """Drop axes of size 1 that a reduction leaves."""
    if keepdim:
        return x
    kept = tuple(kind for axis, kind in enumerate(x.axes) if axis not in axes)
    return x.of(x.op, x.ids.squeeze(tuple(x.position(axis) for axis in axes)), kept)


def _summed(t: Tracer, x: Traced, axes: list[int], share: bool) -> Traced:
    for axis in axes:
        size = x.ids.shape[x.position(axis)]
        x = contracted(t, x, axis, np.full((1, size), 1.0 / size if share else 1.0))
    return x


@supports("mean", words="mean", rule="over channels")
def mean(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The mean over axes of channels."""
    axes = _axes(t, self, dim)
    return _without(_summed(t, self, axes, share=True), axes, keepdim)


@supports("sum", words="sum", rule="over channels")
def total(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The sum over axes of channels."""
    axes = _axes(t, self, dim)
    return _without(_summed(t, self, axes, share=False), axes, keepdim)


@supports("cumsum", words="cumsum", rule="over channels")
def cumsum(t: Tracer, self: Traced, dim: int) -> Traced:
    """The sums of the first channels."""
    (axis,) = _axes(t, self, dim)
    size = self.ids.shape[self.position(axis)]
    return contracted(t, self, axis, np.tril(np.ones((size, size))))


def _folded(t: Tracer, x: Traced, axis: int, kind: str) -> Traced:
    """Join an axis to its extreme by halves, `max` or `min`."""
    ids = np.moveaxis(x.ids, x.position(axis), 0)
    op = x.op
    while len(ids) > 1:
        half = len(ids) // 2
        left, right, odd = ids[:half], ids[half : 2 * half], ids[2 * half :]
        pair = picked(t.place, op, left.ravel()), picked(t.place, op, right.ravel())
        joined: Op = Binary(t.place, pair, kind)
        if len(odd):  # the one that is left over joins every pair: an extreme stays what it is
            rest = np.broadcast_to(odd, left.shape).ravel()
            joined = Binary(t.place, (joined, picked(t.place, op, rest)), kind)
        op, ids = joined, numbered(left.shape)
    return x.of(op, np.moveaxis(ids, 0, x.position(axis)))


def _product(t: Tracer, x: Traced, axis: int) -> Traced:
    ids = np.moveaxis(x.ids, x.position(axis), 0)
    op = picked(t.place, x.op, ids[0].ravel())
    for place in ids[1:]:
        op = Binary(t.place, (op, picked(t.place, x.op, place.ravel())), "multiply")
    return x.of(op, np.moveaxis(numbered((1, *ids.shape[1:])), 0, x.position(axis)))


def _extreme(t: Tracer, x: Traced, dim: Any, keepdim: bool, kind: str) -> Traced:
    axes = _axes(t, x, dim)
    for axis in axes:
        x = _folded(t, x, axis, kind)
    return _without(x, axes, keepdim)


@supports("amax", words="amax", rule="over channels")
def amax(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The largest over axes of channels."""
    return _extreme(t, self, dim, keepdim, "max")


@supports("amin", words="amin", rule="over channels")
def amin(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The smallest over axes of channels."""
    return _extreme(t, self, dim, keepdim, "min")


@supports("prod", words="prod", rule="over channels")
def prod(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The product over an axis of channels."""
    (axis,) = _axes(t, self, dim)
    return _without(_product(t, self, axis), [axis], keepdim)


def _either(t: Tracer, x: Traced, other: Any, dim: Any, keepdim: bool, kind: str) -> Any:
    if other is not None:
        return joined(t, kind, x, other)
    return [_extreme(t, x, dim, keepdim, kind), Places()]


@supports("max", words="max", rule="over channels, its values; or of two")
def largest(t: Tracer, self: Traced, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest over an axis, and where; or the larger of two."""
    return _either(t, self, other, dim, keepdim, "max")


@supports("min", words="min", rule="over channels, its values; or of two")
def smallest(t: Tracer, self: Traced, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest over an axis, and where; or the smaller of two."""
    return _either(t, self, other, dim, keepdim, "min")


# ---- Products with matrices ----


@supports("linear", words="Linear", rule="over the channels, as the last axis")
def linear(t: Tracer, input: Traced, weight: Any, bias: Any = None) -> Traced:
    """Mix the last axis."""
    if isinstance(weight, Traced) or not isinstance(input, Traced):
        raise t.refuse("its weights depend on the image", "use fixed weights")
    if input.axes[-1] != "c":
        raise t.refuse(
            "it mixes a row of pixels, not the channels", "use Conv2d(kernel_size=1), or permute channels last"
        )
    found = contracted(t, input, -1, floats(weight))
    if bias is None:
        return found
    offset = np.broadcast_to(floats(bias), found.ids.shape)
    assert isinstance(found.op, Conv)
    values = np.zeros(found.op.channels)
    values[found.ids] = offset
    return found.of(Conv(t.place, found.op.source, found.op.weight, values))


@supports("matmul", "mm", "bmm", words="matmul", rule="of channels with a fixed matrix")
def matmul(t: Tracer, self: Any = None, other: Any = None, mat2: Any = None) -> Traced:
    """A fixed matrix from the right or from the left."""
    right = other if other is not None else mat2
    if isinstance(self, Traced) and isinstance(right, Tensor) and right.ndim == 2 and self.axes[-1] == "c":
        return contracted(t, self, -1, floats(right).T)
    if isinstance(right, Traced) and isinstance(self, Tensor) and self.ndim == 2 and right.axes[-2:-1] == ("c",):
        return contracted(t, right, -2, floats(self))
    raise t.refuse("it is no product of the channels with a fixed matrix", "use Conv2d(kernel_size=1)")


@supports("einsum", words="einsum", rule="of channels with a fixed matrix, as in 'nchw,oc->nohw'", ignored=("path",))
def einsum(t: Tracer, equation: str, tensors: list[Any]) -> Traced:
    """A fixed matrix on one axis."""
    inputs, _, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    pairs = sorted(zip(tensors, names, strict=True), key=lambda pair: isinstance(pair[0], Tensor))
    fits = len(pairs) == 2 and isinstance(pairs[0][0], Traced) and isinstance(pairs[1][0], Tensor) and output
    if fits and len(pairs[1][1]) == 2:
        (value, letters), (matrix, pair) = pairs
        summed = [letter for letter in pair if letter in letters and letter not in output]
        made = [letter for letter in pair if letter not in letters and letter in output]
        if len(summed) == len(made) == 1 and len(set(letters)) == len(letters):
            weight = floats(matrix) if pair == made[0] + summed[0] else floats(matrix).T
            found = contracted(t, value, letters.index(summed[0]), weight)
            now = letters.replace(summed[0], made[0])
            if sorted(now) == sorted(output):
                return permuted(found, [now.index(letter) for letter in output])
    raise t.refuse(f"{equation!r} is no product of the channels with a fixed matrix", "use Conv2d(kernel_size=1)")


# ---- Normalisation ----


def _along(t: Tracer, x: Traced, values: Any, axes: list[int]) -> Floats:
    """Numbers along axes of channels, as one for each of the value's channels as they stand."""
    shape = [1] * x.ids.ndim
    for axis in axes:
        shape[x.position(axis)] = x.ids.shape[x.position(axis)]
    whole: Floats = np.broadcast_to(np.asarray(values, dtype=np.float64).reshape(shape), x.ids.shape).ravel()
    return whole


@supports("batch_norm", words="BatchNorm2d", rule="with running statistics", ignored=("momentum", "cudnn_enabled"))
def batch_norm(
    t: Tracer, input: Traced, weight: Any, bias: Any, running_mean: Any, running_var: Any, training: bool, eps: float
) -> Traced:
    """Standardise by the statistics of the training."""
    if training or running_mean is None or running_var is None:
        raise t.refuse("it uses the statistics of a batch", "keep track_running_stats=True and call eval()")
    scale = 1.0 / np.sqrt(floats(running_var) + eps)
    scale = scale if weight is None else scale * floats(weight)
    op = affine(
        t.place,
        input.channels(t.place),
        centre=_along(t, input, floats(running_mean), [1]),
        scale=_along(t, input, scale, [1]),
        shift=0.0 if bias is None else _along(t, input, floats(bias), [1]),
    )
    return input.of(op, numbered(input.ids.shape))


def _spread(t: Tracer, x: Traced, axes: list[int], correction: float) -> tuple[Traced, Traced]:
    """A value less its mean over axes of channels, and the variance over them, kept as axes of size 1."""
    mean_ = _summed(t, x, axes, share=True)
    shape = x.ids.shape
    centre = picked(t.place, mean_.op, np.broadcast_to(mean_.ids, shape).ravel())
    less = Binary(t.place, (x.channels(t.place), affine(t.place, centre, scale=-1.0)), "add")
    deviation = x.of(less, numbered(shape))
    squares = x.of(Binary(t.place, (less, less), "multiply"), numbered(shape))
    count = int(np.prod([shape[x.position(axis)] for axis in axes]))
    total = _summed(t, squares, axes, share=False)
    return deviation, total.of(affine(t.place, total.op, scale=1.0 / (count - correction)))


@supports("layer_norm", words="LayerNorm", rule="over the channels, as the last axis", ignored=("cudnn_enable",))
def layer_norm(
    t: Tracer, input: Traced, normalized_shape: list[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Traced:
    """Standardise a pixel's channels by their own mean and deviation."""
    axes = list(range(len(input.axes) - len(normalized_shape), len(input.axes)))
    if any(input.axes[axis] != "c" for axis in axes):
        raise t.refuse(_WHOLE, "normalise the channels: permute them last before, and back after")
    less, variance = _spread(t, input, axes, 0.0)
    inverse = inverse_root(t, affine(t.place, variance.op, shift=float(eps)))
    factor = picked(t.place, inverse, np.broadcast_to(variance.ids, input.ids.shape).ravel())
    op: Op = Binary(t.place, (less.op, factor), "multiply")
    if weight is not None:
        op = affine(t.place, op, scale=_along(t, input, floats(weight), axes))
    if bias is not None:
        op = affine(t.place, op, shift=_along(t, input, floats(bias), axes))
    return input.of(op, numbered(input.ids.shape))


@supports("var", words="var", rule="over channels")
def var(
    t: Tracer, self: Traced, dim: Any = None, correction: Any = 1, unbiased: bool = True, keepdim: bool = False
) -> Traced:
    """The variance over axes of channels."""
    axes = _axes(t, self, dim)
    less = 1.0 if correction is None else float(correction)
    return _without(_spread(t, self, axes, less if unbiased else 0.0)[1], axes, keepdim)


@supports("std", words="std", rule="over channels")
def std(
    t: Tracer, self: Traced, dim: Any = None, correction: Any = 1, unbiased: bool = True, keepdim: bool = False
) -> Traced:
    """The standard deviation over axes of channels."""
    found = var(t, self, dim, correction, unbiased, keepdim)
    return found.of(root(t, found.op))


@supports("linalg_vector_norm", "norm", words="norm", rule="over channels, of order 1, 2 or inf", ignored=("dtype",))
def norm(t: Tracer, self: Traced, ord: Any = 2, p: Any = None, dim: Any = None, keepdim: bool = False) -> Traced:
    """The length of a pixel's channels."""
    order = float(ord if p is None else p)
    axes = _axes(t, self, dim)
    if order == 2:
        squares = self.of(Binary(t.place, (self.op, self.op), "multiply"))
        found = _summed(t, squares, axes, share=False)
        return _without(found.of(root(t, found.op)), axes, keepdim)
    sizes = self.of(Activation(t.place, self.op, "abs"))
    if order == 1:
        return _without(_summed(t, sizes, axes, share=False), axes, keepdim)
    if order == float("inf"):
        return _extreme(t, sizes, axes, keepdim, "max")
    raise t.refuse(f"it is of order {order:g}", "use order 1, 2 or inf")


# ---- Softmax ----


def _softmax(t: Tracer, x: Traced, dim: int, dtype: Any, logarithm: bool) -> Traced:
    if dtype not in (None, torch.float32, torch.float64):
        raise t.refuse(f"it computes in {str(dtype).removeprefix('torch.')}", "compute in float32")
    dim %= len(x.axes)
    if x.axes[dim] != "c":
        raise t.refuse(f"it runs over axis {dim}, not over the channels", "use dim=1")
    position = x.position(dim)
    rows = np.moveaxis(x.ids, position, -1)
    if rows.size == rows.shape[-1]:
        op = Softmax(t.place, picked(t.place, x.op, rows.ravel()), logarithm)
        return x.of(op, numbered(x.ids.shape))
    parts = [Softmax(t.place, picked(t.place, x.op, row), logarithm) for row in rows.reshape(-1, rows.shape[-1])]
    return x.of(Concat(t.place, tuple(parts)), np.moveaxis(numbered(rows.shape), -1, position))


@supports("softmax", "_softmax", words="Softmax", rule="over the channels, dim=1", ignored=("half_to_float",))
def softmax(t: Tracer, self: Traced, dim: int, dtype: Any = None) -> Traced:
    """Exponentials by their sum."""
    return _softmax(t, self, dim, dtype, False)


@supports(
    "log_softmax", "_log_softmax", words="LogSoftmax", rule="over the channels, dim=1", ignored=("half_to_float",)
)
def log_softmax(t: Tracer, self: Traced, dim: int, dtype: Any = None) -> Traced:
    """Its logarithm."""
    return _softmax(t, self, dim, dtype, True)


@supports("logsumexp", words="logsumexp", rule="over channels")
def logsumexp(t: Tracer, self: Traced, dim: Any, keepdim: bool = False) -> Traced:
    """X less its log-softmax, of any one channel."""
    (axis,) = _axes(t, self, dim)
    logs = _softmax(t, self, axis, None, True)
    first = [np.take(value.ids, [0], axis=value.position(axis)) for value in (self, logs)]
    left, right = picked(t.place, self.op, first[0].ravel()), picked(t.place, logs.op, first[1].ravel())
    op = Binary(t.place, (left, affine(t.place, right, scale=-1.0)), "add")
    return _without(self.of(op, numbered(first[0].shape)), [axis], keepdim)


@supports("glu", words="GLU", rule="over channels")
def glu(t: Tracer, self: Traced, dim: int = -1) -> Traced:
    """One half of the channels times the sigmoid of the other."""
    position = self.position(dim)
    first, second = np.split(self.ids, 2, axis=position)
    gate = Activation(t.place, picked(t.place, self.op, second.ravel()), "sigmoid")
    op = Binary(t.place, (picked(t.place, self.op, first.ravel()), gate), "multiply")
    return self.of(op, numbered(first.shape))

"""Layers that bring a pixel's channels to a common scale: norms by statistics or by the channels, and softmax."""

from typing import Any

import numpy as np
import torch

from water_gee.export.building import affine, picked
from water_gee.export.ir import Activation, Binary, Concat, Floats, Op, Softmax
from water_gee.export.operations.convolution import floats
from water_gee.export.operations.elementwise import inverse_root, root
from water_gee.export.operations.reductions import WHOLE, axes_of, extreme, summed, without
from water_gee.export.registry import supports
from water_gee.export.traced import Traced, numbered
from water_gee.export.tracer import Tracer


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
    mean_ = summed(t, x, axes, share=True)
    shape = x.ids.shape
    centre = picked(t.place, mean_.op, np.broadcast_to(mean_.ids, shape).ravel())
    less = Binary(t.place, (x.channels(t.place), affine(t.place, centre, scale=-1.0)), "add")
    deviation = x.of(less, numbered(shape))
    squares = x.of(Binary(t.place, (less, less), "multiply"), numbered(shape))
    count = int(np.prod([shape[x.position(axis)] for axis in axes]))
    total = summed(t, squares, axes, share=False)
    return deviation, total.of(affine(t.place, total.op, scale=1.0 / (count - correction)))


@supports("layer_norm", words="LayerNorm", rule="over the channels, as the last axis", ignored=("cudnn_enable",))
def layer_norm(
    t: Tracer, input: Traced, normalized_shape: list[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Traced:
    """Standardise a pixel's channels by their own mean and deviation."""
    axes = list(range(len(input.axes) - len(normalized_shape), len(input.axes)))
    if any(input.axes[axis] != "c" for axis in axes):
        raise t.refuse(WHOLE, "normalise the channels: permute them last before, and back after")
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
    axes = axes_of(t, self, dim)
    less = 1.0 if correction is None else float(correction)
    return without(_spread(t, self, axes, less if unbiased else 0.0)[1], axes, keepdim)


@supports("std", words="std", rule="over channels")
def std(
    t: Tracer, self: Traced, dim: Any = None, correction: Any = 1, unbiased: bool = True, keepdim: bool = False
) -> Traced:
    """The standard deviation over axes of channels."""
    found = var(t, self, dim, correction, unbiased, keepdim)
    return found.of(root(t, found.op))


@supports(
    "linalg_vector_norm",
    "linalg_norm",
    words="norm",
    rule="over channels, of order 1, 2 or inf",
    ignored=("dtype",),
)
def norm(t: Tracer, self: Traced, ord: Any = 2, dim: Any = None, keepdim: bool = False) -> Traced:
    """The length of a pixel's channels."""
    order = float(2 if ord is None else ord)
    axes = axes_of(t, self, dim)
    if order == 2:
        squares = self.of(Binary(t.place, (self.op, self.op), "multiply"))
        found = summed(t, squares, axes, share=False)
        return without(found.of(root(t, found.op)), axes, keepdim)
    sizes = self.of(Activation(t.place, self.op, "abs"))
    if order == 1:
        return without(summed(t, sizes, axes, share=False), axes, keepdim)
    if order == float("inf"):
        return extreme(t, sizes, axes, keepdim, "max")
    raise t.refuse(f"it is of order {order:g}", "use order 1, 2 or inf")


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


@supports("softmax", words="Softmax", rule="over the channels, dim=1", ignored=("half_to_float",))
def softmax(t: Tracer, self: Traced, dim: int, dtype: Any = None) -> Traced:
    """Exponentials by their sum."""
    return _softmax(t, self, dim, dtype, False)


@supports("log_softmax", words="LogSoftmax", rule="over the channels, dim=1", ignored=("half_to_float",))
def log_softmax(t: Tracer, self: Traced, dim: int, dtype: Any = None) -> Traced:
    """Its logarithm."""
    return _softmax(t, self, dim, dtype, True)


@supports("logsumexp", words="logsumexp", rule="over channels")
def logsumexp(t: Tracer, self: Traced, dim: Any, keepdim: bool = False) -> Traced:
    """X less its log-softmax, of any one channel."""
    (axis,) = axes_of(t, self, dim)
    logs = _softmax(t, self, axis, None, True)
    first = [np.take(value.ids, [0], axis=value.position(axis)) for value in (self, logs)]
    left, right = picked(t.place, self.op, first[0].ravel()), picked(t.place, logs.op, first[1].ravel())
    op = Binary(t.place, (left, affine(t.place, right, scale=-1.0)), "add")
    return without(self.of(op, numbered(first[0].shape)), [axis], keepdim)


@supports("glu", words="GLU", rule="over channels")
def glu(t: Tracer, self: Traced, dim: int = -1) -> Traced:
    """One half of the channels times the sigmoid of the other."""
    position = self.position(dim)
    first, second = np.split(self.ids, 2, axis=position)
    gate = Activation(t.place, picked(t.place, self.op, second.ravel()), "sigmoid")
    op = Binary(t.place, (picked(t.place, self.op, first.ravel()), gate), "multiply")
    return self.of(op, numbered(first.shape))

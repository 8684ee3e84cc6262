"""What joins the channels of a pixel: sums and extremes over them."""

from typing import Any

import numpy as np

from water_gee.export.building import picked
from water_gee.export.ir import Binary, Op
from water_gee.export.operations.arithmetic import joined
from water_gee.export.operations.products import contracted
from water_gee.export.registry import supports
from water_gee.export.traced import Places, Traced, numbered
from water_gee.export.tracer import Tracer

WHOLE = "it runs over the pixels of the whole image"
OVER = "reduce over the channels, dim=1; AvgPool2d(k, stride=1) looks at a window of fixed size"


def axes_of(t: Tracer, x: Traced, dim: Any) -> list[int]:
    """The axes that a reduction runs over, which must be of channels."""
    rank = len(x.axes)
    if dim is None or dim == []:
        raise t.refuse(WHOLE, OVER)
    axes = [axis % rank for axis in (dim if isinstance(dim, list | tuple) else [dim])]
    if any(x.axes[axis] != "c" for axis in axes):
        raise t.refuse(WHOLE, OVER)
    return axes


def without(x: Traced, axes: list[int], keepdim: bool) -> Traced:
    """Drop axes of size 1 that a reduction leaves."""
    if keepdim:
        return x
    kept = tuple(kind for axis, kind in enumerate(x.axes) if axis not in axes)
    return x.of(x.op, x.ids.squeeze(tuple(x.position(axis) for axis in axes)), kept)


def summed(t: Tracer, x: Traced, axes: list[int], share: bool) -> Traced:
    """The sum or the mean over axes of channels, kept as axes of size 1."""
    for axis in axes:
        size = x.ids.shape[x.position(axis)]
        x = contracted(t, x, axis, np.full((1, size), 1.0 / size if share else 1.0))
    return x


@supports("mean", words="mean", rule="over channels")
def mean(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The mean over axes of channels."""
    axes = axes_of(t, self, dim)
    return without(summed(t, self, axes, share=True), axes, keepdim)


@supports("sum", words="sum", rule="over channels")
def total(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The sum over axes of channels."""
    axes = axes_of(t, self, dim)
    return without(summed(t, self, axes, share=False), axes, keepdim)


@supports("cumsum", words="cumsum", rule="over channels")
def cumsum(t: Tracer, self: Traced, dim: int) -> Traced:
    """The sums of the first channels."""
    (axis,) = axes_of(t, self, dim)
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


def extreme(t: Tracer, x: Traced, dim: Any, keepdim: bool, kind: str) -> Traced:
    """The largest or the smallest over axes of channels, by `kind` max or min."""
    axes = axes_of(t, x, dim)
    for axis in axes:
        x = _folded(t, x, axis, kind)
    return without(x, axes, keepdim)


@supports("amax", words="amax", rule="over channels")
def amax(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The largest over axes of channels."""
    return extreme(t, self, dim, keepdim, "max")


@supports("amin", words="amin", rule="over channels")
def amin(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The smallest over axes of channels."""
    return extreme(t, self, dim, keepdim, "min")


@supports("prod", words="prod", rule="over channels")
def prod(t: Tracer, self: Traced, dim: Any = None, keepdim: bool = False) -> Traced:
    """The product over an axis of channels."""
    (axis,) = axes_of(t, self, dim)
    return without(_product(t, self, axis), [axis], keepdim)


def _either(t: Tracer, x: Traced, other: Any, dim: Any, keepdim: bool, kind: str) -> Any:
    if other is not None:
        return joined(t, kind, x, other)
    return [extreme(t, x, dim, keepdim, kind), Places()]


@supports("max", words="max", rule="over channels, its values; or of two")
def largest(t: Tracer, self: Traced, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The largest over an axis, and where; or the larger of two."""
    return _either(t, self, other, dim, keepdim, "max")


@supports("min", words="min", rule="over channels, its values; or of two")
def smallest(t: Tracer, self: Traced, other: Any = None, dim: Any = None, keepdim: bool = False) -> Any:
    """The smallest over an axis, and where; or the smaller of two."""
    return _either(t, self, other, dim, keepdim, "min")


@supports("diff", words="diff", rule="over channels, once")
def diff(t: Tracer, self: Traced, n: int = 1, dim: int = -1) -> Traced:
    """Each channel less the one before it."""
    (axis,) = axes_of(t, self, dim)
    if n != 1:
        raise t.refuse(f"it differences {n} times", "use diff once")
    size = self.ids.shape[self.position(axis)]
    return contracted(t, self, axis, np.eye(size)[1:] - np.eye(size)[:-1])

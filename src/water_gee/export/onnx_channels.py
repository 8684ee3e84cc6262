"""ONNX operators that move channels about, or join them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from water_gee.export.onnx_operators import Arguments, operator, tensor


@operator("Concat")
def _concat(a: Arguments, *given: Any) -> Any:
    like = next(one for one in given if isinstance(one, Tensor))
    return torch.cat([tensor(one, like) for one in given], dim=a.get("axis"))


@operator("Slice")
def _slice(a: Arguments, x: Tensor, starts: Any = None, ends: Any = None, axes: Any = None, steps: Any = None) -> Any:
    starts = a.numbers(a.get("starts", starts), "starts")
    ends = a.numbers(a.get("ends", ends), "ends")
    axes = a.get("axes", axes)
    where = list(range(len(starts))) if axes is None else a.numbers(axes, "axes")
    by = [1] * len(starts) if steps is None else a.numbers(steps, "steps")
    for start, end, axis, step in zip(starts, ends, where, by, strict=True):
        size = x.shape[axis]
        if step < 0:
            x = x.index_select(axis, torch.tensor(list(range(size))[slice(start, end if end >= -size else None, step)]))
        else:
            x = x[(slice(None),) * (axis % x.ndim) + (slice(start, min(end, size), step),)]
    return x


@operator("Split")
def _split(a: Arguments, x: Tensor, sizes: Any = None) -> Any:
    axis = a.get("axis", 0)
    count = a.get("num_outputs", a.outputs)
    sizes = a.get("split", sizes)
    if sizes is None:
        each = -(-x.shape[axis] // count)
        return torch.split(x, each, dim=axis)
    return torch.split(x, a.numbers(sizes, "sizes"), dim=axis)


@operator("Gather")
def _gather(a: Arguments, x: Any, places: Any) -> Any:
    axis = a.get("axis", 0)
    chosen = a.numbers(places, "places")
    if np.ndim(places) == 0:
        return x.select(axis, chosen[0])
    if np.ndim(places) > 1:
        raise a.refuse("its places are a table", "use a list of places")
    return x.index_select(axis, torch.tensor([one % x.shape[axis] for one in chosen]))


@operator("Transpose")
def _transpose(a: Arguments, x: Tensor) -> Any:
    return x.permute(*a.get("perm", list(range(x.ndim))[::-1]))


@operator("Reshape")
def _reshape(a: Arguments, x: Tensor, shape: Any) -> Any:
    sides = a.numbers(shape, "shape")
    if not a.get("allowzero", 0):
        sides = [x.shape[axis] if side == 0 else side for axis, side in enumerate(sides)]
    return x.reshape(sides)


@operator("Flatten")
def _flatten(a: Arguments, x: Tensor) -> Any:
    axis = a.get("axis", 1) % (x.ndim + 1)
    first = int(np.prod(x.shape[:axis], dtype=np.int64))
    return x.reshape(first, int(np.prod(x.shape[axis:], dtype=np.int64)))


@operator("Squeeze")
def _squeeze(a: Arguments, x: Tensor, axes: Any = None) -> Any:
    axes = a.get("axes", axes)
    where = [axis for axis, side in enumerate(x.shape) if side == 1] if axes is None else a.numbers(axes, "axes")
    return x.squeeze(tuple(where))


@operator("Unsqueeze")
def _unsqueeze(a: Arguments, x: Tensor, axes: Any = None) -> Any:
    where = a.numbers(a.get("axes", axes), "axes")
    rank = x.ndim + len(where)
    for axis in sorted(one % rank for one in where):
        x = x.unsqueeze(axis)
    return x


@operator("Expand")
def _expand(a: Arguments, x: Tensor, shape: Any) -> Any:
    wanted = a.numbers(shape, "shape")
    return x.expand(np.broadcast_shapes(tuple(x.shape), tuple(wanted)))


@operator("Shape")
def _shape(a: Arguments, x: Tensor) -> Any:
    rank = x.ndim
    return np.array([int(side) for side in x.shape][a.get("start", 0) : a.get("end", rank)], dtype=np.int64)


@operator("Pad")
def _pad(a: Arguments, x: Tensor, pads: Any = None, value: Any = None, axes: Any = None) -> Any:
    a.plain(mode="constant")
    given = a.numbers(a.get("pads", pads), "pads")
    number = a.get("value", 0.0 if value is None else float(np.ravel(value)[0]))
    where = list(range(x.ndim)) if axes is None else [one % x.ndim for one in a.numbers(axes, "axes")]
    sides = [(0, 0)] * x.ndim
    for place, axis in enumerate(where):
        sides[axis] = given[place], given[place + len(where)]
    return F.pad(x, [one for pair in reversed(sides) for one in pair], value=number)


_REDUCED: dict[str, Callable[..., Any]] = {
    "ReduceMean": torch.mean,
    "ReduceSum": torch.sum,
    "ReduceMax": torch.amax,
    "ReduceMin": torch.amin,
}


@operator(*_REDUCED)
def _reduce(a: Arguments, x: Tensor, axes: Any = None) -> Any:
    axes = a.get("axes", axes)
    keep, nothing = bool(a.get("keepdims", 1)), bool(a.get("noop_with_empty_axes", 0))
    if axes is None or np.size(axes) == 0:
        if nothing:
            return x
        raise a.refuse("it runs over the pixels of the whole image", "reduce over the channels, axes=[1]")
    return _REDUCED[a.kind](x, dim=tuple(a.numbers(axes, "axes")), keepdim=keep)

"""What moves channels about and computes nothing: views, slices, joins. All of it is bookkeeping, but for joins."""

import math
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import Tensor

from water_gee.export.ir import Concat, Constant, Op
from water_gee.export.registry import supports
from water_gee.export.traced import AxesError, Ids, Traced, permuted, reshaped
from water_gee.export.tracer import Tracer

_FLOATS = (torch.float32, torch.float64)


@supports(
    "contiguous", "clone", "alias", "detach", "expand_as", words="Identity", fresh=False,
)  # fmt: skip
def identity(t: Tracer, self: Traced, other: Any = None) -> Traced:
    """The value itself; `expand_as` repeats it."""
    return self if other is None else expand(t, self)


@supports("dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", words="Dropout",
          rule="in evaluation, where it does nothing", fresh=False)  # fmt: skip
def dropout(t: Tracer, input: Traced, p: float, train: bool) -> Traced:
    """Nothing, in evaluation."""
    if train and p > 0:
        raise t.refuse(
            "it drops values at each call, also in evaluation", "use nn.Dropout, or F.dropout(x, p, self.training)"
        )
    return input


@supports("to", "type_as", words="to", rule="float32 or float64", fresh=False)
def to(t: Tracer, self: Traced, other: Any = None, dtype: Any = None) -> Traced:
    """Another type; only one that changes no value."""
    before, after = t.node.all_input_nodes[0].meta["val"].dtype, t.node.meta["val"].dtype
    if before != torch.bool and after not in _FLOATS and after != before:
        raise t.refuse(f"it makes {str(after).removeprefix('torch.')} of numbers", "stay in float32")
    return self


@supports("slice", words="a slice x[a:b]", rule="of channels; of rows and columns with step 1", fresh=False)
def slice_(t: Tracer, self: Traced, dim: int = 0, start: Any = None, end: Any = None, step: int = 1) -> Traced:
    """Part of an axis."""
    dim %= len(self.axes)
    size = t.source_shape[dim]
    first, last, step = slice(start, end, step).indices(size)
    if self.axes[dim] == "c":
        return replace(self, ids=np.take(self.ids, range(first, last, step), axis=self.position(dim)))
    if (first, last, step) == (0, size, 1):
        return self
    if self.axes[dim] not in ("y", "x") or step != 1:
        raise t.refuse(f"it cuts axis {dim} with step {step}", "cut rows, columns and channels only, with step 1")
    if self.axes[dim] == "y":
        return replace(self, top=self.top + first, height=last - first)
    return replace(self, left=self.left + first, width=last - first)


@supports("narrow", words="narrow", rule="as a slice", fresh=False)
def narrow(t: Tracer, self: Traced, dim: int, start: int, length: int) -> Traced:
    """Part of an axis."""
    first = start % t.source_shape[dim] if start < 0 else start
    return slice_(t, self, dim, first, first + length)


@supports("select", words="x[:, i]", rule="of channels", fresh=False)
def select(t: Tracer, self: Traced, dim: int, index: int) -> Traced:
    """One place of an axis, which goes."""
    position = self.position(dim)
    dim %= len(self.axes)
    return replace(self, axes=self.axes[:dim] + self.axes[dim + 1 :], ids=np.take(self.ids, index, axis=position))


@supports("index_select", words="index_select", rule="of channels")
def index_select(t: Tracer, self: Traced, dim: int, index: Any) -> Traced:
    """Places of an axis by their numbers."""
    if not isinstance(index, Tensor):
        raise t.refuse("its places depend on the image", "use fixed places")
    return replace(self, ids=np.take(self.ids, index.numpy(), axis=self.position(dim)))


@supports("index", words="x[:, [i, j]]", rule="of channels, by fixed places")
def index(t: Tracer, self: Traced, indices: list[Any]) -> Traced:
    """Places of one axis by a list of numbers or of truths."""
    given = [(axis, places) for axis, places in enumerate(indices) if places is not None]
    if len(given) != 1 or not isinstance(given[0][1], Tensor) or given[0][1].ndim != 1:
        raise t.refuse("it picks by more than one list, or by the image", "pick channels by one list of numbers")
    axis, places = given[0]
    chosen = places.nonzero()[:, 0] if places.dtype == torch.bool else places
    return index_select(t, self, axis, chosen)


@supports("flip", words="flip", rule="of channels")
def flip(t: Tracer, self: Traced, dims: list[int]) -> Traced:
    """Channels the other way round."""
    return replace(self, ids=np.flip(self.ids, tuple(self.position(dim) for dim in dims)))


@supports("roll", words="roll", rule="of channels")
def roll(t: Tracer, self: Traced, shifts: Any, dims: Any = ()) -> Traced:
    """Channels moved in a circle."""
    axes = list(dims) if isinstance(dims, list | tuple) else [dims]
    if not axes:
        raise t.refuse("it moves all axes as one", "give dims=1")
    return replace(self, ids=np.roll(self.ids, shifts, [self.position(axis) for axis in axes]))


@supports("chunk", "tensor_split", words="chunk", rule="of channels", fresh=False)
def chunk(t: Tracer, self: Traced, chunks: Any = None, dim: int = 0, sections: Any = None) -> list[Traced]:
    """As many parts of an axis as torch makes of it."""
    position = self.position(dim)
    sizes = [int(part.shape[dim]) for part in t.node.meta["val"]]
    return _parts(self, position, sizes)


@supports("split", "split_with_sizes", words="split", rule="of channels", fresh=False)
def split(t: Tracer, self: Traced, split_size: Any = None, split_sizes: Any = None, dim: int = 0) -> list[Traced]:
    """Parts of an axis of given sizes."""
    return chunk(t, self, None, dim)


def _parts(x: Traced, position: int, sizes: list[int]) -> list[Traced]:
    edges = np.cumsum([0, *sizes])
    return [replace(x, ids=np.take(x.ids, range(first, last), axis=position)) for first, last in pairwise(edges)]


@supports("unbind", words="unbind", rule="of channels", fresh=False)
def unbind(t: Tracer, self: Traced, dim: int = 0) -> list[Traced]:
    """Each place of an axis by itself."""
    return [select(t, self, dim, place) for place in range(t.source_shape[dim])]


@supports("unsqueeze", words="unsqueeze", fresh=False)
def unsqueeze(t: Tracer, self: Traced, dim: int) -> Traced:
    """A new axis of size 1."""
    dim %= len(self.axes) + 1
    ids = np.expand_dims(self.ids, self.axes[:dim].count("c"))
    return replace(self, axes=(*self.axes[:dim], "c", *self.axes[dim:]), ids=ids)


@supports("squeeze", words="squeeze", rule="of an axis of one channel", fresh=False)
def squeeze(t: Tracer, self: Traced, dim: Any = None) -> Traced:
    """Axes of size 1 go."""
    rank = len(self.axes)
    wanted = range(rank) if dim is None else [axis % rank for axis in (dim if isinstance(dim, list | tuple) else [dim])]
    found = self
    for axis in sorted(wanted, reverse=True):
        if found.axes[axis] == "c" and t.source_shape[axis] == 1:
            found = select(t, found, axis, 0)
    return found


@supports("expand", "broadcast_to", words="expand", rule="of channels", fresh=False)
def expand(t: Tracer, self: Traced, size: Any = None) -> Traced:
    """An axis of one channel as many."""
    shape = t.shape()
    axes = ("c",) * (len(shape) - len(self.axes)) + self.axes
    sides = [side for side, kind in zip(shape, axes, strict=True) if kind == "c"]
    ids = self.ids.reshape((1,) * (len(sides) - self.ids.ndim) + self.ids.shape)
    return replace(self, axes=axes, ids=np.broadcast_to(ids, sides))


@supports("repeat", "tile", words="repeat", rule="of channels")
def repeat(t: Tracer, self: Traced, repeats: Any = None, dims: Any = None) -> Traced:
    """Channels one after another, several times."""
    times = list(repeats if repeats is not None else dims)
    axes = ("c",) * (len(times) - len(self.axes)) + self.axes
    if any(kind != "c" and count != 1 for kind, count in zip(axes, times, strict=True)):
        raise t.refuse("it repeats pixels", "repeat channels only")
    counts = [count for kind, count in zip(axes, times, strict=True) if kind == "c"]
    ids = self.ids.reshape((1,) * (len(counts) - self.ids.ndim) + self.ids.shape)
    return replace(self, axes=axes, ids=np.tile(ids, counts))


@supports("repeat_interleave", words="repeat_interleave", rule="of channels, by one number")
def repeat_interleave(t: Tracer, self: Traced, repeats: Any, dim: int | None = None, output_size: Any = None) -> Traced:
    """Each channel several times."""
    if not isinstance(repeats, int) or dim is None:
        raise t.refuse("it repeats by a tensor, or all axes as one", "give one number and dim=1")
    return replace(self, ids=np.repeat(self.ids, repeats, axis=self.position(dim)))


@supports("channel_shuffle", words="ChannelShuffle")
def channel_shuffle(t: Tracer, self: Traced, groups: int) -> Traced:
    """The channels of the groups in turn."""
    position = self.position(1)
    size = self.ids.shape[position]
    order = np.arange(size).reshape(groups, size // groups).T.ravel()
    return replace(self, ids=np.take(self.ids, order, axis=position))


@supports("permute", words="permute", fresh=False)
def permute(t: Tracer, self: Traced, dims: list[int]) -> Traced:
    """The axes in another order."""
    return permuted(self, dims)


@supports("transpose", "swapaxes", "swapdims", words="transpose", fresh=False)
def transpose(t: Tracer, self: Traced, dim0: Any = None, dim1: Any = None, axis0: Any = None, axis1: Any = None) -> Any:
    """Two axes change places."""
    order = list(range(len(self.axes)))
    first, second = (dim0, dim1) if dim0 is not None else (axis0, axis1)
    order[first], order[second] = order[second], order[first]
    return permuted(self, order)


@supports("movedim", "moveaxis", words="movedim", fresh=False)
def movedim(t: Tracer, self: Traced, source: Any, destination: Any) -> Traced:
    """Axes moved to other places."""
    rank = len(self.axes)
    pair = [[one % rank for one in (side if isinstance(side, list) else [side])] for side in (source, destination)]
    order = [axis for axis in range(rank) if axis not in pair[0]]
    for place, axis in sorted(zip(pair[1], pair[0], strict=True)):
        order.insert(place, axis)
    return permuted(self, order)


@supports("view", "reshape", "flatten", "unflatten", "view_as", "reshape_as", words="view or reshape",
          rule="channels among themselves, pixels as a whole", ignored=("size", "shape", "start_dim", "end_dim",
          "dim", "sizes", "other"), fresh=False)  # fmt: skip
def reshape(t: Tracer, self: Traced) -> Traced:
    """Axes joined and split: where to is what torch has found out already."""
    try:
        return reshaped(self, t.source_shape, t.shape())
    except AxesError as error:
        raise t.refuse(
            str(error), "keep [n, channel, y, x]; write a Linear over a patch as a Conv2d whose kernel is the patch"
        ) from error


def _constant(t: Tracer, part: Tensor, axes: tuple[str, ...]) -> tuple[Op, Ids]:
    whole = part.detach().double()
    for axis, kind in enumerate(axes):
        if kind != "c":
            first = whole.narrow(axis, 0, 1)
            if not bool((whole == first).all()):
                raise t.refuse("a constant part differs from pixel to pixel", "use one number a channel")
            whole = first
    shape = [side for side, kind in zip(part.shape, axes, strict=True) if kind == "c"]
    return Constant(t.place, whole.flatten().numpy()), np.arange(math.prod(shape)).reshape(shape)


@supports("cat", "concat", "concatenate", words="cat", rule="of channels, on the same pixels")
def cat(t: Tracer, tensors: list[Any], dim: int = 0) -> Traced:
    """Channels one after another."""
    first = next(part for part in tensors if isinstance(part, Traced))
    position = first.position(dim)
    ops: list[Op] = []
    starts: dict[int, int] = {}
    ids: list[Ids] = []
    for part in tensors:
        if isinstance(part, Traced):
            if part.pixels != first.pixels or part.axes != first.axes:
                raise t.refuse("its parts lie on different pixels", "crop all to the same centre")
            op, own = part.op, part.ids
        else:
            op, own = _constant(t, part, first.axes)
        if id(op) not in starts:
            starts[id(op)] = sum(one.channels for one in ops)
            ops.append(op)
        ids.append(own + starts[id(op)])
    joined = ops[0] if len(ops) == 1 else Concat(t.place, tuple(ops))
    return first.of(joined, np.concatenate(ids, axis=position))


@supports("stack", words="stack", rule="of channels, on the same pixels")
def stack(t: Tracer, tensors: list[Any], dim: int = 0) -> Traced:
    """Values side by side on a new axis."""
    rank = len(t.shape())
    raised = [
        unsqueeze(t, part, dim % rank) if isinstance(part, Traced) else part.unsqueeze(dim % rank) for part in tensors
    ]
    return cat(t, raised, dim % rank)

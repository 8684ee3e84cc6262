"""The torch operations that can be carried over, and what to use in place of the others."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.fx import Node

from water_gee.errors import ExportError
from water_gee.export.alternatives import ALTERNATIVES
from water_gee.export.ir import (
    Activation,
    Affine,
    Concat,
    Constant,
    Conv,
    Fill,
    Floats,
    Op,
    Pool,
    Product,
    Softmax,
    Sum,
)
from water_gee.export.tracer import Traced, Tracer, operation

Handler = Callable[..., Any]


def _floats(tensor: Tensor) -> Floats:
    return tensor.detach().double().numpy()


def _pair(value: Any) -> tuple[int, int]:
    items = list(value) if isinstance(value, list | tuple) else [value]
    return (int(items[0]), int(items[-1]))


def _affine(node_place: str, op: Op, *, centre: Any = 0.0, scale: Any = 1.0, shift: Any = 0.0) -> Affine:
    def vector(value: Any) -> Floats:
        return np.broadcast_to(np.asarray(value, dtype=np.float64), (op.channels,)).copy()

    return Affine(node_place, op, vector(centre), vector(scale), vector(shift))


def _windowed(t: Tracer, node: Node, x: Traced, op: Op, size: Any, dilation: Any, padding: Any) -> Traced:
    """Place the result of a neighbourhood operation, after checking its window."""
    size, dilation, padding = _pair(size), _pair(dilation), _pair(padding)
    if x.last:
        raise t.refuse(node, "its channels are not the second axis", "permute back before it")
    if size[0] % 2 == 0 or size[1] % 2 == 0:
        raise t.refuse(node, f"a window of {size[0]} x {size[1]} has no centre pixel", "use an odd kernel size")
    if padding != (0, 0):
        if t.border != "interior":
            raise t.refuse(
                node,
                f"it pads by {padding[0]}, {padding[1]} and Earth Engine has no border to pad",
                "use padding=0 with centre crops, or export with border='interior' to take the network as it is "
                "away from the border",
            )
        t.notes.append(f"{t.place(node)} pads: equal to torch only beyond the network's reach from a border")
    down = (size[0] - 1) * dilation[0] // 2 - padding[0]
    across = (size[1] - 1) * dilation[1] // 2 - padding[1]
    return Traced(op, x.top + down, x.left + across, x.height - 2 * down, x.width - 2 * across)


def _stride(t: Tracer, node: Node, stride: Any) -> None:
    if _pair(stride) != (1, 1):
        raise t.refuse(node, "a stride makes fewer pixels than there are", "use stride=1 and dilation for reach")


def _conv2d(
    t: Tracer, node: Node, x: Traced, weight: Any, bias: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Traced:  # fmt: skip
    if isinstance(weight, Traced) or not isinstance(x, Traced):
        raise t.refuse(node, "its weights depend on the image", "use fixed weights")
    _stride(t, node, stride)
    size = tuple(weight.shape[2:])
    if isinstance(padding, str):
        same = [(side - 1) * step // 2 for side, step in zip(size, _pair(dilation), strict=True)]
        padding = same if padding == "same" else 0
    offset = np.zeros(weight.shape[0]) if bias is None else _floats(bias)
    op = Conv(t.place(node), x.op, _floats(weight), offset, _pair(dilation), groups)
    return _windowed(t, node, x, op, size, dilation, padding)


def _linear(t: Tracer, node: Node, x: Traced, weight: Tensor, bias: Tensor | None = None) -> Traced:
    if not x.last:
        raise t.refuse(
            node, "it mixes a row of pixels, not the channels", "use Conv2d(kernel_size=1), or permute channels last"
        )
    offset = np.zeros(weight.shape[0]) if bias is None else _floats(bias)
    return replace(x, op=Conv(t.place(node), x.op, _floats(weight)[:, :, None, None], offset))


def _batch_norm(
    t: Tracer, node: Node, x: Traced, weight: Tensor | None, bias: Tensor | None, mean: Tensor | None,
    variance: Tensor | None, training: bool, momentum: float, eps: float, *_: Any,
) -> Traced:  # fmt: skip
    if training or mean is None or variance is None or x.last:
        raise t.refuse(node, "it uses the statistics of a batch", "keep track_running_stats=True")
    scale = 1.0 / np.sqrt(_floats(variance) + eps)
    scale = scale if weight is None else scale * _floats(weight)
    shift = 0.0 if bias is None else _floats(bias)
    return replace(x, op=_affine(t.place(node), x.op, centre=_floats(mean), scale=scale, shift=shift))


def _pool(kind: str) -> Handler:
    def handle(t: Tracer, node: Node, x: Traced, size: Any, stride: Any = None, padding: Any = 0, *rest: Any) -> Traced:
        _stride(t, node, size if stride is None or list(stride) == [] else stride)
        dilation = rest[0] if kind == "max" and rest else 1
        divisor = rest[2] if kind == "mean" and len(rest) > 2 else None
        if divisor is not None or (_pair(padding) != (0, 0) and t.border != "interior"):
            raise t.refuse(node, "it pads or divides by its own number", "use padding=0, no divisor_override")
        op: Op = Pool(t.place(node), x.op, kind, _pair(size), _pair(dilation))
        return _windowed(t, node, x, op, size, dilation, padding)

    return handle


def _activation(kind: str, defaults: tuple[float, ...] = ()) -> Handler:
    def handle(t: Tracer, node: Node, x: Traced, *given: float) -> Traced:
        parameters = (*given, *defaults[len(given) :])[: len(defaults)]
        return replace(x, op=Activation(t.place(node), x.op, kind, tuple(float(value) for value in parameters)))

    return handle


def _gelu(t: Tracer, node: Node, x: Traced, *, approximate: str = "none") -> Traced:
    return replace(x, op=Activation(t.place(node), x.op, "gelu_tanh" if approximate == "tanh" else "gelu"))


def _clamp(t: Tracer, node: Node, x: Traced, low: Any = None, high: Any = None) -> Traced:
    if isinstance(low, Tensor | Traced) or isinstance(high, Tensor | Traced):
        raise t.refuse(node, "its bounds are tensors", "use numbers as bounds")
    bounds = (-np.inf if low is None else float(low), np.inf if high is None else float(high))
    return replace(x, op=Activation(t.place(node), x.op, "hardtanh", bounds))


def _softmax(logarithm: bool) -> Handler:
    def handle(t: Tracer, node: Node, x: Traced, axis: int, *_: Any) -> Traced:
        if axis % 4 != x.axis:
            raise t.refuse(node, f"it runs over axis {axis}, not over the channels", "use dim=1")
        return replace(x, op=Softmax(t.place(node), x.op, logarithm))

    return handle


def _identity(t: Tracer, node: Node, x: Traced, *rest: Any, **keywords: Any) -> Traced:
    if node.meta["val"].dtype != torch.float32:
        raise t.refuse(node, f"it makes {node.meta['val'].dtype}", "stay in float32")
    return x


def _expanded(place: str, op: Op, channels: int) -> Op:
    """One channel repeated, where torch broadcasts it over many."""
    if op.channels == channels:
        return op
    return Conv(place, op, np.ones((channels, 1, 1, 1)), np.zeros(channels))


def _vector(t: Tracer, node: Node, x: Traced, constant: Any) -> Floats:
    """A constant operand as values [channel], if it is the same at every pixel."""
    shape = tuple(node.meta["val"].shape)
    whole = torch.as_tensor(constant).double().broadcast_to(shape).movedim(x.axis, 0).flatten(1)
    if not bool((whole == whole[:, :1]).all()):
        raise t.refuse(node, "its constant differs from pixel to pixel", "use one number a channel")
    return whole[:, 0].numpy()


def _binary(kind: str) -> Handler:
    def handle(t: Tracer, node: Node, left: Any, right: Any, *, alpha: float = 1.0) -> Traced:
        if isinstance(left, Traced) and isinstance(right, Traced):
            return _of_values(t, node, kind, left, right, alpha)
        if isinstance(left, Traced):
            return _with_constant(t, node, kind, left, right, alpha)
        return _from_constant(t, node, kind, left, right, alpha)

    return handle


def _of_values(t: Tracer, node: Node, kind: str, left: Traced, right: Traced, alpha: float) -> Traced:
    place, channels = t.place(node), int(node.meta["val"].shape[left.axis])
    if not left.same_pixels(right):
        raise t.refuse(node, "its two sides lie on different pixels", "crop both to the same centre")
    a, b = _expanded(place, left.op, channels), _expanded(place, right.op, channels)
    if kind == "div":
        raise t.refuse(node, "it divides by a value of the image", "multiply instead")
    if kind == "mul":
        return replace(left, op=Product(place, (a, b)))
    factor = alpha if kind == "add" else -alpha
    return replace(left, op=Sum(place, (a, b if factor == 1.0 else _affine(place, b, scale=factor))))


def _with_constant(t: Tracer, node: Node, kind: str, x: Traced, constant: Any, alpha: float) -> Traced:
    vector = _vector(t, node, x, constant)
    step = {"mul": ("scale", 1.0), "add": ("shift", alpha), "sub": ("centre", alpha), "div": ("scale", 1.0)}
    name, factor = step[kind]
    value = 1.0 / vector if kind == "div" else factor * vector
    return replace(x, op=_affine(t.place(node), _expanded(t.place(node), x.op, len(vector)), **{name: value}))


def _from_constant(t: Tracer, node: Node, kind: str, constant: Any, x: Traced, alpha: float) -> Traced:
    if kind == "div":
        raise t.refuse(node, "it divides by a value of the image", "multiply instead")
    if kind == "mul":
        return _with_constant(t, node, kind, x, constant, alpha)
    vector = _vector(t, node, x, constant)
    factor = alpha if kind == "add" else -alpha
    op = _expanded(t.place(node), x.op, len(vector))
    return replace(x, op=_affine(t.place(node), op, scale=factor, shift=vector))


def _rsub(t: Tracer, node: Node, x: Any, other: Any, *rest: Any) -> Any:
    return _binary("sub")(t, node, other, x)


def _neg(t: Tracer, node: Node, x: Traced) -> Traced:
    return replace(x, op=_affine(t.place(node), x.op, scale=-1.0))


def _nan_to_num(t: Tracer, node: Node, x: Traced, nan: float | None = None, *_: Any) -> Traced:
    if nan not in (None, 0.0):
        raise t.refuse(node, f"it fills with {nan}", "fill with 0 after the standardisation")
    return replace(x, op=Fill(t.place(node), x.op))


def _cat(t: Tracer, node: Node, parts: list[Any], axis: int = 0) -> Traced:
    first = next(part for part in parts if isinstance(part, Traced))
    if axis % 4 != first.axis:
        raise t.refuse(node, f"it joins along axis {axis}, not along the channels", "use dim=1")
    ops: list[Op] = []
    for part in parts:
        if not isinstance(part, Traced):
            flat = _floats(part.movedim(first.axis, 0).flatten(1))
            if not (flat == flat[:, :1]).all():
                raise t.refuse(node, "a constant part differs from pixel to pixel", "use one number a channel")
            ops.append(Constant(t.place(node), flat[:, 0]))
        elif not part.same_pixels(first):
            raise t.refuse(node, "its parts lie on different pixels", "crop all to the same centre")
        else:
            ops.append(part.op)
    return replace(first, op=Concat(t.place(node), tuple(ops)))


def _slice(t: Tracer, node: Node, x: Traced, axis: int = 0, start: Any = 0, end: Any = None, step: int = 1) -> Traced:
    rows, columns = (1, 2) if x.last else (2, 3)
    source: Any = node.args[0]
    size = int(source.meta["val"].shape[axis])
    start = 0 if start is None else start
    end = size if end is None else min(end, size)
    first, last = start % size if start < 0 else start, end % size if end < 0 else end
    if (first, last, step) == (0, size, 1):
        return x
    if axis % 4 not in (rows, columns) or step != 1:
        raise t.refuse(node, f"it cuts axis {axis} with step {step}", "only centre crops of height and width")
    if axis % 4 == rows:
        return replace(x, top=x.top + first, height=last - first)
    return replace(x, left=x.left + first, width=last - first)


def _permute(t: Tracer, node: Node, x: Traced, order: list[int]) -> Traced:
    order = [axis % 4 for axis in order]
    if order == [0, 1, 2, 3]:
        return x
    if order != ([0, 3, 1, 2] if x.last else [0, 2, 3, 1]):
        raise t.refuse(node, f"it orders the axes as {order}", "only channels last and back")
    return replace(x, last=not x.last)


SUPPORTED: dict[str, Handler] = {
    "conv2d": _conv2d, "linear": _linear, "batch_norm": _batch_norm,
    "relu": _activation("relu"), "leaky_relu": _activation("leaky_relu", (0.01,)),
    "elu": _activation("elu", (1.0, 1.0, 1.0)), "silu": _activation("silu"), "gelu": _gelu,
    "hardswish": _activation("hardswish"), "sigmoid": _activation("sigmoid"), "tanh": _activation("tanh"),
    "hardtanh": _activation("hardtanh", (-1.0, 1.0)), "relu6": _activation("hardtanh", (0.0, 6.0)),
    "clamp": _clamp, "clamp_min": _clamp, "softmax": _softmax(False), "log_softmax": _softmax(True),
    "add": _binary("add"), "sub": _binary("sub"), "mul": _binary("mul"), "div": _binary("div"),
    "rsub": _rsub, "neg": _neg, "cat": _cat, "slice": _slice, "permute": _permute,
    "avg_pool2d": _pool("mean"), "max_pool2d": _pool("max"), "nan_to_num": _nan_to_num,
    "dropout": _identity, "feature_dropout": _identity, "alpha_dropout": _identity,
    "feature_alpha_dropout": _identity, "identity": _identity, "contiguous": _identity, "clone": _identity,
    "alias": _identity, "detach": _identity, "to": _identity, "_to_copy": _identity,
}  # fmt: skip


def unsupported(t: Tracer, node: Node) -> ExportError:
    """The refusal of an operation that is not in the table."""
    instead = ALTERNATIVES.get(operation(node), f"use one of: {', '.join(sorted(SUPPORTED))}")
    return t.refuse(node, "it is not supported", instead)

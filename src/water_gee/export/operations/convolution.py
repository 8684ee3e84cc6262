"""Layers that look at neighbours: convolutions, pools, and the padding before them."""

from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from water_gee.export.ir import Conv, Floats, Op, Pool
from water_gee.export.registry import supports
from water_gee.export.traced import Traced
from water_gee.export.tracer import Tracer

_BORDER = (
    "use padding=0 with centre crops, or export with border='interior' to take the network as it is away from the "
    "border"
)


def floats(tensor: Tensor) -> Floats:
    """A tensor's numbers."""
    return tensor.detach().double().numpy()


def _pair(value: Any) -> tuple[int, int]:
    items = list(value) if isinstance(value, list | tuple) else [value]
    return (int(items[0]), int(items[-1]))


def _stride(t: Tracer, stride: Any) -> None:
    if _pair(stride) != (1, 1):
        raise t.refuse("a stride makes fewer pixels than there are", "use stride=1, and dilation for reach")


def _padded(t: Tracer, padding: Any) -> None:
    """Refuse padding, or note it where the border does not matter."""
    if t.border != "interior":
        raise t.refuse(f"it pads by {padding} and Earth Engine has no border to pad", _BORDER)
    t.notes.append(f"{t.place} pads: equal to torch only beyond the network's reach from a border")


def _windowed(t: Tracer, x: Traced, op: Op, size: Any, dilation: Any, padding: Any) -> Traced:
    """Place the result of a neighbourhood operation, after checking its window."""
    size, dilation, padding = _pair(size), _pair(dilation), _pair(padding)
    if size[0] % 2 == 0 or size[1] % 2 == 0:
        raise t.refuse(f"a window of {size[0]} x {size[1]} has no centre pixel", "use an odd kernel size")
    if padding != (0, 0):
        _padded(t, f"{padding[0]}, {padding[1]}")
    down = (size[0] - 1) * dilation[0] // 2 - padding[0]
    across = (size[1] - 1) * dilation[1] // 2 - padding[1]
    placed = t.image_of(op, x)
    return replace(
        placed, top=x.top + down, left=x.left + across, height=x.height - 2 * down, width=x.width - 2 * across
    )


@supports("conv2d", words="Conv2d", rule="stride 1, odd kernel sizes; any dilation and groups")
def conv2d(
    t: Tracer, input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Traced:  # fmt: skip
    """Correlate with fixed weights."""
    if isinstance(weight, Traced) or isinstance(bias, Traced) or not isinstance(input, Traced):
        raise t.refuse("its weights depend on the image", "use fixed weights")
    _stride(t, stride)
    size = tuple(weight.shape[2:])
    if isinstance(padding, str):
        same = [(side - 1) * step // 2 for side, step in zip(size, _pair(dilation), strict=True)]
        padding = same if padding == "same" else 0
    offset = np.zeros(weight.shape[0]) if bias is None else floats(bias)
    op = Conv(t.place, t.image(input), floats(weight), offset, _pair(dilation), groups)
    return _windowed(t, input, op, size, dilation, padding)


@supports("avg_pool2d", words="AvgPool2d", rule="stride 1, odd sizes", ignored=("ceil_mode", "count_include_pad"))
def avg_pool2d(
    t: Tracer, self: Traced, kernel_size: Any, stride: Any = (), padding: Any = 0, divisor_override: Any = None
) -> Traced:
    """Average a window; whether padding counts, or a last window is partial, matters at the border alone."""
    if divisor_override is not None:
        raise t.refuse(f"it divides by {divisor_override}", "leave divisor_override out and multiply afterwards")
    return _pool(t, self, "mean", kernel_size, stride, padding, 1)


@supports("max_pool2d", words="MaxPool2d", rule="stride 1, odd sizes; any dilation", ignored=("ceil_mode",))
def max_pool2d(
    t: Tracer, self: Traced, kernel_size: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1
) -> Traced:
    """Take the largest of a window."""
    return _pool(t, self, "max", kernel_size, stride, padding, dilation)


def _pool(t: Tracer, x: Traced, kind: str, size: Any, stride: Any, padding: Any, dilation: Any) -> Traced:
    _stride(t, size if list(stride or ()) == [] else stride)
    op = Pool(t.place, t.image(x), kind, _pair(size), _pair(dilation))
    return _windowed(t, x, op, size, dilation, padding)


@supports("pad", "constant_pad_nd", words="pad", rule="rows and columns, with border='interior'; cutting off always",
          ignored=("mode", "value"), fresh=False)  # fmt: skip
def pad(t: Tracer, self: Traced, pad: list[int]) -> Traced:
    """Add rows and columns, or cut them off where the number is negative."""
    rank = len(self.axes)
    found = self
    for number, axis in enumerate(range(rank - 1, rank - 1 - len(pad) // 2, -1)):
        before, after = int(pad[2 * number]), int(pad[2 * number + 1])
        if (before, after) == (0, 0):
            continue
        if self.axes[axis] not in ("y", "x"):
            raise t.refuse("it pads channels", "use torch.cat with a constant")
        if before > 0 or after > 0:
            _padded(t, [before, after])
        if self.axes[axis] == "y":
            found = replace(found, top=found.top - before, height=found.height + before + after)
        else:
            found = replace(found, left=found.left - before, width=found.width + before + after)
    return found

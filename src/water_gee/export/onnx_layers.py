"""ONNX operators that are layers: convolutions, pools, norms and products with matrices."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from water_gee.export.onnx_operators import Arguments, operator, tensor


def _window(a: Arguments, x: Tensor, size: Sequence[int]) -> tuple[Tensor, dict[str, Any]]:
    """Strides, dilations and pads; unequal pads are put around before, with `value`."""
    if x.ndim != 4 or len(size) != 2:
        raise a.refuse(f"its input has {x.ndim} axes", "use images [n, channel, y, x]")
    how = a.get("auto_pad", "NOTSET")
    strides, dilations = a.get("strides", [1, 1]), a.get("dilations", [1, 1])
    pads = a.get("pads", [0, 0, 0, 0])
    if how in ("SAME_UPPER", "SAME_LOWER"):
        total = [(side - 1) * step for side, step in zip(size, dilations, strict=True)]
        less = [one // 2 for one in total]
        more = [one - half for one, half in zip(total, less, strict=True)]
        pads = [*less, *more] if how == "SAME_UPPER" else [*more, *less]
    elif how == "VALID":
        pads = [0, 0, 0, 0]
    elif how != "NOTSET":
        raise a.refuse(f"auto_pad={how} is not known", "give pads")
    if pads[:2] != pads[2:]:
        raise a.refuse(f"it pads by {pads}, not alike on both sides", "use the same padding on both sides")
    return x, {"stride": strides, "padding": pads[:2], "dilation": dilations}


@operator("Conv")
def _conv(a: Arguments, x: Any, weight: Any, bias: Any = None) -> Any:
    if isinstance(weight, Tensor) or not isinstance(x, Tensor):
        raise a.refuse("its weights depend on the image", "use fixed weights")
    size = list(weight.shape[2:])
    if list(a.get("kernel_shape", size)) != size:
        raise a.refuse("its kernel_shape is not its weights'", "export the model again")
    x, options = _window(a, x, size)
    return F.conv2d(
        x, tensor(weight, x), None if bias is None else tensor(bias, x), groups=a.get("group", 1), **options
    )


@operator("MaxPool")
def _max_pool(a: Arguments, x: Tensor) -> Any:
    if a.outputs > 1:
        raise a.refuse("it returns which pixel is the largest", "use its first output alone")
    a.plain(ceil_mode=0, storage_order=0)
    size = a.get("kernel_shape")
    x, options = _window(a, x, size)
    return F.max_pool2d(x, size, **options)


@operator("AveragePool")
def _average_pool(a: Arguments, x: Tensor) -> Any:
    a.plain(ceil_mode=0)
    size, counted = a.get("kernel_shape"), bool(a.get("count_include_pad", 0))
    x, options = _window(a, x, size)
    if list(options.pop("dilation")) != [1, 1]:
        raise a.refuse("it skips pixels", "use dilations=[1, 1]")
    return F.avg_pool2d(x, size, count_include_pad=counted, **options)


@operator("BatchNormalization")
def _batch_norm(a: Arguments, x: Tensor, scale: Any, bias: Any, mean: Any, variance: Any) -> Any:
    a.plain(training_mode=0, spatial=1)
    a.get("momentum")
    weight, offset, centre, spread = (tensor(one, x) for one in (scale, bias, mean, variance))
    return F.batch_norm(x, centre, spread, weight, offset, eps=a.get("epsilon", 1e-5))


@operator("LayerNormalization")
def _layer_norm(a: Arguments, x: Tensor, scale: Any, bias: Any = None) -> Any:
    a.plain(stash_type=1)
    axis = a.get("axis", -1) % x.ndim
    if a.outputs > 1:
        raise a.refuse("it returns its mean and deviation", "use its first output alone")
    shape = x.shape[axis:]
    weight, offset = tensor(scale, x), None if bias is None else tensor(bias, x)
    found = F.layer_norm(x, shape, eps=a.get("epsilon", 1e-5)) * weight
    return found if offset is None else found + offset


@operator("Gemm")
def _gemm(a: Arguments, x: Any, weight: Any, bias: Any = None) -> Any:
    a.plain(transA=0)
    if isinstance(weight, Tensor) or not isinstance(x, Tensor):
        raise a.refuse("its matrix depends on the image", "use fixed weights")
    matrix = tensor(weight, x)
    found = torch.matmul(x, matrix.T if a.get("transB", 0) else matrix) * float(a.get("alpha", 1.0))
    factor = float(a.get("beta", 1.0))
    return found if bias is None else found + tensor(bias, x) * factor

"""The table of torch operations that are carried over, and of those that cannot be, with what to write instead.

A handler takes a torch operation's arguments by the names of its schema. It gets those that it names; any other must
stand at its default, or the operation is refused: an argument is honoured or refused, never dropped.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

Handler = TypeVar("Handler", bound=Callable[..., Any])


@dataclass(frozen=True)
class Supported:
    """A torch operation that is carried over.

    Attributes:
        name: of the operation in ATen, for instance `conv2d`.
        words: what people write, for instance `Conv2d`.
        rule: what must hold, for the list of layers; empty where nothing must.
        handler: makes its value; see `Tracer`.
        arguments: of the schema that the handler takes.
        ignored: of the schema that change nothing here, such as memory formats.
        fresh: whether its result never shares memory with an input, so that a change in place reaches no other value.
    """

    name: str
    words: str
    rule: str
    handler: Callable[..., Any]
    arguments: frozenset[str]
    ignored: frozenset[str]
    fresh: bool


SUPPORTED: dict[str, Supported] = {}
_IGNORED = ("memory_format", "non_blocking", "copy", "layout", "device", "pin_memory", "implicit", "generator")


def supports(
    *names: str, words: str = "", rule: str = "", ignored: Sequence[str] = (), fresh: bool = True
) -> Callable[[Handler], Handler]:
    """Enter the function below it as the handler of these operations."""

    def enter(handler: Handler) -> Handler:
        taken = list(inspect.signature(handler).parameters)[1:]  # the first is the tracer
        for name in names:
            SUPPORTED[name] = Supported(
                name, words or name, rule, handler, frozenset(taken), frozenset((*_IGNORED, *ignored)), fresh
            )
        return handler

    return enter


_KEEPS = "an exported network keeps every pixel: leave out up- and downsampling, use stride=1 and dilation for reach"
_FIXED = "a pixel sees a window of fixed size: use AvgPool2d(k, stride=1) or MaxPool2d(k, stride=1) with an odd k"
_WHOLE = "it takes the statistics of the whole image, and Earth Engine has no whole image"
_NORM = f"{_WHOLE}; use BatchNorm2d, whose statistics are fixed after training, or a LayerNorm over the channels"
_CLASS = "return the scores of the classes [n, class, y, x] instead"

# By ATen's name: what people call it, why it cannot be carried over and what to write instead.
REFUSED: dict[str, tuple[str, str]] = {
    "conv1d": ("Conv1d", "use Conv2d on [n, channel, y, x]"),
    "conv3d": ("Conv3d", "use Conv2d on [n, channel, y, x]"),
    "conv_transpose2d": ("ConvTranspose2d", _KEEPS),
    "upsample_nearest2d": ("Upsample or interpolate", _KEEPS),
    "upsample_bilinear2d": ("Upsample or interpolate", _KEEPS),
    "upsample_bicubic2d": ("Upsample or interpolate", _KEEPS),
    "pixel_shuffle": ("PixelShuffle", _KEEPS),
    "pixel_unshuffle": ("PixelUnshuffle", _KEEPS),
    "grid_sampler": ("grid_sample", _KEEPS),
    "im2col": ("unfold", "write the layer that reads the patches as a Conv2d whose kernel is the patch"),
    "unfold": ("unfold", "write the layer that reads the patches as a Conv2d whose kernel is the patch"),
    "adaptive_avg_pool2d": ("AdaptiveAvgPool2d", f"{_WHOLE}; {_FIXED}"),
    "adaptive_max_pool2d": ("AdaptiveMaxPool2d", f"{_WHOLE}; {_FIXED}"),
    "group_norm": ("GroupNorm", _NORM),
    "instance_norm": ("InstanceNorm2d", _NORM),
    "argmax": ("argmax", _CLASS),
    "argmin": ("argmin", _CLASS),
    "sort": ("sort", "use max or min over the channels, or comparisons"),
    "topk": ("topk", "use max or min over the channels, or comparisons"),
    "median": ("median", "use mean, max or min over the channels"),
    "scaled_dot_product_attention": ("attention", "use convolutions, with dilation for reach"),
    "multi_head_attention_forward": ("MultiheadAttention", "use convolutions, with dilation for reach"),
    "lstm": ("LSTM", "use convolutions"),
    "gru": ("GRU", "use convolutions"),
    "atan2": ("atan2", "use atan of a quotient whose divisor cannot be 0"),
    "empty_like": ("empty_like or a random draw", "leave out what is drawn at random"),
    "bernoulli": ("bernoulli", "leave out what is drawn at random"),
    "rand_like": ("rand_like", "leave out what is drawn at random"),
    "randn_like": ("randn_like", "leave out what is drawn at random"),
    "round": ("round", "leave it out: nearly equal values would part ways"),
    "floor": ("floor", "leave it out: nearly equal values would part ways"),
    "ceil": ("ceil", "leave it out: nearly equal values would part ways"),
    "trunc": ("trunc", "leave it out: nearly equal values would part ways"),
    "frac": ("frac", "leave it out: nearly equal values would part ways"),
    "remainder": ("%", "leave it out: nearly equal values would part ways"),
    "fmod": ("fmod", "leave it out: nearly equal values would part ways"),
    "floor_divide": ("//", "use /"),
    "fft_fft2": ("an FFT", f"{_WHOLE}; use Conv2d"),
    "copy": ("an assignment to a part of a tensor", "build the tensor with torch.cat or torch.where"),
    "fill": ("an assignment to a part of a tensor", "build the tensor with torch.cat or torch.where"),
    "index_put": ("an assignment to a part of a tensor", "build the tensor with torch.cat or torch.where"),
    "wrap_with_autocast": ("a region of autocast", "compute in float32: leave autocast out of forward"),
    "autocast": ("a region of autocast", "compute in float32: leave autocast out of forward"),
    "isinf": ("isinf", "leave it out: features are finite or masked"),
    "isfinite": ("isfinite", "use nan_to_num(x, nan=0.0) after the standardisation"),
}
OTHERWISE = "write it with the layers that docs/exporter.md lists"

"""Random networks of every supported layer, and images with holes to run them on."""

import numpy as np
import torch
from hypothesis import strategies as st
from torch import nn

from water_gee.models.nets import PixelNetwork, Standardise, crop

ACTIVATIONS = {
    "relu": nn.ReLU, "leaky": lambda: nn.LeakyReLU(0.2), "steep": lambda: nn.LeakyReLU(1.5),
    "elu": lambda: nn.ELU(0.7), "silu": nn.SiLU, "gelu": nn.GELU, "gelu_tanh": lambda: nn.GELU("tanh"),
    "hardswish": nn.Hardswish, "sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu6": nn.ReLU6,
    "softmax": lambda: nn.Softmax(1), "log_softmax": lambda: nn.LogSoftmax(1), "dropout": nn.Dropout,
    "identity": nn.Identity, "in_place": lambda: nn.ReLU(inplace=True),
}  # fmt: skip
KINDS = ["conv", "conv", "conv", "activation", "activation", "norm", "pool", "cat", "add", "mul", "linear", "scale"]
REACH = 16  # pixels at most, so that test images stay small


class Linear(nn.Module):
    """A Linear over the channels."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.linear = nn.Linear(before, after)

    def forward(self, x):
        return self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Scale(nn.Module):
    """Constants of several shapes."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.rand(channels, 1, 1) + 0.5)

    def forward(self, x):
        return 0.1 + (x - 0.25) * self.factor / 1.5


class RandomNetwork(nn.Module):
    """Layers one after another, with skips to earlier values."""

    def __init__(self, bands: int, plan: list[tuple], classes: int) -> None:
        super().__init__()
        self.steps, self.layers = [], nn.ModuleList()
        channels, margins, margin = [bands], [0], 0
        for kind, *choice in plan:
            now, layer, earlier = channels[-1], None, 0
            if kind == "conv":
                width, size, dilation, grouped, bias = choice
                groups = next(g for g in (grouped, 2, 1) if now % g == 0 and width % g == 0)
                if margin + (size - 1) * dilation // 2 > REACH:
                    size = 1
                layer = nn.Conv2d(now, width, size, dilation=dilation, groups=groups, bias=bias)
                margin, now = margin + (size - 1) * dilation // 2, width
            elif kind == "activation":
                layer = ACTIVATIONS[choice[0]]()
            elif kind == "norm":
                layer = nn.BatchNorm2d(now)
            elif kind == "pool":
                which, size = choice
                if margin + size // 2 > REACH:
                    size = 1
                layer = (nn.MaxPool2d if which == "max" else nn.AvgPool2d)(size, stride=1)
                margin += size // 2
            elif kind == "linear":
                layer, now = Linear(now, choice[0]), choice[0]
            elif kind == "scale":
                layer = Scale(now)
            else:
                earlier = choice[0] % len(channels)
                if kind == "cat":
                    now += channels[earlier]
                elif channels[earlier] not in (1, now):
                    continue
            self.steps.append((kind, earlier, len(self.layers)))
            self.layers.append(layer if layer is not None else nn.Identity())
            channels.append(now)
            margins.append(margin)
        self.margins, self.radius = margins, margin
        self.last = nn.Conv2d(channels[-1], classes, 1)

    def forward(self, x):
        values = [x]
        for kind, earlier, index in self.steps:
            now = values[-1]
            if kind in ("cat", "add", "mul"):
                other = values[earlier]
                other = crop(other, (other.shape[2] - now.shape[2]) // 2)
                result = torch.cat([now, other], 1) if kind == "cat" else now + other if kind == "add" else now * other
            else:
                result = self.layers[index](now)
            values.append(result)
        return self.last(values[-1])


def steps():
    width = st.integers(1, 24)
    conv = st.tuples(
        st.just("conv"), width, st.sampled_from([1, 3, 5, 7]), st.integers(1, 3), st.integers(1, 3), st.booleans()
    )
    return st.one_of(
        conv, conv, conv,
        st.tuples(st.just("activation"), st.sampled_from(sorted(ACTIVATIONS))),
        st.tuples(st.sampled_from(["norm", "scale"])),
        st.tuples(st.just("pool"), st.sampled_from(["max", "mean"]), st.sampled_from([3, 5])),
        st.tuples(st.sampled_from(["cat", "add", "mul"]), st.integers(0, 7)),
        st.tuples(st.just("linear"), width),
    )  # fmt: skip


@st.composite
def networks(draw):
    """A network of 1 to 8 layers on 1 to 8 bands, its weights and statistics drawn at random."""
    bands, classes = draw(st.integers(1, 8)), draw(st.sampled_from([1, 2, 2, 2, 3]))
    plan = draw(st.lists(steps(), min_size=1, max_size=8))
    torch.manual_seed(draw(st.integers(0, 2**16)))
    body = RandomNetwork(bands, plan, classes)
    for layer in body.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
            nn.init.uniform_(layer.weight, -1.5, 1.5)
            nn.init.uniform_(layer.bias, -1, 1)
    mean, deviation = torch.randn(bands).tolist(), (torch.rand(bands) + 0.1).tolist()
    return PixelNetwork(Standardise(mean, deviation), body, [f"f{i}" for i in range(bands)]).eval()


def holey_image(bands: int, size: tuple[int, int], seed: int, share: float = 0.15) -> np.ndarray:
    """Features [band, y, x] with masked pixels, and with single missing bands."""
    random = np.random.default_rng(seed)
    image = random.normal(0.2, 0.6, (bands, *size)).astype(np.float32)
    image[:, random.random(size) < share] = np.nan
    image[random.random(image.shape) < share / 20] = np.nan
    return image

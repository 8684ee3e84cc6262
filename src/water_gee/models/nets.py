"""The networks, readable alone: raw features in, a pair of logits (land, water) a pixel out."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor, nn


class Body(Protocol):
    """A network on standardised features, without padding."""

    radius: int

    def __call__(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y - 2 radius, x - 2 radius]."""
        ...


def crop(x: Tensor, margin: int) -> Tensor:
    """Cut `margin` pixels off each side of [n, channel, y, x]."""
    return x[:, :, margin : x.shape[2] - margin, margin : x.shape[3] - margin]


class PixelCNN(nn.Module):
    """The network of water_gee v1.0: a 7x7 neighbourhood, 38,514 parameters for 8 bands.

    Two 3x3 layers, the input's own centre joined in, a third 3x3 layer, the centre pixel joined in, and
    two 1x1 layers. Applied to a whole tile it computes what it computes on each 7x7 patch.
    """

    radius = 3

    def __init__(self, bands: int = 8, widths: Sequence[int] = (16, 32, 64, 128)) -> None:
        super().__init__()
        first, second, third, fourth = widths
        self.conv1 = nn.Conv2d(bands, first, 3)
        self.conv2 = nn.Conv2d(first, second, 3)
        self.conv3 = nn.Conv2d(second + bands, third, 3)
        self.conv4 = nn.Conv2d(third + bands, fourth, 1)
        self.conv5 = nn.Conv2d(fourth, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y - 6, x - 6]."""
        hidden = torch.relu(self.conv1(x))
        hidden = torch.relu(self.conv2(hidden))
        hidden = torch.cat([hidden, crop(x, 2)], dim=1)
        hidden = torch.relu(self.conv3(hidden))
        hidden = torch.cat([hidden, crop(x, 3)], dim=1)
        hidden = torch.relu(self.conv4(hidden))
        logits: Tensor = self.conv5(hidden)
        return logits


class PixelMLP(nn.Module):
    """A network that sees one pixel and no neighbour: 1x1 convolutions only."""

    radius = 0

    def __init__(self, bands: int = 8, widths: Sequence[int] = (64, 64)) -> None:
        super().__init__()
        sizes = [bands, *widths]
        layers: list[nn.Module] = []
        for size_in, size_out in pairwise(sizes):
            layers += [nn.Conv2d(size_in, size_out, 1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Conv2d(sizes[-1], 2, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y, x]."""
        logits: Tensor = self.layers(x)
        return logits


class Standardise(nn.Module):
    """Subtract the training mean and divide by the training deviation; a masked value (NaN) becomes 0.

    A masked neighbour thus counts as the training mean. Mean and deviation are buffers, not parameters.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, mean: Sequence[float], deviation: Sequence[float]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(list(mean), dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("deviation", torch.tensor(list(deviation), dtype=torch.float32).view(1, -1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Standardise [n, band, y, x]."""
        return torch.nan_to_num((x - self.mean) / self.deviation, nan=0.0)


class PixelNetwork(nn.Module):
    """Standardisation and body as one: what is trained, saved, exported and deployed."""

    def __init__(self, standardise: Standardise, body: nn.Module, features: Sequence[str]) -> None:
        super().__init__()
        self.standardise = standardise
        self.body = body
        self.features = tuple(features)
        self.radius = int(getattr(body, "radius"))  # noqa: B009 - mypy: Module attributes are Tensor | Module

    def forward(self, x: Tensor) -> Tensor:
        """Map raw features [n, band, y, x], NaN where masked, to logits [n, 2, y - 2r, x - 2r]."""
        logits: Tensor = self.body(self.standardise(x))
        return logits

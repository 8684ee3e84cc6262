"""What all networks of `networks` share: raw features in, a pair of logits (land, water) a pixel out."""

from collections.abc import Sequence
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
        # Whether threads may train it at once, each on its part of a batch: it keeps no statistics, draws no chance.
        self.divisible = bool(getattr(body, "divisible", True))

    def forward(self, x: Tensor) -> Tensor:
        """Map raw features [n, band, y, x], NaN where masked, to logits [n, 2, y - 2r, x - 2r]."""
        logits: Tensor = self.body(self.standardise(x))
        return logits

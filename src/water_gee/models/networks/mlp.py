"""A network of single pixels."""

from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn


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


NETWORK = PixelMLP

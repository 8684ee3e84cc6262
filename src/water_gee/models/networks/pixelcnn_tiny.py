"""The form of `pixelcnn` without its third layer of windows, and narrow."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from water_gee.models.nets import crop


class PixelCNNTiny(nn.Module):
    """A 5x5 neighbourhood: two 3x3 layers, the centre pixel joined in, and two 1x1 layers.

    In Earth Engine a layer of windows costs nine numbers a channel that it reads: those of two narrow layers are a
    third of those of `pixelcnn`.
    """

    radius = 2

    def __init__(self, bands: int, widths: Sequence[int]) -> None:
        super().__init__()
        first, second, third = widths
        self.conv1 = nn.Conv2d(bands, first, 3)
        self.conv2 = nn.Conv2d(first, second, 3)
        self.conv3 = nn.Conv2d(second + bands, third, 1)
        self.conv4 = nn.Conv2d(third, 2, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map [n, band, y, x] to logits [n, 2, y - 4, x - 4]."""
        hidden = torch.relu(self.conv1(x))
        hidden = torch.relu(self.conv2(hidden))
        hidden = torch.cat([hidden, crop(x, 2)], dim=1)
        hidden = torch.relu(self.conv3(hidden))
        logits: Tensor = self.conv4(hidden)
        return logits


NETWORK = PixelCNNTiny

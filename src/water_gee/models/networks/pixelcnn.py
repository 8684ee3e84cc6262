"""v1.0's network."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from water_gee.models.nets import crop


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


NETWORK = PixelCNN

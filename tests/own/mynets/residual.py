"""A residual network: each block adds to what it reads, less a pixel a side."""

import torch
from torch import Tensor, nn


class Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(width, width, 3), nn.BatchNorm2d(width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x[:, :, 1:-1, 1:-1] + self.layers(x))


class Residual(nn.Module):
    def __init__(self, bands: int, width: int, blocks: int = 2) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(bands, width, 1), *(Block(width) for _ in range(blocks)))
        self.logit = nn.Conv2d(width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.logit(self.layers(x))

"""The project's own boosted trees as comparisons and matrix products: tables and bits are no layers."""

import numpy as np
import torch
from scipy.linalg import block_diag
from torch import Tensor, nn

from water_gee.export.forests import Part, Questions, buffer, grouped, joined, summed
from water_gee.models import BoostedTrees


def made_of_layers(network: nn.Module) -> nn.Module:
    """Return the network with its `BoostedTrees` written as layers, in place."""
    if isinstance(network, BoostedTrees):
        return TreeLayers(network)
    for name, child in network.named_children():
        setattr(network, name, made_of_layers(child))
    return network


class TreeLayers(nn.Module):
    """What `BoostedTrees` answers, by the same rule: of the leaves that no band excludes the lowest counts.

    A band excludes a leaf as soon as its value is above one certain edge, which is a question of 1 or 0. A leaf is
    possible where the sum of the questions about it is 0; the lowest is what is left of the possible ones after
    taking off, from each, all that lie below it.
    """

    offset: Tensor

    def __init__(self, trees: BoostedTrees) -> None:
        super().__init__()
        parts = [_part(trees, number) for number in range(trees.values.shape[0])]
        self.parts = nn.ModuleList(FirstLeaves(trees.edges.shape[0], group) for group in grouped(parts))
        self.register_buffer("offset", trees.offset.clone().reshape(1, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x], not standardised, to logits [n, 2, y, x]."""
        margin = summed([part(x) for part in self.parts]) + self.offset
        return torch.cat([torch.zeros_like(margin), margin], dim=1)


class FirstLeaves(nn.Module):
    """What some trees add to the log-odds."""

    excludes: Tensor
    lowest: Tensor
    values: Tensor

    def __init__(self, bands: int, parts: list[Part]) -> None:
        super().__init__()
        whole = joined(parts)
        self.questions = Questions(bands, whole.feature, whole.threshold)
        orders = [2 * np.eye(len(part.values)) - np.tril(np.ones((len(part.values),) * 2)) for part in parts]
        self.register_buffer("excludes", buffer(whole.path)[:, :, None, None])
        self.register_buffer("lowest", buffer(block_diag(*orders))[:, :, None, None])
        self.register_buffer("values", buffer(whole.values.T)[:, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x] to log-odds [n, 1, y, x]."""
        possible = nn.functional.conv2d(self.questions(x), self.excludes) < 0.5
        first = torch.relu(nn.functional.conv2d(possible.to(x.dtype), self.lowest))
        return nn.functional.conv2d(first, self.values)


def _part(trees: BoostedTrees, number: int) -> Part:
    """One tree: which question excludes which leaf [leaf, question]."""
    bits = trees.possible[:, :, number].numpy()
    leaves = int(bits[0, 0]).bit_count()  # below its lowest edge a band excludes none
    excluded = (bits[:, :, None] >> np.arange(leaves)) & 1 == 0  # [band, cell, leaf]
    bands, leaf = excluded.any(axis=1).nonzero()
    cells = excluded.argmax(axis=1)[bands, leaf]  # the first cell, above the edge before it
    asked, column = np.unique(np.stack([bands, cells - 1], axis=1), axis=0, return_inverse=True)
    path = np.zeros((leaves, len(asked)))
    path[leaf, column.ravel()] = 1.0
    feature, edge = asked.T
    values = trees.values[number, :leaves].double().numpy()[:, None]
    return Part(feature, trees.edges.numpy()[feature, edge], path, values)

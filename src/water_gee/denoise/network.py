"""The small network of v1.0's noise removal: trained on a tile's patches, applied to the whole tile."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

Float = NDArray[np.float32]
Boolean = NDArray[np.bool_]
_BLOCK = 64  # pixels: small blocks stay in the processor's cache, 2.5 times as fast as a whole tile at once


class TileCNN(nn.Module):
    """v1.0's network for one tile: a 7x7 neighbourhood of so many bands, two logits (land, water).

    It has the form of the deployed network but is no part of it: it lives for one tile, and it must stay what
    it is when the deployed one changes.
    """

    radius = 3

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        bands = len(mean)
        self.mean, self.deviation = mean.view(1, -1, 1, 1), deviation.view(1, -1, 1, 1)
        self.first = nn.Conv2d(bands, 16, 3)
        self.second = nn.Conv2d(16, 32, 3)
        self.third = nn.Conv2d(32 + bands, 64, 3)
        self.fourth = nn.Conv2d(64 + bands, 128, 1)
        self.last = nn.Conv2d(128, 2, 1)

    def standardise(self, bands: Tensor) -> Tensor:
        """Return [n, band, y, x] with mean 0 and deviation 1; what is masked (NaN) becomes 0."""
        return torch.nan_to_num((bands - self.mean) / self.deviation, nan=0.0)

    def forward(self, x: Tensor) -> Tensor:
        """Map standardised [n, band, y, x] to logits [n, 2, y - 6, x - 6]."""
        hidden = torch.relu(self.second(torch.relu(self.first(x))))
        hidden = torch.relu(self.third(torch.cat([hidden, x[:, :, 2:-2, 2:-2]], dim=1)))
        hidden = torch.relu(self.fourth(torch.cat([hidden, x[:, :, 3:-3, 3:-3]], dim=1)))
        logits: Tensor = self.last(hidden)
        return logits


@dataclass(frozen=True)
class Training:
    """How long and how fast a fresh network learns."""

    epochs: int
    batch: int
    learning_rate: float


@contextmanager
def one_thread(seed: int) -> Iterator[None]:
    """Run torch on one thread and from `seed`, then put both back.

    One thread makes the sums, and so the labels, the same on a machine with any number of cores; tiles run side
    by side in processes instead.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)


def patches(bands: Float, pixels: NDArray[np.int64], radius: int) -> Tensor:
    """Return the windows [n, band, 2r + 1, 2r + 1] around `pixels` [n, (y, x)] of `bands` [band, y, x]."""
    size = 2 * radius + 1
    windows = np.lib.stride_tricks.sliding_window_view(bands, (size, size), axis=(1, 2))
    gathered = windows[:, pixels[:, 0] - radius, pixels[:, 1] - radius].swapaxes(0, 1)
    return torch.from_numpy(np.ascontiguousarray(gathered))


def train(bands: Float, used: Boolean, water: NDArray[np.int64], other: NDArray[np.int64], how: Training) -> TileCNN:
    """Return a fresh network trained to tell `water` from `other` pixels.

    Args:
        bands: the tile's bands [band, y, x].
        used: the pixels [y, x] whose mean and deviation standardise the bands.
        water: pixels [n, (y, x)] of the one class, each with its whole window inside the tile.
        other: pixels [m, (y, x)] of the other class.
        how: epochs, batch and learning rate of Adam.
    """
    values = bands[:, used].astype(np.float64)
    mean = torch.from_numpy(values.mean(axis=1).astype(np.float32))
    deviation = np.maximum(values.std(axis=1), 1e-6)  # a constant band stays 0 instead of dividing by 0
    network = TileCNN(mean, torch.from_numpy(deviation.astype(np.float32)))
    # Training is faster with the channels last, prediction in blocks with the channels first. The ignores: torch
    # does not type a memory format alone, nor backward().
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # torch omits it
    samples = network.standardise(patches(bands, np.concatenate([water, other]), network.radius))
    samples = samples.contiguous(memory_format=torch.channels_last)
    classes = torch.cat([torch.ones(len(water), dtype=torch.long), torch.zeros(len(other), dtype=torch.long)])
    optimiser = torch.optim.Adam(network.parameters(), lr=how.learning_rate)
    for _ in range(how.epochs):
        for chosen in torch.split(torch.randperm(len(samples)), how.batch):
            loss = nn.functional.cross_entropy(network(samples[chosen])[:, :, 0, 0], classes[chosen])
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]  # torch types it not
            optimiser.step()
    network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch omits it
    return network


@torch.inference_mode()
def probability(network: TileCNN, bands: Float, used: Boolean) -> Float:
    """Return the probability of water [y, x] at the pixels of `used`, NaN elsewhere.

    Every pixel of `used` must have its whole window inside the tile.
    """
    radius, (height, width) = network.radius, used.shape
    image = network.standardise(torch.from_numpy(np.ascontiguousarray(bands))[None])
    result = np.full(used.shape, np.nan, dtype=np.float32)
    for top in range(radius, height - radius, _BLOCK):
        for left in range(radius, width - radius, _BLOCK):
            bottom, right = min(top + _BLOCK, height - radius), min(left + _BLOCK, width - radius)
            if used[top:bottom, left:right].any():
                block = image[:, :, top - radius : bottom + radius, left - radius : right + radius]
                result[top:bottom, left:right] = torch.softmax(network(block), dim=1)[0, 1].numpy()
    return np.where(used, result, np.float32(np.nan))

"""Two ways to feed one network: windows around drawn pixels, or whole crops with a weighted loss.

Both give the loss the same pixels: an abstained or unseen pixel has no part in it. The pixels feed draws the
other pixels of a tile anew each epoch; the crops feed uses all of them and gives each the weight of its chance
to be drawn. An epoch's loss and gradient are thus the same in expectation, and the same exactly where no
draw is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from water_gee.training.balance import Balance, balance, draw
from water_gee.training.store import ABSTAIN, TileStore

_TILES_AT_ONCE = 64  # pixels are shuffled among so many tiles at a time, which bounds memory


class Batch(NamedTuple):
    """What a step needs: its loss is the sum of weight times loss over pixels, divided by `scale`."""

    features: Tensor  # raw [n, band, y + 2r, x + 2r], channels last, NaN where masked
    water: Tensor  # [n, y, x] float32: 1 water, 0 other or no label
    weight: Tensor  # [n, y, x] float32: 0 where the pixel has no part in the loss
    scale: float


class Feed(Protocol):
    """Batches of an epoch; equal seeds and epochs give equal batches."""

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        ...

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        ...


@dataclass(frozen=True)
class Sampling:
    """What is drawn: tiles of a store, the radius around each pixel, and the class balance."""

    store: TileStore
    tiles: tuple[int, ...]
    radius: int
    balances: tuple[Balance, ...]
    seed: int = 0
    use_confidence: bool = False

    @classmethod
    def of(
        cls,
        store: TileStore,
        tiles: Sequence[int],
        radius: int,
        *,
        other_per_water: float = float("inf"),
        least_other: int = 0,
        seed: int = 0,
        use_confidence: bool = False,
    ) -> "Sampling":
        """Return the sampling of `tiles`; without a ratio, of all labelled pixels."""
        ratio = min(other_per_water, float(store.size**2))
        every = store.size**2 if other_per_water == float("inf") else least_other
        balances = tuple(balance(store.labels[tile], ratio, every) for tile in tiles)
        return cls(store, tuple(tiles), radius, balances, seed, use_confidence)

    @property
    def inset(self) -> int:
        """Where in the stored array the window of a tile's first pixel begins."""
        return self.store.margin - self.radius


class PixelFeed:
    """Windows of 2r + 1 pixels a side around drawn pixels, gathered a batch at a time."""

    def __init__(self, sampling: Sampling, batch: int) -> None:
        self.sampling = sampling
        self.batch = batch

    def _groups(self) -> Iterator[range]:
        return (
            range(start, min(start + _TILES_AT_ONCE, len(self.sampling.tiles)))
            for start in range(0, len(self.sampling.tiles), _TILES_AT_ONCE)
        )

    def __len__(self) -> int:
        totals = [balance.total for balance in self.sampling.balances]
        if len(totals) <= _TILES_AT_ONCE:
            return -(-sum(totals) // self.batch)
        # The groups are of other tiles each epoch, and so is the sum of their last batches: the bound is given.
        return sum(totals) // self.batch + len(list(self._groups()))

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        sampling = self.sampling
        order = np.random.default_rng([sampling.seed, number]).permutation(len(sampling.tiles))
        for group in self._groups():
            tiles, pixels = [], []
            for member in order[group.start : group.stop]:
                tile = sampling.tiles[member]
                random = np.random.default_rng([sampling.seed, number, tile])
                drawn = draw(sampling.store.labels[tile], sampling.balances[member], random)
                pixels.append(drawn)
                tiles.append(np.full(len(drawn), tile, dtype=np.int64))
            tile_of, pixel_of = np.concatenate(tiles), np.concatenate(pixels)
            shuffled = np.random.default_rng([sampling.seed, number, group.start, 1]).permutation(len(tile_of))
            for start in range(0, len(shuffled), self.batch):
                chosen = shuffled[start : start + self.batch]
                yield gather(sampling, tile_of[chosen], pixel_of[chosen])


def gather(sampling: Sampling, tiles: NDArray[np.int64], pixels: NDArray[np.int64]) -> Batch:
    """Return the windows around pixels, given as flat positions among the own pixels of their tiles."""
    store, side = sampling.store, 2 * sampling.radius + 1
    _, height, width, bands = store.features.shape
    first = (tiles * height + pixels // store.size + sampling.inset) * width + pixels % store.size + sampling.inset
    reach = np.arange(side)
    rows = first[:, None, None] + reach[:, None] * width + reach[None, :]
    flat = torch.from_numpy(store.features).view(-1, bands)
    windows = flat.index_select(0, torch.from_numpy(rows.ravel())).view(len(first), side, side, bands)
    label = store.labels.reshape(len(store.labels), -1)[tiles, pixels]
    weight = np.ones(len(first), dtype=np.float32)
    if sampling.use_confidence:
        weight = store.confidence.reshape(len(store.labels), -1)[tiles, pixels]
    return Batch(
        windows.permute(0, 3, 1, 2),
        torch.from_numpy((label == 1).astype(np.float32)).view(-1, 1, 1),
        torch.from_numpy(weight).view(-1, 1, 1),
        float(len(first)),
    )


@dataclass(frozen=True)
class CropFeed:
    """Square crops of labelled ground, each pixel with its weight; in order if not `shuffle`."""

    sampling: Sampling
    side: int
    batch: int
    shuffle: bool = True
    crops: list[tuple[int, int, int]] = field(init=False)  # member of the sampling, y, x
    mean_weight: float = field(init=False)  # of a crop, confidence aside

    def __post_init__(self) -> None:
        size = self.sampling.store.size
        object.__setattr__(self, "side", min(self.side, size))
        starts = range(0, size, self.side)
        crops = [
            (member, y, x)
            for member in range(len(self.sampling.tiles))
            for y in starts
            for x in starts
            if (self._labels(member, y, x) != ABSTAIN).any()
        ]
        object.__setattr__(self, "crops", crops)
        total = sum(balance.total for balance in self.sampling.balances)
        object.__setattr__(self, "mean_weight", total / max(1, len(crops)))

    def _labels(self, member: int, y: int, x: int) -> NDArray[np.uint8]:
        """Return the labels that the crop at (y, x) counts; the last ones of a tile may be smaller."""
        labels: NDArray[np.uint8] = self.sampling.store.labels[
            self.sampling.tiles[member], y : y + self.side, x : x + self.side
        ]
        return labels

    @property
    def labelled_share(self) -> float:
        """Share of the crops' pixels that an epoch counts."""
        return self.mean_weight / self.side**2

    def __len__(self) -> int:
        return -(-len(self.crops) // self.batch)

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of epoch `number`."""
        order = np.arange(len(self.crops))
        if self.shuffle:
            order = np.random.default_rng([self.sampling.seed, number]).permutation(order)
        for start in range(0, len(order), self.batch):
            yield self._collect([self.crops[position] for position in order[start : start + self.batch]])

    def _collect(self, crops: Sequence[tuple[int, int, int]]) -> Batch:
        sampling, store = self.sampling, self.sampling.store
        reach = self.side + 2 * sampling.radius
        features = np.full((len(crops), reach, reach, len(store.names)), np.nan, dtype=np.float32)
        water = np.zeros((len(crops), self.side, self.side), dtype=np.float32)
        weight = np.zeros_like(water)
        for position, (member, y, x) in enumerate(crops):
            tile = sampling.tiles[member]
            labels = self._labels(member, y, x)
            height, width = labels.shape
            top, left = y + sampling.inset, x + sampling.inset
            window = store.features[
                tile, top : top + height + 2 * sampling.radius, left : left + width + 2 * sampling.radius
            ]
            features[position, : window.shape[0], : window.shape[1]] = window
            water[position, :height, :width] = labels == 1
            other = sampling.balances[member].other_weight
            pixel_weight = np.array([other, 1.0] + [0.0] * 254, dtype=np.float32)[labels]
            if sampling.use_confidence:
                pixel_weight *= store.confidence[tile, y : y + height, x : x + width]
            weight[position, :height, :width] = pixel_weight
        return Batch(
            torch.from_numpy(features).permute(0, 3, 1, 2),
            torch.from_numpy(water),
            torch.from_numpy(weight),
            self.mean_weight * len(crops),
        )

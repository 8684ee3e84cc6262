"""Two ways to feed one network: windows around drawn pixels, or whole crops with a weighted loss.

Both give the loss the same pixels: an unseen pixel has no part in it, nor an abstained one without a teacher. The
pixels feed draws the other pixels of a tile anew each epoch; the crops feed uses all of them and gives each the
weight of its chance to be drawn. An epoch's loss and gradient are thus the same in expectation, and the same exactly
where no draw is needed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from water_gee.denoise import ABSTAIN
from water_gee.training.augmentation import NONE, SYMMETRIES, Augmentation, Views, turned
from water_gee.training.balance import Balance, balance, draw
from water_gee.training.lessons import Lessons, classes, mixed
from water_gee.training.mixing import batches_of_places
from water_gee.training.store import TileStore


class Batch(NamedTuple):
    """What a step needs: its loss is the sum of weight times loss over pixels, divided by `scale`."""

    features: Tensor  # raw [n, band, y + 2r, x + 2r], channels last, NaN where masked
    water: Tensor  # [n, y, x] float32: 1 water, 0 other or no label; a probability if soft or of a teacher
    weight: Tensor  # [n, y, x] float32: 0 where the pixel has no part in the loss
    scale: float


class Share(NamedTuple):
    """Which part of every batch one of several processes takes: positions rank, rank + world, ...

    Each part is divided by the scale of the whole batch over `world`, so that the mean of the processes'
    gradients is the gradient that one process would have had of the whole batch.
    """

    rank: int
    world: int

    def of(self, batch: NDArray[Any]) -> tuple[NDArray[Any], bool]:
        """Return this process' part of a batch, and whether it counts.

        A batch smaller than the number of processes leaves nothing to some of them. They get its first member,
        which must not count: every process has to take the same number of steps.
        """
        part = batch[self.rank :: self.world]
        return (part, True) if len(part) else (batch[:1], False)

    def settle(self, batch: Batch, scale: float, counts: bool) -> Batch:
        """Return a gathered part with its share of the whole batch's scale, and without weight if it does not count."""
        weight = batch.weight if counts else torch.zeros_like(batch.weight)
        return batch._replace(weight=weight, scale=scale / self.world)


WHOLE = Share(0, 1)


class Feed(Protocol):
    """Batches of an epoch; equal seeds and epochs give equal batches."""

    def __len__(self) -> int:
        """Return the number of batches of an epoch."""
        ...

    def epoch(self, number: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Yield a process' share of each batch of epoch `number`; the same number of batches to every process."""
        ...


@dataclass(frozen=True)
class Sampling:
    """What is drawn: tiles of a store, the radius around each pixel, the class balance, and what is varied.

    A place is one number: the position of the tile in `tiles`, times its pixels, and the pixel's flat position.
    """

    store: TileStore
    tiles: tuple[int, ...]
    radius: int
    balances: tuple[Balance, ...]
    seed: int = 0
    use_confidence: bool = False
    soft: bool = False  # the target is the probability of water that a label's confidence gives, and not the label
    augmentation: Augmentation = NONE
    taught: float = 0.0  # share of the loss that is the teacher's, where the store has one; the label has the rest

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
        soft: bool = False,
        augmentation: Augmentation = NONE,
        taught: float = 0.0,
    ) -> "Sampling":
        """Return the sampling of `tiles`; without a ratio, of all pixels that teach."""
        ratio = min(other_per_water, float(store.size**2))
        every = store.size**2 if other_per_water == float("inf") else least_other
        drawn = cls(store, tuple(tiles), radius, (), seed, use_confidence, soft, augmentation, taught)
        return replace(drawn, balances=tuple(balance(drawn.classes(tile), ratio, every) for tile in tiles))

    @property
    def inset(self) -> int:
        """Where in the stored array the window of a tile's first pixel begins."""
        return self.store.margin - self.radius

    @property
    def teacher(self) -> NDArray[np.float32] | None:
        """The teacher's probabilities [tile, y, x] of the store, where they are asked for."""
        return self.store.teacher if self.taught else None

    def classes(self, tile: int) -> NDArray[np.uint8]:
        """Return the class [y, x] of each pixel of a tile of the store; 255 where it has no part in the loss."""
        return classes(self.store.labels[tile], None if self.teacher is None else self.teacher[tile])

    def lessons(self, at: NDArray[np.int64]) -> Lessons:
        """Return what the pixels at flat positions of the store's labels teach."""
        labels, confidence = self.store.labels.reshape(-1)[at], self.store.confidence.reshape(-1)[at]
        target = self.target(labels, confidence)
        weight = confidence if self.use_confidence else np.ones(at.shape, dtype=np.float32)
        if self.teacher is None:
            return Lessons(labels, target, weight)
        return mixed(labels, target, weight, self.teacher.reshape(-1)[at], self.taught)

    def target(self, labels: NDArray[np.uint8], confidence: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return what the network is to answer of each pixel: its label, or how probable water is by its confidence."""
        water = labels == 1
        if not self.soft:
            return np.asarray(water, dtype=np.float32)
        return np.asarray(np.where(water, confidence, 1 - confidence), dtype=np.float32)

    def views(self, epoch: int, places: NDArray[np.int64]) -> Views:
        """Return how the windows at `places` are shown in an epoch."""
        return self.augmentation.views(self.seed, epoch, places, self.store.names)


class PixelFeed:
    """Windows of 2r + 1 pixels a side around drawn pixels, gathered a batch at a time."""

    def __init__(self, sampling: Sampling, batch: int) -> None:
        self.sampling = sampling
        self.batch = batch
        self.counts = [balance.total for balance in sampling.balances]

    def __len__(self) -> int:
        return -(-sum(self.counts) // self.batch)

    def epoch(self, number: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Yield a process' share of each batch of epoch `number`."""
        key = (self.sampling.seed, number)
        for whole in batches_of_places(self.counts, partial(self._drawn, number), self.batch, key):
            part, counts = share.of(whole)
            yield share.settle(self._gather(number, part), float(len(whole)), counts)

    def _drawn(self, number: int, member: int) -> NDArray[np.int64]:
        """Return the places of a tile's pixels that are drawn in an epoch."""
        sampling, tile = self.sampling, self.sampling.tiles[member]
        random = np.random.default_rng([sampling.seed, number, tile])
        drawn = draw(sampling.classes(tile), sampling.balances[member], random)
        drawn += member * sampling.store.size**2
        return drawn

    def _gather(self, number: int, places: NDArray[np.int64]) -> Batch:
        """Return the windows around the pixels at `places`."""
        sampling, store, side = self.sampling, self.sampling.store, 2 * self.sampling.radius + 1
        members, pixels = np.divmod(places, store.size**2)
        tiles = np.asarray(sampling.tiles)[members]
        y, x = np.divmod(pixels, store.size)
        views = sampling.views(number, places)
        rows = squares(store.features.shape, tiles, y + sampling.inset, x + sampling.inset, side, views.symmetry)
        windows = _features(store, rows)
        if views.gain is not None:
            windows *= torch.from_numpy(views.gain)[:, None, None]
        lessons = sampling.lessons(tiles * store.size**2 + pixels)
        return Batch(
            windows.permute(0, 3, 1, 2),
            torch.from_numpy(lessons.target).view(-1, 1, 1),
            torch.from_numpy(lessons.weight).view(-1, 1, 1),
            float(len(places)),
        )


class CropFeed:
    """Square crops of ground that teaches, each pixel with its weight; in order if not `shuffle`."""

    def __init__(self, sampling: Sampling, side: int, batch: int, *, shuffle: bool = True) -> None:
        self.sampling = sampling
        self.side = min(side, sampling.store.size)
        self.batch = batch
        self.shuffle = shuffle
        self.counts = [len(self._crops(member)) for member in range(len(sampling.tiles))]
        self.mean_weight = sum(balance.total for balance in sampling.balances) / max(1, sum(self.counts))

    @property
    def labelled_share(self) -> float:
        """Share of the crops' pixels that an epoch counts."""
        return self.mean_weight / self.side**2

    def __len__(self) -> int:
        return -(-sum(self.counts) // self.batch)

    def epoch(self, number: int, share: Share = WHOLE) -> Iterator[Batch]:
        """Yield a process' share of each batch of epoch `number`."""
        key = (self.sampling.seed, number) if self.shuffle else None
        for whole in batches_of_places(self.counts, self._crops, self.batch, key):
            part, counts = share.of(whole)
            yield share.settle(self._collect(number, part), self.mean_weight * len(whole), counts)

    def _crops(self, member: int) -> NDArray[np.int64]:
        """Return the places of the first pixels of a tile's crops that hold a pixel that teaches.

        They are found anew for each epoch, which takes less time than one step and no memory.
        """
        store = self.sampling.store
        labelled = self.sampling.classes(self.sampling.tiles[member]) != ABSTAIN
        starts = np.arange(0, store.size, self.side)
        holds = np.logical_or.reduceat(np.logical_or.reduceat(labelled, starts, axis=0), starts, axis=1)
        y, x = np.nonzero(holds)
        return (member * store.size + starts[y]) * store.size + starts[x]

    def _collect(self, number: int, places: NDArray[np.int64]) -> Batch:
        """Return the crops that begin at `places`."""
        sampling, store, side = self.sampling, self.sampling.store, self.side
        members, pixels = np.divmod(places, store.size**2)
        tiles, (y, x) = np.asarray(sampling.tiles)[members], np.divmod(pixels, store.size)
        views = sampling.views(number, places)
        # A tile's last crops end with the tile, and do not count again what they share with the ones before.
        top, left = np.minimum(y, store.size - side), np.minimum(x, store.size - side)
        own = squares(store.labels.shape, tiles, top, left, side, views.symmetry)
        lessons = sampling.lessons(own)
        if store.size % side:
            below, beside = np.divmod(own % store.size**2, store.size)
            lessons.classes[(below < y[:, None, None]) | (beside < x[:, None, None])] = ABSTAIN
        around = side + 2 * sampling.radius
        rows = squares(store.features.shape, tiles, top + sampling.inset, left + sampling.inset, around, views.symmetry)
        features = _features(store, rows)
        if views.gain is not None:
            features *= torch.from_numpy(views.gain)[:, None, None]
        other = np.array([sampling.balances[member].other_weight for member in members], dtype=np.float32)
        weight = lessons.weight * ((lessons.classes == 1) + (lessons.classes == 0) * other[:, None, None])
        return Batch(
            features.permute(0, 3, 1, 2),
            torch.from_numpy(lessons.target),
            torch.from_numpy(weight),
            self.mean_weight * len(places),
        )


def squares(
    shape: Sequence[int], tiles: NDArray[Any], y: NDArray[Any], x: NDArray[Any], side: int, symmetry: NDArray[np.uint8]
) -> NDArray[np.int64]:
    """Return flat positions [n, side, side] in an array of `shape` [tile, y, x, ...]: squares, each as it is turned.

    Args:
        shape: of the array.
        tiles: of each square.
        y: row of its first pixel.
        x: column of its first pixel.
        side: pixels a side.
        symmetry: from which of the eight sides each is seen.
    """
    _, height, width = shape[:3]
    square = np.arange(side)[:, None] * width + np.arange(side)
    sides = np.stack([turned(square, number) for number in range(SYMMETRIES)])
    positions: NDArray[np.int64] = ((tiles * height + y) * width + x)[:, None, None] + sides[symmetry]
    return positions


def _features(store: TileStore, rows: NDArray[np.int64]) -> Tensor:
    """Return the features [..., band] at flat positions of a store's pixels."""
    bands = len(store.names)
    flat = torch.from_numpy(store.features).view(-1, bands)
    return flat.index_select(0, torch.from_numpy(rows.ravel())).view(*rows.shape, bands)

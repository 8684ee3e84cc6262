"""Labelled pixels a second in training: v1.0's loop, the two feeds, and each feed's step on a batch already there.

Every pixel carries a label. v1.0 cut its 7x7 patches one by one in Python; that loop stands here in PyTorch, in
torch's default memory layout, as a plain rewrite of it would. The feeds run the steps that training runs, from
memory-mapped tiles, with the batch sizes of the default configuration. Lightning's own share is left out.

OpenMP's threads wait without spinning, as train.py sets it. With spinning ones (OMP_WAIT_POLICY=ACTIVE) v1.0's loop is
about a tenth faster here, and the crops, whose batches are divided among threads of their own, a quarter slower.
"""

import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn

from benchmarks.timing import Work, compare
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.models import PixelNetwork, Standardise, build_body
from water_gee.study import Grid, Tile
from water_gee.tiles import TileRecord
from water_gee.training.augmentation import Augmentation
from water_gee.training.feeds import Batch, CropFeed, Feed, PixelFeed, Sampling
from water_gee.training.module import WaterModule
from water_gee.training.store import TileStore

TILES, SIZE, RADIUS = 8, 512, 3
FEATURES = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
WIDTHS = (16, 32, 64, 128)
SMALL, LARGE = 16, 4096  # v1.0's batches: noise removal, training
V1_SMALL, V1_LARGE = f"v1.0, batch {SMALL}", f"v1.0, batch {LARGE}"
WANTED = {("crops", V1_LARGE): 7.0, ("crops", V1_SMALL): 80.0, ("pixels", "pixels, fixed batch"): 0.85,
          ("crops", "crops, fixed batch"): 0.85}  # fmt: skip


def run() -> None:
    """Compare the ways to train one network."""
    data = load(compose(["model=pixelcnn"])).data
    with tempfile.TemporaryDirectory() as folder:
        store = labelled_store(Path(folder))
        sampling = Sampling.of(store, range(TILES), RADIUS, augmentation=Augmentation(data.flips, data.jitter))
        pixels, crops = PixelFeed(sampling, data.batch), CropFeed(sampling, data.crop, data.crop_batch)
        contenders: dict[str, Work] = {
            V1_LARGE: v1_loop(store, LARGE, steps=8),
            V1_SMALL: v1_loop(store, SMALL, steps=150),
            "pixels": feed_steps(batches(pixels), steps=16),
            "pixels, fixed batch": feed_steps(itertools.repeat(next(pixels.epoch(0))), steps=16),
            "crops": feed_steps(batches(crops), steps=60),
            "crops, fixed batch": feed_steps(itertools.repeat(next(crops.epoch(0))), steps=60),
            "crops of 64 pixels": feed_steps(batches(CropFeed(sampling, 64, 2)), steps=60),
            "pixels, loader alone": loader(batches(pixels), steps=40),
            "crops, loader alone": loader(batches(crops), steps=500),
        }
        ratios = compare(f"training, {torch.get_num_threads()} threads", "labelled px", contenders)
    for (name, against), wanted in WANTED.items():
        print(f"{name} / {against}: {ratios[name] / ratios[against]:.2f} (wanted: at least {wanted:g})")


def labelled_store(folder: Path) -> TileStore:
    """Return tiles of random features with a label at every pixel, memory-mapped as in training."""
    random = np.random.default_rng(0)
    side = SIZE + 2 * RADIUS
    features = np.memmap(folder / "features", np.float32, "w+", shape=(TILES, side, side, len(FEATURES)))
    features[:] = random.random(features.shape, dtype=np.float32)
    labels = np.memmap(folder / "labels", np.uint8, "w+", shape=(TILES, SIZE, SIZE))
    labels[:] = random.random(labels.shape) < 0.2
    confidence = np.memmap(folder / "confidence", np.float32, "w+", shape=(TILES, SIZE, SIZE))
    grid = Grid("EPSG:32648", 30.0)
    records = tuple(TileRecord.of(Tile("train", 2020, tile, 0, SIZE, RADIUS), grid, "ok") for tile in range(TILES))
    return TileStore(records, FEATURES, features, labels, confidence)


def network() -> PixelNetwork:
    """Return v1.0's network, the same for all."""
    torch.manual_seed(0)
    body = build_body("pixelcnn", len(FEATURES), WIDTHS)
    return PixelNetwork(Standardise([0.5] * len(FEATURES), [0.3] * len(FEATURES)), body, FEATURES)


def v1_loop(store: TileStore, batch: int, steps: int) -> Work:
    """Return v1.0's training: patches cut one by one around pixels in random order, then a step."""
    net = network()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    tile = np.ascontiguousarray(np.moveaxis(store.features[0], -1, 0))
    labels = np.asarray(store.labels[0])
    order = itertools.cycle(np.random.default_rng(1).permutation(SIZE * SIZE).tolist())
    reach = 2 * RADIUS + 1

    def work() -> float:
        for _ in range(steps):
            patches, classes = [], []
            for place in itertools.islice(order, batch):
                y, x = divmod(place, SIZE)
                patches.append(tile[:, y : y + reach, x : x + reach])
                classes.append(int(labels[y, x]))
            logits = net(torch.from_numpy(np.array(patches)))[:, :, 0, 0]
            optimizer.zero_grad()
            loss_of(logits, torch.tensor(classes)).backward()
            optimizer.step()
        return batch * steps

    return work


def batches(feed: Feed) -> Iterator[Batch]:
    """Yield a feed's batches epoch after epoch; an epoch's beginning falls into the warm-up."""
    for number in itertools.count():
        yield from feed.epoch(number)


def feed_steps(source: Iterator[Batch], steps: int) -> Work:
    """Return training on the next batches of `source`, by the product's own step."""
    module = WaterModule(network(), lr=1e-3, weight_decay=0.0, steps=100_000)
    optimizer = module.configure_optimizers()["optimizer"]

    def step(batch: Batch) -> None:
        optimizer.zero_grad()
        module.training_step(batch, 0).backward()
        optimizer.step()

    return over(source, steps, step)


def loader(source: Iterator[Batch], steps: int) -> Work:
    """Return the gathering of the next batches without a step."""
    return over(source, steps, lambda batch: None)


def over(source: Iterator[Batch], steps: int, step: Callable[[Batch], None]) -> Work:
    """Return work that hands so many batches to `step` and counts their labelled pixels."""

    def work() -> float:
        labelled = 0
        for batch in itertools.islice(source, steps):
            step(batch)
            labelled += int(torch.count_nonzero(batch.weight))
        return labelled

    return work

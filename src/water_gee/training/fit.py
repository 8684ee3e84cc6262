"""Fit one network: feeds, Lightning's trainer, the best epoch, calibration and threshold."""

import logging
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pytorch_lightning as lightning
import torch

from water_gee.accuracy import Confusion
from water_gee.denoise import ABSTAIN
from water_gee.errors import TileError
from water_gee.models import Own, PixelNetwork, Standardise, TrainedModel, build_body, predict
from water_gee.training.augmentation import NONE, Augmentation
from water_gee.training.checkpoints import Keep, WholeFiles, check_resumable
from water_gee.training.data import TileDataModule
from water_gee.training.ddp import ALONE, Place, on_gpu, trainer_arguments
from water_gee.training.feeds import CropFeed, Feed, PixelFeed, Sampling
from water_gee.training.history import Batches, History, OnEpoch, OwnSignals, Stopping
from water_gee.training.module import WaterModule
from water_gee.training.scores import Scores
from water_gee.training.split import Split, too_near
from water_gee.training.store import TileStore, standardisation

DENSE_SHARE = 0.14  # labelled share of the crops from which crops are faster than windows; measured


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a network becomes, given the tiles."""

    kind: str
    widths: tuple[int, ...]
    lr: float
    weight_decay: float
    feed: Literal["auto", "pixels", "crops"]
    batch: int
    crop: int
    crop_batch: int
    other_per_water: float
    least_other: int
    use_confidence: bool
    soft: bool
    epochs: int
    patience: int
    accelerator: str = "auto"
    precision: Literal["auto", "32", "bf16"] = "auto"
    seed: int = 0
    batches: int = 0  # of each epoch, to train and to validate; 0: all
    augmentation: Augmentation = NONE  # of training windows alone
    own: Own | None = None  # the class of a network of the user's own
    taught: float = 0.0  # share of a pixel's loss that is the teacher's, where the store has one


@dataclass(frozen=True)
class Fitted:
    """A trained network and how it came about."""

    model: TrainedModel
    confusions: dict[str, Confusion]  # by validation tile
    scores: Scores  # of all labelled validation pixels, before calibration
    history: list[dict[str, float]]
    feed: str
    seconds: float  # of training alone

    @property
    def confusion(self) -> Confusion:
        """The confusion of all validation tiles together, at the model's threshold."""
        return sum(self.confusions.values(), Confusion())

    @property
    def best_epoch(self) -> int:
        """The epoch, counted from 0, whose weights were kept."""
        return int(np.argmax([row["valid_iou"] for row in self.history]))


def new_network(recipe: Recipe, store: TileStore, split: Split) -> PixelNetwork:
    """Return an untrained network, standardised by the training tiles; its weights follow the seed alone."""
    lightning.seed_everything(recipe.seed, verbose=False)
    body = build_body(recipe.kind, len(store.names), recipe.widths, recipe.own)
    return PixelNetwork(Standardise(*standardisation(store, split.training)), body, store.names)


def keep_apart(store: TileStore, split: Split, radius: int) -> None:
    """Take label and teacher from training pixels whose window shares a pixel with a validation pixel's.

    Raises:
        TileError: a side is then left without water or without other pixels.
    """
    validation = [store.records[tile] for tile in split.validation]
    for tile in split.training:
        near = too_near(store.records[tile], validation, radius)
        store.labels[tile][near] = ABSTAIN
        if store.teacher is not None:
            store.teacher[tile][near] = np.nan
    for side, tiles in (("training", split.training), ("validation", split.validation)):
        for value, what in ((1, "water"), (0, "land")):
            if not any((store.labels[tile] == value).any() for tile in tiles):
                raise TileError(
                    f"the {len(tiles)} {side} tiles hold no pixel labelled {what}; widen areas.train of the study, "
                    "add years, or change data.validation"
                )


def training_sample(recipe: Recipe, store: TileStore, split: Split, radius: int) -> Sampling:
    """Return what an epoch draws from the training tiles, after `keep_apart`."""
    return Sampling.of(
        store, split.training, radius, other_per_water=recipe.other_per_water, least_other=recipe.least_other,
        seed=recipe.seed, use_confidence=recipe.use_confidence, soft=recipe.soft, augmentation=recipe.augmentation,
        taught=recipe.taught,
    )  # fmt: skip


def choose_feed(recipe: Recipe, sampling: Sampling) -> tuple[str, Feed]:
    """Return the feed by name; `auto` takes crops where labels are dense enough to make them the faster."""
    crops = CropFeed(sampling, recipe.crop, recipe.crop_batch)
    name = recipe.feed
    if name == "auto":
        name = "crops" if crops.labelled_share >= DENSE_SHARE else "pixels"
    return name, crops if name == "crops" else PixelFeed(sampling, recipe.batch)


@dataclass(frozen=True)
class Learned:
    """What training alone leaves: the network of the best epoch and how it came about."""

    network: PixelNetwork
    scores: Scores  # of all labelled validation pixels
    history: list[dict[str, float]]
    feed: str
    seconds: float


def fit(
    store: TileStore,
    split: Split,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool,
    on_epoch: OnEpoch | None = None,
    start: PixelNetwork | None = None,
) -> Fitted:
    """Train in this process alone, keep the epoch of the best validation IoU, calibrate it and choose its threshold.

    Args:
        store: the tiles; labels too near a validation tile are taken out of it.
        split: which tiles train and which validate.
        recipe: everything else.
        folder: gets `curves.csv` and, until training has ended, `checkpoints/`.
        resume: go on from `checkpoints/last.ckpt` where there is one.
        on_epoch: takes the number and the metrics of each epoch.
        start: a network to train further, of the recipe's kind and widths; without it a new one.
    """
    learned = learn(store, split, recipe, folder, resume=resume, on_epoch=on_epoch, start=start)
    return judge(learned, store, split, recipe)


def judge(learned: Learned, store: TileStore, split: Split, recipe: Recipe) -> Fitted:
    """Calibrate a network, choose its threshold and count its confusions, all on the validation tiles."""
    temperature = learned.scores.temperature()
    threshold = learned.scores.best_threshold(temperature)
    model = TrainedModel(learned.network, recipe.kind, recipe.widths, threshold, temperature, own=recipe.own)
    confusions = {store.records[tile].id: confusion(model, store, tile) for tile in split.validation}
    return Fitted(model, confusions, learned.scores, learned.history, learned.feed, learned.seconds)


def learn(
    store: TileStore,
    split: Split,
    recipe: Recipe,
    folder: Path,
    *,
    resume: bool,
    on_epoch: OnEpoch | None = None,
    start: PixelNetwork | None = None,
    place: Place = ALONE,
) -> Learned:
    """Train and validate the best epoch, as one of those that train together: all of them return the same.

    The arguments are those of `fit`, and `place`, among those processes. Only the one of rank 0 writes.
    """
    network = start or new_network(recipe, store, split)
    radius = network.radius
    keep_apart(store, split, radius)
    name, feed = choose_feed(recipe, training_sample(recipe, store, split, radius))
    every = Sampling.of(store, split.validation, radius)
    data = TileDataModule(feed, CropFeed(every, recipe.crop, recipe.crop_batch, shuffle=False))
    module = WaterModule(
        network,
        lr=recipe.lr,
        weight_decay=recipe.weight_decay,
        steps=recipe.epochs * max(1, min(recipe.batches or len(feed), len(feed))),
    )
    history = History(folder, on_epoch)
    kept_in = folder / "checkpoints"
    best, last = Keep(kept_in, "best", monitor="valid_iou"), Keep(kept_in, "last", monitor=None)
    started = time.monotonic()
    with _quiet():
        callbacks = [OwnSignals(), Batches(), history, Stopping(recipe.patience), best, last]
        all_used = bool(getattr(network.body, "all_used", True))
        trainer = _trainer(recipe, folder, place, callbacks, all_used=all_used)
        cut_off = kept_in / "last.ckpt"
        going_on = str(cut_off) if resume and cut_off.is_file() else None
        if going_on:
            for one in (cut_off, kept_in / "best.ckpt"):
                check_resumable(one, module)
        try:
            trainer.fit(module, datamodule=data, ckpt_path=going_on, weights_only=True if going_on else None)
        except SystemExit as ended:
            if ended.code == 1:  # what Lightning makes of Ctrl-C
                raise KeyboardInterrupt from ended
            raise
        if place.rank == 0:  # the others get them from it, when validation begins
            kept = torch.load(best.best_model_path, map_location="cpu", weights_only=True)
            module.load_state_dict(kept["state_dict"])
        trainer.validate(module, datamodule=data, verbose=False)
    return Learned(network.cpu().eval(), module.scores, history.rows, name, time.monotonic() - started)


def confusion(model: TrainedModel, store: TileStore, tile: int) -> Confusion:
    """Return a tile's confusion, predicted as everywhere else: its own pixels that carry a label."""
    labels = store.labels[tile]
    return Confusion.of(probability(model, store, tile) >= model.threshold, labels == 1, labels != ABSTAIN)


def probability(model: TrainedModel, store: TileStore, tile: int) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """Return the probability of water [y, x] of a tile's own pixels, NaN where masked."""
    inset = store.margin - model.network.radius
    window = store.features[tile, inset : store.features.shape[1] - inset, inset : store.features.shape[2] - inset]
    return predict(model, np.moveaxis(window, -1, 0))


def _trainer(
    recipe: Recipe, folder: Path, place: Place, callbacks: list[lightning.Callback], *, all_used: bool
) -> lightning.Trainer:
    gpu = on_gpu(recipe.accelerator, place)
    mixed = recipe.precision == "bf16" or (recipe.precision == "auto" and gpu and torch.cuda.is_bf16_supported())
    return lightning.Trainer(
        **trainer_arguments(place, recipe.accelerator, all_used=all_used),
        max_epochs=recipe.epochs,
        limit_train_batches=recipe.batches or 1.0,
        limit_val_batches=recipe.batches or 1.0,
        precision="bf16-mixed" if mixed else "32-true",
        callbacks=callbacks,
        plugins=[WholeFiles()],
        default_root_dir=folder,
        reload_dataloaders_every_n_epochs=1,
        deterministic=True,
        num_sanity_val_steps=0,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence Lightning's advice on loaders and precision, which is about choices made on purpose."""
    for name in ("pytorch_lightning", "pytorch_lightning.utilities.rank_zero", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pytorch_lightning\..*|lightning_fabric\..*")
        yield

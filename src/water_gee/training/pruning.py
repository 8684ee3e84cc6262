"""A trained network made smaller: pruned by the training batches, then trained further."""

import itertools
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from water_gee.config.settings import Settings
from water_gee.models import PixelNetwork, TrainedModel, multiply_adds, prune, widths
from water_gee.progress import say
from water_gee.training.feeds import Batch
from water_gee.training.fit import choose_feed, fit, keep_apart, training_sample
from water_gee.training.history import OnEpoch
from water_gee.training.module import batch_loss
from water_gee.training.run import Trained, keep, prepare, recipe_of

_BATCHES = 64  # of training, by which a channel's worth is measured


def train_pruned(
    settings: Settings,
    model: TrainedModel,
    share: float,
    folder: Path,
    *,
    metadata: Mapping[str, Any] | None = None,
    on_epoch: OnEpoch | None = None,
) -> Trained:
    """Prune a trained network and train what is left, into `folder`, an existing one of `runs/`.

    Tiles, split and feed are those of a training; epochs and learning rate are those of `export`. Which channels go
    is decided on training pixels alone; temperature, threshold and the epoch that is kept, on validation.

    Args:
        settings: the whole configuration; the tiles of `paths.root` are read.
        model: the network to prune; it stays as it is.
        share: of its multiply-adds a pixel that goes, above 0 and below 1.
        folder: gets what a training leaves.
        metadata: what the checkpoint shall tell about its origin; plain types only.
        on_epoch: told the number and the metrics of each epoch.

    Raises:
        TileError: tiles or labels are missing, or do not fit the network.
        ModelError: so much cannot be pruned.
    """
    before = model.network
    store, split = prepare(settings, before.radius, folder)
    keep_apart(store, split, before.radius)
    recipe = replace(
        recipe_of(settings), kind=model.kind, widths=model.widths,
        lr=settings.export.prune_lr, epochs=settings.export.prune_epochs,
    )  # fmt: skip
    _, feed = choose_feed(recipe, training_sample(recipe, store, split, before.radius))
    batches = list(itertools.islice(feed.epoch(0), _BATCHES))
    small = prune(before, model.kind, share, [partial(_loss, batch) for batch in batches])
    recipe = replace(recipe, widths=widths(small))
    macs = multiply_adds(before), multiply_adds(small)
    say(f"pruned from {macs[0]:,} to {macs[1]:,} multiply-adds a pixel, widths {'-'.join(map(str, recipe.widths))}")
    fitted = fit(store, split, recipe, folder, resume=False, on_epoch=on_epoch, start=small)
    return keep(folder, fitted, store, split, {**(metadata or {}), "pruned": share, "unpruned_macs_per_pixel": macs[0]})


def _loss(batch: Batch, network: PixelNetwork) -> Tensor:
    return batch_loss(network, batch)

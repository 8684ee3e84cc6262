"""A trained network made smaller, by what its channels are worth on training batches."""

import itertools
from functools import partial

from torch import Tensor

from water_gee.models import PixelNetwork, TrainedModel, multiply_adds, prune, widths
from water_gee.progress import say
from water_gee.training.feeds import Batch
from water_gee.training.fit import Recipe, choose_feed, keep_apart, training_sample
from water_gee.training.module import batch_loss
from water_gee.training.split import Split
from water_gee.training.store import TileStore

_BATCHES = 64  # of training, by which a channel's worth is measured


def pruned(model: TrainedModel, share: float, recipe: Recipe, store: TileStore, split: Split) -> PixelNetwork:
    """Return a network without the channels that matter least; `model` stays as it is.

    Which channels go is decided on training pixels alone.

    Args:
        model: the network to prune.
        share: of its multiply-adds a pixel that goes, above 0 and below 1.
        recipe: of the training that follows, which draws the batches.
        store: the tiles; labels too near a validation tile are taken out of it.
        split: which tiles train and which validate.

    Raises:
        ModelError: so much cannot be pruned.
    """
    before = model.network
    keep_apart(store, split, before.radius)
    _, feed = choose_feed(recipe, training_sample(recipe, store, split, before.radius))
    batches = list(itertools.islice(feed.epoch(0), _BATCHES))
    small = prune(before, model.kind, share, [partial(_loss, batch) for batch in batches])
    macs = multiply_adds(before), multiply_adds(small)
    say(f"pruned from {macs[0]:,} to {macs[1]:,} multiply-adds a pixel, widths {'-'.join(map(str, widths(small)))}")
    return small


def _loss(batch: Batch, network: PixelNetwork) -> Tensor:
    return batch_loss(network, batch)

"""Several processes that share a feed's batches learn what one process would have learnt."""

import pytest
import torch

from labelled import FEATURES, write_labelled_tiles
from water_gee.denoise import training_records
from water_gee.models import PixelNetwork, Standardise, build_body
from water_gee.training.feeds import CropFeed, PixelFeed, Sampling, Share
from water_gee.training.module import batch_loss
from water_gee.training.store import build_store, standardisation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("share")
    layout = write_labelled_tiles(folder)
    return build_store(layout, training_records(layout), FEATURES, 3, folder)


def feed_of(store, kind):
    """A feed whose last batch is a single crop or pixel, so that some of its processes get nothing."""
    sampling = Sampling.of(store, range(5), 3, other_per_water=2, least_other=40, use_confidence=True, seed=3)
    crops = CropFeed(sampling, 16, 1)
    if kind == "crops":
        return CropFeed(sampling, 16, leaving_one(len(crops), 4))
    return PixelFeed(sampling, leaving_one(sum(balance.total for balance in sampling.balances), 500))


def leaving_one(total, least):
    """Return a batch size of at least `least` that leaves one over."""
    return next(size for size in range(least, total) if total % size == 1)


def gradient(network, batch):
    network.zero_grad()
    batch_loss(network, batch).backward()
    return torch.cat([parameter.grad.ravel() for parameter in network.parameters()])


@pytest.mark.parametrize("kind", ["pixels", "crops"])
@pytest.mark.parametrize("world", [2, 3])
def test_the_mean_of_the_processes_gradients_is_that_of_one_process(store, kind, world):
    torch.manual_seed(0)
    body = build_body("pixelcnn", len(FEATURES), [4, 5, 6, 7])
    network = PixelNetwork(Standardise(*standardisation(store, range(5))), body, FEATURES)
    feed = feed_of(store, kind)
    parts = zip(*(feed.epoch(1, Share(rank, world)) for rank in range(world)), strict=True)
    steps = 0
    for whole, shares in zip(feed.epoch(1), parts, strict=True):
        mean = torch.stack([gradient(network, share) for share in shares]).mean(0)
        torch.testing.assert_close(mean, gradient(network, whole), rtol=1e-4, atol=1e-6)
        assert sum(float(share.weight.sum()) for share in shares) == pytest.approx(float(whole.weight.sum()))
        assert sum(share.scale for share in shares) == pytest.approx(whole.scale)
        steps += 1
    assert steps == len(feed)
    assert len(shares[-1].weight) == 1, "the last process got no part of the last batch"
    assert float(shares[-1].weight.sum()) == 0


@pytest.mark.parametrize("kind", ["pixels", "crops"])
def test_a_process_gathers_its_own_part_only(store, kind):
    feed = feed_of(store, kind)
    whole, part = next(feed.epoch(0)), next(feed.epoch(0, Share(1, 2)))
    torch.testing.assert_close(part.features, whole.features[1::2], rtol=0, atol=0, equal_nan=True)
    assert torch.equal(part.water, whole.water[1::2])

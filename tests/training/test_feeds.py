"""The two feeds give one network the same pixels, and the same loss."""

import numpy as np
import pytest
import torch

from labelled import FEATURES, write_labelled_tiles
from water_gee.denoise import training_records
from water_gee.models import PixelNetwork, Standardise, build_body
from water_gee.training.feeds import CropFeed, PixelFeed, Sampling
from water_gee.training.module import batch_loss
from water_gee.training.store import build_store, standardisation


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("feeds")
    layout = write_labelled_tiles(folder)
    return build_store(layout, training_records(layout), FEATURES, 3, folder)


def network(store, kind):
    torch.manual_seed(0)
    widths = {"pixelcnn": [4, 5, 6, 7], "mlp": [8, 8]}[kind]
    body = build_body(kind, len(FEATURES), widths)
    return PixelNetwork(Standardise(*standardisation(store, range(5))), body, FEATURES)


def epoch_loss(network, feed, number=0):
    """Return (summed loss, summed scale, gradient of the summed loss) of an epoch."""
    network.zero_grad()
    total, scale = 0.0, 0.0
    for batch in feed.epoch(number):
        loss = batch_loss(network, batch) * batch.scale
        loss.backward()
        total, scale = total + float(loss.detach()), scale + batch.scale
    return total, scale, torch.cat([parameter.grad.ravel() for parameter in network.parameters()])


@pytest.mark.parametrize("kind", ["pixelcnn", "mlp"])
@pytest.mark.parametrize(
    ("side", "use_confidence", "soft"),
    [(16, False, False), (24, False, True), (64, True, False), (100, False, False)],
)
def test_both_feeds_give_the_same_loss_and_gradient_over_the_same_pixels(store, kind, side, use_confidence, soft):
    net = network(store, kind)
    sampling = Sampling.of(store, range(5), net.radius, use_confidence=use_confidence, soft=soft)
    windows = epoch_loss(net, PixelFeed(sampling, 700))
    crops = epoch_loss(net, CropFeed(sampling, side, 3))
    assert windows[1] == pytest.approx(crops[1]) == sum(store.labelled(tile) for tile in range(5))
    assert windows[0] == pytest.approx(crops[0], rel=1e-5)
    torch.testing.assert_close(windows[2], crops[2], rtol=1e-3, atol=1e-2)


def test_a_soft_target_is_how_probable_water_is(store):
    hard, soft = (Sampling.of(store, range(5), 3, soft=soft) for soft in (False, True))
    labels, confidence = np.array([1, 0, 1], np.uint8), np.array([0.9, 0.8, 0.6], np.float32)
    assert hard.target(labels, confidence).tolist() == [1, 0, 1]
    assert soft.target(labels, confidence) == pytest.approx([0.9, 0.2, 0.6])


def test_a_balanced_draw_has_the_loss_of_the_weighted_crops_in_expectation(store):
    net = network(store, "mlp")
    sampling = Sampling.of(store, range(5), 0, other_per_water=0.5)
    crops = epoch_loss(net, CropFeed(sampling, 32, 4))
    drawn = [epoch_loss(net, PixelFeed(sampling, 2000), number) for number in range(20)]
    assert all(scale == pytest.approx(crops[1]) for _, scale, _ in drawn)
    assert np.mean([total for total, _, _ in drawn]) == pytest.approx(crops[0], rel=5e-3)


def test_the_draw_takes_all_water_and_so_many_others(store):
    sampling = Sampling.of(store, range(5), 3, other_per_water=0.5, least_other=0)
    for tile, balance in zip(range(5), sampling.balances, strict=True):
        assert balance.water == store.water(tile)
        assert balance.drawn == min(round(0.5 * balance.water), balance.other)
    water = sum(float(batch.water.sum()) for batch in PixelFeed(sampling, 500).epoch(0))
    assert water == sum(balance.water for balance in sampling.balances)


def test_a_tile_without_water_still_teaches(store):
    few = Sampling.of(store, range(5), 3, other_per_water=0.001, least_other=40)
    assert all(balance.drawn == 40 for balance in few.balances)


def test_epochs_differ_and_repeat(store):
    feed = PixelFeed(Sampling.of(store, range(5), 3, other_per_water=1), 512)
    first, again, second = (torch.cat([batch.features for batch in feed.epoch(number)]) for number in (0, 0, 1))
    torch.testing.assert_close(first, again, rtol=0, atol=0, equal_nan=True)
    assert len(list(feed.epoch(0))) == len(feed)
    assert not torch.equal(first.nan_to_num(), second.nan_to_num())


def test_no_abstained_or_unseen_pixel_reaches_the_loss(store):
    sampling = Sampling.of(store, range(5), 3, other_per_water=5)
    for batch in PixelFeed(sampling, 512).epoch(0):
        assert not torch.isnan(batch.features[:, :, 3, 3]).any()
    for batch in CropFeed(sampling, 40, 4).epoch(0):
        centre = batch.features[:, 0, 3:-3, 3:-3]
        assert (batch.weight[torch.isnan(centre)] == 0).all()


def test_windows_are_channels_last(store):
    sampling = Sampling.of(store, range(5), 3)
    for feed in (PixelFeed(sampling, 64), CropFeed(sampling, 32, 2)):
        assert next(feed.epoch(0)).features.is_contiguous(memory_format=torch.channels_last)

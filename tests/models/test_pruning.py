"""Pruning takes whole channels out: fewer multiply-adds, and nothing else changes that need not."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.errors import ModelError
from water_gee.models import (
    PixelNetwork,
    Standardise,
    TrainedModel,
    build_body,
    load_checkpoint,
    multiply_adds,
    prune,
    save_checkpoint,
    widths,
)
from water_gee.models.pruning import convolutions, importance, without

FEATURES = tuple("abcdefgh")
FULL = (16, 32, 64, 128)


def network(kind="pixelcnn", sizes=FULL, seed=0):
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    standardise = Standardise(random.normal(size=8).tolist(), random.uniform(0.5, 2, 8).tolist())
    return PixelNetwork(standardise, build_body(kind, 8, sizes), FEATURES).eval()


def pixels(seed=0, side=11):
    features = torch.randn(2, 8, side, side, generator=torch.Generator().manual_seed(seed))
    features[:, :, 2, 3:5] = torch.nan
    return features


def loss_of(seed):
    features = pixels(seed)
    return lambda net: (net(features) ** 2).mean()


LOSSES = [loss_of(seed) for seed in range(3)]


def silence(net, layer, channels):
    """Let the layer after `layer` no longer hear some of its channels."""
    with torch.no_grad():
        convolutions(net)[layer + 1].weight[:, channels] = 0


@pytest.mark.parametrize(("kind", "sizes"), [("pixelcnn", (6, 9, 12, 10)), ("mlp", (12, 9))])
@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_channels_that_nobody_hears_go_without_a_trace(kind, sizes, data):
    net, kept = network(kind, sizes), []
    for layer, size in enumerate(sizes):
        dead = data.draw(st.lists(st.integers(0, size - 1), unique=True, max_size=size - 1))
        silence(net, layer, dead)
        kept.append(np.setdiff1d(np.arange(size), dead))
    small = without(net, kind, kept)
    assert widths(small) == tuple(len(channels) for channels in kept)
    torch.testing.assert_close(small(pixels()), net(pixels()), rtol=1e-5, atol=1e-5)


def test_what_nobody_hears_is_worth_nothing_and_goes_first():
    net = network()
    dead = {1: list(range(0, 16)), 2: list(range(3, 43))}
    for layer, channels in dead.items():
        silence(net, layer, channels)
    worth = importance(net, LOSSES)
    assert [len(values) for values in worth] == list(FULL)
    for layer, channels in dead.items():
        assert np.flatnonzero(worth[layer] == 0).tolist() == channels
    idle = multiply_adds(net) - multiply_adds(network(sizes=(16, 16, 24, 128)))
    small = prune(net, "pixelcnn", idle / multiply_adds(net), LOSSES)
    assert widths(small) == (16, 16, 24, 128)
    torch.testing.assert_close(small(pixels()), net(pixels()), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.75, 0.9, 0.97])
def test_at_least_the_share_goes_and_the_network_stays_as_it_was(share):
    net = network()
    before = [parameter.clone() for parameter in net.parameters()]
    small = prune(net, "pixelcnn", share, LOSSES)
    assert multiply_adds(net) == 38_272
    assert 0.8 * (1 - share) * 38_272 < multiply_adds(small) <= (1 - share) * 38_272
    assert all(torch.equal(one, other) for one, other in zip(before, net.parameters(), strict=True))
    assert all(not layer._forward_hooks for layer in convolutions(net))
    assert torch.isfinite(small(pixels())).all()


def test_more_than_there_is_cannot_go():
    with pytest.raises(ModelError, match="smaller share"):
        prune(network(), "pixelcnn", 0.9999, LOSSES)
    with pytest.raises(ModelError, match="smaller share"):
        without(network("mlp", (4,)), "mlp", [np.array([], dtype=int)])


def test_a_pruned_network_goes_through_a_checkpoint(tmp_path):
    small = prune(network(), "pixelcnn", 0.75, LOSSES)
    save_checkpoint(tmp_path / "model.ckpt", TrainedModel(small, "pixelcnn", widths(small)))
    again = load_checkpoint(tmp_path / "model.ckpt")
    assert again.widths == widths(small)
    assert torch.equal(again.network(pixels()), small(pixels()))


def test_the_small_network_costs_a_quarter_of_the_full_one_and_the_tiny_one_an_eighth_at_most(tmp_path):
    costs = {}
    for name, radius in (("pixelcnn", 3), ("pixelcnn_small", 3), ("pixelcnn_tiny", 2)):
        model = load(compose([f"model={name}", f"paths.root={tmp_path}"])).model
        assert model.name == name
        body = build_body(model.name, 8, model.widths)
        assert body.radius == radius
        costs[name] = multiply_adds(body)
    assert costs["pixelcnn"] == 38_272
    assert costs["pixelcnn_small"] <= costs["pixelcnn"] / 4
    assert costs["pixelcnn_tiny"] == 9 * 8 * 14 + 9 * 14 * 20 + 28 * 32 + 32 * 2 <= 4_800


def test_multiply_adds_are_counted_by_hand():
    sizes = (8, *FULL, 2)
    inputs = (8, 16, 32 + 8, 64 + 8, 128)
    areas = (9, 9, 9, 1, 1)
    by_hand = sum(
        area * fan * out for area, fan, (_, out) in zip(areas, inputs, itertools.pairwise(sizes), strict=True)
    )
    assert multiply_adds(network()) == by_hand

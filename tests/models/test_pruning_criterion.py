"""What goes first is worth least to the loss for each multiply-add that it costs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from water_gee.models import PixelNetwork, Standardise, build_body, multiply_adds, prune
from water_gee.models.pruning import _least, convolutions, importance, without

SHAPES = [("mlp", (4, 9)), ("mlp", (5,)), ("pixelcnn", (3, 2, 4, 6))]


def network(kind: str, sizes: tuple[int, ...]) -> PixelNetwork:
    torch.manual_seed(3)
    return PixelNetwork(Standardise([0.1] * 3, [0.5] * 3), build_body(kind, 3, sizes), ("a", "b", "c")).eval()


def by_hand(net, kind, worth, allowed):
    """Return which channels stay when one after the other goes, each priced by building the network without it."""
    kept = [np.arange(len(values)) for values in worth]
    while multiply_adds(here := without(net, kind, kept)) > allowed:
        prices = {}
        for layer, channels in enumerate(kept):
            for place in range(len(channels) if len(channels) > 1 else 0):
                rest = [*kept[:layer], np.delete(channels, place), *kept[layer + 1 :]]
                saved = multiply_adds(here) - multiply_adds(without(net, kind, rest))
                prices[layer, place] = worth[layer][channels[place]] / saved
        layer, place = min(prices, key=lambda one: (prices[one], one))
        kept[layer] = np.delete(kept[layer], place)
    return kept


@settings(max_examples=60, deadline=None)
@given(shape=st.sampled_from(SHAPES), left=st.floats(0.5, 1), seed=st.integers(0, 10_000))
def test_the_least_worth_a_multiply_add_goes_until_the_cost_is_met(shape, left, seed):
    net = network(*shape)
    worth = [np.random.default_rng(seed).gamma(0.5, size=size) for size in shape[1]]
    allowed = left * multiply_adds(net)
    kept = _least(net, worth, allowed)
    assert [channels.tolist() for channels in kept] == [
        channels.tolist() for channels in by_hand(net, shape[0], worth, allowed)
    ]


def test_of_two_channels_of_equal_worth_the_costlier_goes():
    net = network("mlp", (4, 20))  # a channel of the first layer costs 3 + 20 multiply-adds, of the second 4 + 2
    worth = [np.full(4, 1.0), np.full(20, 1.0)]
    assert [len(channels) for channels in _least(net, worth, multiply_adds(net) - 1)] == [3, 20]
    worth[0] *= 23 / 6 + 0.1  # now it is worth more than its price
    assert [len(channels) for channels in _least(net, worth, multiply_adds(net) - 1)] == [4, 19]


def test_a_network_that_is_cheap_enough_stays_whole():
    net = network("mlp", (4, 9))
    worth = [np.zeros(4), np.zeros(9)]
    assert [len(channels) for channels in _least(net, worth, multiply_adds(net))] == [4, 9]


@pytest.mark.parametrize("shape", SHAPES)
def test_the_worth_is_the_squared_slope_of_the_loss_by_the_channel(shape):
    net = network(*shape).double()
    losses = []
    for seed in (0, 1):
        batch = torch.randn(2, 3, 9, 9, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
        losses.append(lambda given, batch=batch: (given(batch) ** 2).mean())
    step = 1e-5
    for layer, values in enumerate(importance(net, losses)):
        for channel, found in enumerate(values):
            slopes = [(_scaled(net, layer, channel, 1 + step, loss) - _scaled(net, layer, channel, 1 - step, loss))
                      / (2 * step) for loss in losses]  # fmt: skip
            assert found == pytest.approx(np.mean(np.square(slopes)), rel=1e-4, abs=1e-12)


def _scaled(net, layer, channel, factor, loss) -> float:
    part = convolutions(net)[layer]
    before = part.weight.detach().clone(), part.bias.detach().clone()
    with torch.no_grad():
        part.weight[channel] *= factor
        part.bias[channel] *= factor
        found = float(loss(net))
        part.weight.copy_(before[0])
        part.bias.copy_(before[1])
    return found


def test_a_network_shrinks_in_eight_steps_of_the_same_part_each_measured_anew():
    net = network("mlp", (40, 40))
    costs = []

    def loss(given):
        costs.append(multiply_adds(given))
        return (given(torch.ones(1, 3, 1, 1)) ** 2).mean()

    small = prune(net, "mlp", 0.6, [loss])
    assert costs[0] == multiply_adds(net) and len(costs) == 8
    for number, cost in enumerate([*costs[1:], multiply_adds(small)], start=1):
        allowed = multiply_adds(net) * 0.4 ** (number / 8)
        assert allowed - 45 < cost <= allowed  # 45: what a channel costs at most

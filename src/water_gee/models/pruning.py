"""Structured pruning: whole channels leave a network, with all that is computed for them.

The bodies of `nets` are chains of convolutions: a layer reads the channels of the layer before it and, after
them, bands that bypass that layer. So a channel is taken out as a filter here and as an input of the next layer.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ModelError
from water_gee.models.nets import PixelNetwork, Standardise
from water_gee.models.own import OwnBody
from water_gee.models.trained import build_body

_ROUNDS = 8  # importances are measured anew so many times: what a channel is worth depends on which others are left
Loss = Callable[[PixelNetwork], Tensor]


def multiply_adds(network: nn.Module) -> int:
    """Return the multiply-adds a pixel that the convolutions of a network without strides cost."""
    return sum(layer.weight.numel() for layer in network.modules() if isinstance(layer, nn.Conv2d))


def convolutions(network: PixelNetwork) -> list[nn.Conv2d]:
    """Return the layers of a network's chain, in order; all but the last have channels that can go."""
    return [layer for layer in network.body.modules() if isinstance(layer, nn.Conv2d)]


def widths(network: PixelNetwork) -> tuple[int, ...]:
    """Return the channels of each hidden layer, as `build_body` takes them; none of a network of the user's own."""
    if isinstance(network.body, OwnBody):
        return ()
    return tuple(layer.out_channels for layer in convolutions(network)[:-1])


def importance(network: PixelNetwork, losses: Sequence[Loss]) -> list[NDArray[np.float64]]:
    """Return what each hidden channel is worth to the loss, by layer: [channel].

    A channel is multiplied by a gate that stands at 1. The squared slope of the loss by the gate, averaged over
    batches, is to first order the squared change of the loss if the channel went (Molchanov et al., 2019).

    Args:
        network: of the chain form.
        losses: of one batch each, given the network.
    """
    hidden = convolutions(network)[:-1]
    gates = [torch.ones(1, layer.out_channels, 1, 1, requires_grad=True) for layer in hidden]
    # The networks' activations are of the ReLU kind: gate and activation can change places, as 1 is positive.
    hooks = [
        layer.register_forward_hook(lambda _layer, _inputs, output, gate=gate: output * gate)
        for layer, gate in zip(hidden, gates, strict=True)
    ]
    try:
        found = [np.zeros(layer.out_channels) for layer in hidden]
        for loss in losses:
            slopes = torch.autograd.grad(loss(network), gates)
            for total, slope in zip(found, slopes, strict=True):
                total += slope.flatten().numpy().astype(np.float64) ** 2
    finally:
        for hook in hooks:
            hook.remove()
    return [total / max(1, len(losses)) for total in found]


def without(network: PixelNetwork, kind: str, kept: Sequence[NDArray[np.int64]]) -> PixelNetwork:
    """Return a smaller network that has only the kept channels of each hidden layer, with their weights.

    Args:
        network: a network of the chain form; it stays as it is.
        kind: its kind, as `build_body` knows it.
        kept: positions of the channels that stay, by hidden layer, rising.

    Raises:
        ModelError: a layer would be left without a channel.
    """
    layers = convolutions(network)
    if len(kept) != len(layers) - 1 or any(len(channels) == 0 for channels in kept):
        raise ModelError("pruning must leave every hidden layer a channel; choose a smaller share")
    body = build_body(kind, len(network.features), [len(channels) for channels in kept])
    standardise = Standardise(
        network.standardise.mean.flatten().tolist(), network.standardise.deviation.flatten().tolist()
    )
    small = PixelNetwork(standardise, body, network.features)
    inputs = np.arange(layers[0].in_channels)
    with torch.no_grad():
        for position, (old, new) in enumerate(zip(layers, convolutions(small), strict=True)):
            outputs = kept[position] if position < len(kept) else np.arange(old.out_channels)
            assert old.bias is not None and new.bias is not None
            new.weight.copy_(old.weight[outputs][:, inputs])
            new.bias.copy_(old.bias[outputs])
            if position < len(kept):
                bypass = np.arange(old.out_channels, layers[position + 1].in_channels)
                inputs = np.concatenate([outputs, bypass])
    return small


def prune(network: PixelNetwork, kind: str, share: float, losses: Sequence[Loss]) -> PixelNetwork:
    """Take out the channels of least worth for their cost, until at most 1 - share of the multiply-adds is left.

    Args:
        network: a trained network of the chain form; it stays as it is.
        kind: its kind.
        share: of its multiply-adds a pixel that is to go, from 0 up to below 1.
        losses: the loss of some training batches, given a network.

    Raises:
        ModelError: one channel in each layer costs more than is allowed.
    """
    full = multiply_adds(network)
    for number in range(1, _ROUNDS + 1):
        allowed = full * (1 - share) ** (number / _ROUNDS)  # each round takes the same part of what is left
        if number == _ROUNDS:
            allowed = full * (1 - share)
        network = without(network, kind, _least(network, importance(network, losses), allowed))
    return network


def _least(network: PixelNetwork, worth: Sequence[NDArray[np.float64]], allowed: float) -> list[NDArray[np.int64]]:
    """Return which channels stay so that the network costs no more than `allowed`.

    Raises:
        ModelError: it cannot.
    """
    layers = convolutions(network)
    kept = [np.arange(layer.out_channels) for layer in layers[:-1]]
    areas = [layer.weight[0, 0].numel() for layer in layers]
    bypass = [layers[0].in_channels, *(b.in_channels - a.out_channels for a, b in pairwise(layers))]
    while True:
        counts = [0, *(len(channels) for channels in kept), layers[-1].out_channels]
        inputs = [counts[position] + bypass[position] for position in range(len(layers))]
        cost = sum(areas[p] * inputs[p] * counts[p + 1] for p in range(len(layers)))
        if cost <= allowed:
            return kept
        best: tuple[float, int, int] | None = None
        for layer, channels in enumerate(kept):
            if len(channels) < 2:
                continue
            saved = areas[layer] * inputs[layer] + areas[layer + 1] * counts[layer + 2]
            place = int(np.argmin(worth[layer][channels]))
            candidate = (float(worth[layer][channels][place]) / saved, layer, place)
            best = candidate if best is None else min(best, candidate)
        if best is None:
            raise ModelError("pruning would leave less than a channel in each layer; choose a smaller share")
        _, layer, place = best
        kept[layer] = np.delete(kept[layer], place)

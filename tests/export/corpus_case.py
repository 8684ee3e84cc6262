"""What a network of the corpus is: how it is made, how its author reads it, and what a good exporter does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Case:
    """One network as somebody else would write it; it maps raw features [n, 4, y, x] to its output.

    `reading` makes the author's probability of water [n, y', x'] of that output. `reach`: how far, in rows and
    columns, a padded network looks (one that does not pad shows it by what its output lacks). `ties`: the share of
    pixels that may differ because they lie on a threshold. `words`: a pattern that the refusal has to match.
    """

    name: str
    build: Callable[[], nn.Module]
    reading: Callable[[Any], Tensor]
    output: str
    water_class: int | None = None
    expects: str = "equal"  # equal | refused | either
    border: str = "refuse"
    why: str = ""
    reach: tuple[int, int] = (0, 0)
    ties: float = 0.0
    words: str = ""


CASES: list[Case] = []


def build(factory: Callable[[], nn.Module]) -> nn.Module:
    """The network with the same random weights each time, and with statistics as training leaves them."""
    torch.manual_seed(20)
    network = factory()
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d | nn.BatchNorm1d):
            for numbers in (layer.weight, layer.bias, layer.running_mean):
                if numbers is not None:
                    nn.init.normal_(numbers.detach())
            if layer.running_var is not None:
                layer.running_var.uniform_(0.3, 3)
    return network.eval()


def network(reading: Callable[[Any], Tensor], output: str, *, name: str = "", **rest: Any) -> Callable[[Any], Any]:
    """A decorator: the class or factory below is a case of the corpus."""

    def note(factory: Any) -> Any:
        CASES.append(Case(name or factory.__name__, partial(build, factory), reading, output, **rest))
        return factory

    return note


def sigmoid(y: Tensor) -> Tensor:
    return y[:, 0].sigmoid()


def second(y: Tensor) -> Tensor:
    return y.softmax(1)[:, 1]


def first(y: Tensor) -> Tensor:
    return y[:, 0]


one = partial(network, sigmoid, "logits")
two = partial(network, second, "logits", water_class=1)
sure = partial(network, first, "probability")


class Between(nn.Module):
    """Two pixelwise layers with a function between them."""

    def __init__(self, function: Callable[[Tensor], Tensor], width: int = 6, into: int | None = None) -> None:
        super().__init__()
        self.function = function
        self.enter = nn.Conv2d(4, width, 1)
        self.leave = nn.Conv2d(into or width, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.leave(self.function(self.enter(x)))


def between(name: str, function: Callable[[Tensor], Tensor], into: int | None = None, **rest: Any) -> None:
    one(name=name, **rest)(lambda: Between(function, into=into))

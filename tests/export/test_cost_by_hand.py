"""What a pixel of an exported network goes through, counted by hand."""

import pytest
import torch
from torch import nn

from water_gee.export import export_network
from water_gee.models.nets import PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
BANDS = ("a", "b", "c")
HIDDEN = 4


class Body(nn.Module):
    """One layer that sees neighbours, and one that does not."""

    def __init__(self, first: nn.Module, radius: int, channels: int = HIDDEN) -> None:
        super().__init__()
        self.first, self.last, self.radius = first, nn.Conv2d(channels, 2, 1), radius

    def forward(self, x):
        return self.last(torch.relu(self.first(x)))


def cost(first: nn.Module, radius: int, form: str, channels: int = HIDDEN):
    torch.manual_seed(0)
    network = PixelNetwork(Standardise([0.1] * 3, [0.2] * 3), Body(first, radius, channels), BANDS).eval()
    return export_network(network, BANDS, form=form).cost


# The two logits are reduced to one number, so the last layer has one filter. A number of an array has 8 bytes.


def test_a_pixel_goes_through_its_window_the_column_of_it_and_what_each_layer_gives() -> None:
    found = cost(nn.Conv2d(3, HIDDEN, 3), 1, "array")
    assert found.array_bytes == 8 * (3 * 9 + 3 * 9 + HIDDEN + 1)
    assert (found.macs, found.convolved, found.weighted) == (3 * 9 * HIDDEN + HIDDEN, 0, 0)


def test_a_pixel_without_neighbours_goes_through_its_column() -> None:
    assert cost(nn.Conv2d(3, HIDDEN, 1), 0, "array").array_bytes == 8 * (3 + HIDDEN + 1)


def test_a_window_with_gaps_is_taken_whole_and_then_thinned() -> None:
    found = cost(nn.Conv2d(3, HIDDEN, 3, dilation=2), 2, "array")
    assert found.array_bytes == 8 * (3 * 25 + 3 * 9 + HIDDEN + 1)


def test_a_pool_reduces_its_window() -> None:
    assert cost(nn.MaxPool2d(3, stride=1), 1, "array", 3).array_bytes == 8 * (3 * 9 + 3 + 1)


def test_kernels_convolve_with_neighbours_and_weigh_without() -> None:
    found = cost(nn.Conv2d(3, HIDDEN, 3), 1, "kernel")
    assert found.macs == 3 * 9 * HIDDEN + HIDDEN and found.array_bytes == 0
    assert found.convolved + found.weighted == found.macs
    assert found.convolved == 3 * 9 * HIDDEN


@pytest.mark.parametrize("form", ["array", "kernel"])
def test_the_estimate_grows_with_every_layer_and_channel(form) -> None:
    small = cost(nn.Conv2d(3, HIDDEN, 1), 0, form)
    wide = cost(nn.Conv2d(3, 2 * HIDDEN, 1), 0, form, 2 * HIDDEN)
    far = cost(nn.Conv2d(3, HIDDEN, 3), 1, form)
    assert 200 < small.nanoseconds_per_pixel < min(wide.nanoseconds_per_pixel, far.nanoseconds_per_pixel)

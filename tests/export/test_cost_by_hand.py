"""What a pixel of an exported network goes through, counted by hand."""

import numpy as np
import pytest
import torch
from torch import nn

from water_gee.export import export_network, to_earth_engine
from water_gee.export.memory import Memory
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
    # The windows of the bands, the same stacked and as a column; the product, its bias, its ReLU; the head likewise.
    assert found.array_bytes == 8 * (3 * 27 + 3 * HIDDEN + 3)
    assert found.peak_bytes == 8 * (27 + 27 + 1)  # the windows and their stack, and the mask
    assert (found.macs, found.convolved, found.weighted) == (3 * 9 * HIDDEN + HIDDEN, 0, 0)


def test_a_pixel_without_neighbours_goes_through_its_column() -> None:
    assert cost(nn.Conv2d(3, HIDDEN, 1), 0, "array").array_bytes == 8 * (2 * 3 + 3 * HIDDEN + 3)


def test_a_window_with_gaps_is_gathered_along_x_and_then_along_y() -> None:
    found = cost(nn.Conv2d(3, HIDDEN, 3, dilation=2), 2, "array")
    # Rows of 5 of which 3 are taken; of each of these columns of 5, of which 3 are taken and made one column.
    along_x, along_y = 2 * 15 + 2 * 9, 2 * 45 + 27
    assert found.array_bytes == 8 * (along_x + along_y + 27 + 3 * HIDDEN + 3)


def test_a_window_with_gaps_on_one_axis_is_taken_whole_and_then_thinned() -> None:
    found = cost(nn.Conv2d(3, HIDDEN, (3, 1), dilation=2), 2, "array")
    assert found.array_bytes == 8 * (2 * 15 + 9 + 9 + 3 * HIDDEN + 3)


@pytest.mark.parametrize("layer", [nn.Conv2d(16, 16, 3, dilation=8), nn.Conv2d(16, 16, 3, groups=16, dilation=8),
                                   nn.MaxPool2d(3, stride=1, dilation=8)])  # fmt: skip
def test_wide_gaps_do_not_make_a_pixel_hold_more(layer) -> None:
    torch.manual_seed(3)
    made = nn.Sequential(nn.Conv2d(3, 16, 1), layer, nn.ReLU(), nn.Conv2d(16, 2, 1)).eval()
    exported = to_earth_engine(made, BANDS)
    assert exported.exported.cost.shard == 256  # a square of 17 pixels of all channels at once would allow 32
    assert exported.check(np.random.default_rng(2).normal(size=(3, 19, 20))).equal


def test_a_pool_reduces_its_window() -> None:
    assert cost(nn.MaxPool2d(3, stride=1), 1, "array", 3).array_bytes == 8 * (2 * 27 + 3 * 3 + 3)


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


def test_the_widest_layer_is_computed_some_channels_at_a_time() -> None:
    narrow = cost(nn.Conv2d(3, 8, 3), 1, "array", 8)
    torch.manual_seed(0)
    body = nn.Sequential(nn.Conv2d(3, 96, 1), nn.ReLU(), nn.Conv2d(96, 8, 3), nn.ReLU(), nn.Conv2d(8, 2, 1))
    network = PixelNetwork(Standardise([0.1] * 3, [0.2] * 3), Wide(body), BANDS).eval()
    wide = export_network(network, BANDS).cost
    assert narrow.peak_bytes < wide.peak_bytes < 8 * 96 * 9  # less than its windows alone, let alone two copies of them


class Wide(nn.Module):
    """A body that reaches one pixel."""

    radius = 1

    def __init__(self, layers: nn.Module) -> None:
        super().__init__()
        self.layers = layers

    def forward(self, x):
        return self.layers(x)


@pytest.mark.parametrize(("multiple", "dilation"), [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_a_convolution_of_groups_is_written_by_groups(multiple, dilation) -> None:
    """Without the zeros that stand between groups, and equal to torch."""
    torch.manual_seed(1)
    for groups, channels in ((12, 12), (4, 12)):
        layer = nn.Conv2d(channels, channels * multiple, 3, groups=groups, dilation=dilation)
        made = nn.Sequential(nn.Conv2d(3, channels, 1), layer, nn.ReLU(), nn.Conv2d(channels * multiple, 2, 1)).eval()
        exported = to_earth_engine(made, BANDS)
        assert exported.check(np.random.default_rng(2).normal(size=(3, 11, 12))).equal
        dense = to_earth_engine(nn.Sequential(made[0], nn.Conv2d(channels, channels * multiple, 3), *made[2:]), BANDS)
        assert exported.exported.cost.payload_bytes < dense.exported.cost.payload_bytes
        assert exported.exported.cost.macs < dense.exported.cost.macs


def test_the_tile_of_an_export_is_as_large_as_its_memory_allows() -> None:
    sides = {peak: Memory(peak, 0).shard for peak in (1000, 4096, 4097, 20_000, 10_000_000)}
    assert sides == {1000: 256, 4096: 256, 4097: 128, 20_000: 64, 10_000_000: 16}

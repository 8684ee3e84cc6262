"""What cannot be carried over is refused by name, with its place and what to use instead."""

import pytest
import torch
from torch import nn

from water_gee.errors import ExportError
from water_gee.export import export_network, trace
from water_gee.models.nets import crop

NAMES = tuple(f"f{index}" for index in range(4))


class Around(nn.Module):
    """A layer between two convolutions, as `body.middle`."""

    def __init__(self, middle):
        super().__init__()
        self.first, self.middle, self.last = nn.Conv2d(4, 4, 3), middle, nn.Conv2d(4, 2, 1)

    def forward(self, x):
        return self.last(self.middle(self.first(x)))


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


class Attention(nn.Module):
    def forward(self, x):
        return nn.functional.scaled_dot_product_attention(x, x, x)


REFUSED = {
    "stride": (nn.Conv2d(4, 4, 3, stride=2), "Conv2d", "stride=1"),
    "even kernel": (nn.Conv2d(4, 4, 4), "Conv2d", "odd kernel"),
    "zero padding": (nn.Conv2d(4, 4, 3, padding=1), "Conv2d", "border='interior'"),
    "reflecting padding": (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "pad", "padding=0"),
    "transposed convolution": (nn.ConvTranspose2d(4, 4, 3), "ConvTranspose2d", "stride=1"),
    "upsampling": (nn.Upsample(scale_factor=2), "Upsample or interpolate", "leave out"),
    "pooling with a stride": (nn.MaxPool2d(3), "MaxPool2d", "stride=1"),
    "even pooling": (nn.AvgPool2d(2, stride=1), "AvgPool2d", "odd"),
    "global pooling": (nn.AdaptiveAvgPool2d(1), "AdaptiveAvgPool2d", "AvgPool2d"),
    "group norm": (nn.GroupNorm(2, 4), "GroupNorm", "whole image"),
    "instance norm": (nn.InstanceNorm2d(4), "InstanceNorm2d", "whole image"),
    "layer norm": (nn.LayerNorm(257), "LayerNorm", "channels"),
    "batch statistics": (nn.BatchNorm2d(4, track_running_stats=False), "BatchNorm2d", "track_running_stats"),
    "softmax over rows": (nn.Softmax(2), "Softmax", "dim=1"),
    "linear over rows": (nn.Linear(257, 257), "Linear", "Conv2d(kernel_size=1)"),
    "attention": (Attention(), "attention", "convolutions"),
    "division by a value": (Call(lambda x: x / (x * x)), "/", "what cannot be 0"),
    "strided slice": (Call(lambda x: x[:, :, ::2]), "a slice x[a:b]", "step 1"),
    "position": (Call(lambda x: x + torch.arange(x.shape[3])), "+", "one number a channel"),
    "shifted sum": (Call(lambda x: x[:, :, 1:, 1:] + x[:, :, :-1, :-1]), "+", "different pixels"),
    "late fill": (Call(lambda x: torch.nan_to_num(x, nan=1.0)), "nan_to_num", "standardisation"),
    "rounding": (Call(lambda x: torch.div(x, 2, rounding_mode="floor")), "/", "without rounding"),
    "batch of patches": (Call(lambda x: x.flatten(1)[:, :4, None, None]), "view or reshape", "kernel is the patch"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_layer_is_refused_by_name_and_place(what):
    layer, name, instead = REFUSED[what]
    with pytest.raises(ExportError) as caught:
        export_network(Around(layer).eval(), NAMES)
    message = str(caught.value)
    assert f"cannot export {name} at middle" in message and instead in message and "\n" not in message


def test_what_is_not_a_network_of_pixels_is_refused():
    with pytest.raises(ExportError, match="not centred"):
        trace(Call(lambda x: x[:, :, 1:, 1:] * 1), NAMES)
    with pytest.raises(ExportError, match="one tensor"):
        trace(Call(lambda x: (x, x)), NAMES)
    with pytest.raises(ExportError, match="cannot trace"):
        trace(nn.Conv2d(3, 2, 1), NAMES)
    with pytest.raises(ExportError, match="permute"):
        trace(Call(lambda x: x.permute(0, 2, 3, 1)), NAMES)
    with pytest.raises(ExportError, match=r"\[n, class, y, x\]"):
        trace(Call(lambda x: x.transpose(2, 3)), NAMES)
    with pytest.raises(ExportError, match=r"no torch\.nn\.Module"):
        trace(lambda x: x, NAMES)
    with pytest.raises(ExportError, match="set water_class"):
        export_network(nn.Conv2d(4, 2, 1), NAMES, water_class=2)
    with pytest.raises(ExportError, match="form 'arrays'"):
        export_network(nn.Conv2d(4, 2, 1), NAMES, form="arrays")


def test_padding_counts_as_its_interior_when_asked():
    network = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 2, 5, padding="same"))
    program = trace(network, NAMES, border="interior")
    assert (program.margin, program.reach) == (0, 3)
    assert len(program.notes) == 2


def test_an_operation_in_place_is_seen_by_who_reads_its_input_again():
    def reads_again(x):
        hidden = x * 2
        again = torch.relu_(hidden)
        return torch.cat([hidden, again], dim=1)

    program = trace(Call(reads_again), NAMES)
    assert program.output.numbers == (0, 1, 2, 3, 0, 1, 2, 3)


def test_an_operation_in_place_on_a_view_is_refused():
    def changes_view(x):
        hidden = x * 2
        torch.relu_(crop(hidden, 1))
        return crop(hidden, 2)

    with pytest.raises(ExportError, match="inplace=False"):
        trace(Call(changes_view), NAMES)

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
    "stride": (nn.Conv2d(4, 4, 3, stride=2), "conv2d", "stride=1"),
    "even kernel": (nn.Conv2d(4, 4, 4), "conv2d", "odd kernel"),
    "zero padding": (nn.Conv2d(4, 4, 3, padding=1), "conv2d", "border='interior'"),
    "reflecting padding": (nn.Conv2d(4, 4, 3, padding=1, padding_mode="reflect"), "pad", "padding=0"),
    "transposed convolution": (nn.ConvTranspose2d(4, 4, 3), "conv_transpose2d", "Conv2d"),
    "upsampling": (nn.Upsample(scale_factor=2), "upsample_nearest2d", "leave out"),
    "pooling with a stride": (nn.MaxPool2d(3), "max_pool2d", "stride=1"),
    "even pooling": (nn.AvgPool2d(2, stride=1), "avg_pool2d", "odd"),
    "global pooling": (nn.AdaptiveAvgPool2d(1), "adaptive_avg_pool2d", "AvgPool2d"),
    "group norm": (nn.GroupNorm(2, 4), "group_norm", "BatchNorm2d"),
    "instance norm": (nn.InstanceNorm2d(4), "instance_norm", "BatchNorm2d"),
    "layer norm": (nn.LayerNorm(257), "layer_norm", "BatchNorm2d"),
    "batch statistics": (nn.BatchNorm2d(4, track_running_stats=False), "batch_norm", "track_running_stats"),
    "PReLU": (nn.PReLU(4), "prelu", "LeakyReLU"),
    "Softplus": (nn.Softplus(), "softplus", "ELU"),
    "Mish": (nn.Mish(), "mish", "SiLU"),
    "softmax over rows": (nn.Softmax(2), "softmax", "dim=1"),
    "linear over rows": (nn.Linear(257, 257), "linear", "Conv2d(kernel_size=1)"),
    "attention": (Attention(), "scaled_dot_product_attention", "convolutions"),
    "division by a value": (Call(lambda x: x / (x * x + 1)), "div", "multiply"),
    "transposed image": (Call(lambda x: x.transpose(2, 3)), "transpose", "use one of"),
    "strided slice": (Call(lambda x: x[:, :, ::2]), "slice", "crops"),
    "chosen channels": (Call(lambda x: torch.cat([x[:, :2], x[:, :2]], 1)), "slice", "crops"),
    "position": (Call(lambda x: x + torch.arange(x.shape[3])), "add", "one number a channel"),
    "shifted sum": (Call(lambda x: x[:, :, 1:, 1:] + x[:, :, :-1, :-1]), "add", "same centre"),
    "late fill": (Call(lambda x: torch.nan_to_num(x, nan=1.0)), "nan_to_num", "fill with 0"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_layer_is_refused_by_name_and_place(what):
    layer, name, instead = REFUSED[what]
    with pytest.raises(ExportError) as caught:
        trace(Around(layer).eval(), NAMES)
    message = str(caught.value)
    if name not in message and what in ("linear over rows", "layer norm"):
        assert "cannot trace" in message  # torch itself refuses it on another size
        return
    assert f"cannot export {name} at middle" in message and instead in message and "\n" not in message


def test_what_is_not_a_network_of_pixels_is_refused():
    with pytest.raises(ExportError, match="not centred"):
        trace(Call(lambda x: x[:, :, 1:, 1:]), NAMES)
    with pytest.raises(ExportError, match="one tensor"):
        trace(Call(lambda x: (x, x)), NAMES)
    with pytest.raises(ExportError, match="cannot trace"):
        trace(nn.Conv2d(3, 2, 1), NAMES)
    with pytest.raises(ExportError, match="leave the softmax out"):
        export_network(nn.Sequential(nn.Conv2d(4, 2, 1), nn.Softmax(1)), NAMES)
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
    first, second = program.output.inputs
    assert first is second


def test_an_operation_in_place_on_a_view_is_refused():
    def changes_view(x):
        hidden = x * 2
        torch.relu_(crop(hidden, 1))
        return crop(hidden, 2)

    with pytest.raises(ExportError, match="inplace=False"):
        trace(Call(changes_view), NAMES)

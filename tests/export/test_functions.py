"""Functions and constants that the random networks do not draw give what torch gives, too."""

import numpy as np
import pytest
import torch
from torch import nn

from export import networks as drawn
from export.interpreter import evaluate
from export.reading import torch_probability
from water_gee.errors import ExportError
from water_gee.export import export_network
from water_gee.models.nets import PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
CHANNELS = torch.tensor([0.5, -2.0, 4.0]).view(3, 1, 1)  # what divides or multiplies, a number a channel
FUNCTIONS = {
    "clamp": lambda x: x.clamp(-0.3, 0.6),
    "clamp from below": lambda x: x.clamp(min=-0.2),
    "clamp from above": lambda x: x.clamp(max=0.4),
    "clamp_min": lambda x: torch.clamp_min(x, 0.1),
    "hardtanh": nn.functional.hardtanh,
    "hardtanh with bounds": lambda x: nn.functional.hardtanh(x, -0.5, 0.25),
    "relu6": lambda x: nn.functional.relu6(9 * x),
    "leaky relu as it comes": nn.functional.leaky_relu,
    "leaky relu, steeper below": lambda x: nn.functional.leaky_relu(x, 1.5),
    "leaky relu, up again below": lambda x: nn.functional.leaky_relu(x, -0.5),
    "elu as it comes": nn.functional.elu,
    "gelu": nn.functional.gelu,
    "gelu by tanh": lambda x: nn.functional.gelu(3 * x, approximate="tanh"),
    "minus": lambda x: -x,
    "a number less": lambda x: x - 0.7,
    "less than a number": lambda x: 0.7 - x,
    "rsub": lambda x: torch.rsub(x, 0.7),
    "add with a factor": lambda x: torch.add(x, 0.25, alpha=3),
    "sub with a factor": lambda x: torch.sub(x, 0.25, alpha=3),
    "sub of values with a factor": lambda x: torch.sub(x, x * x, alpha=0.5),
    "add of values with a factor": lambda x: torch.add(x, x * x, alpha=0.5),
    "a constant plus a value": lambda x: torch.add(CHANNELS, x, alpha=2),
    "a constant less a value": lambda x: torch.sub(CHANNELS, x, alpha=2),
    "a constant times a value": lambda x: CHANNELS * x,
    "divided by a constant": lambda x: x / CHANNELS,
    "crop from the end": lambda x: x[:, :, 1:-1, 1:-1],
    "crop by rows and columns": lambda x: x[:, :, 2:][:, :, :-2][:, :, :, 2:-2],
}


class Body(nn.Module):
    """A layer, a function of what it gives, and a last layer of as many channels as the function leaves."""

    def __init__(self, function) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.function = nn.Conv2d(2, 3, 1), function
        left = function(torch.zeros(1, 3, 11, 13))
        self.last, self.radius = nn.Conv2d(left.shape[1], 2, 1), (11 - left.shape[2]) // 2

    def forward(self, x):
        return self.last(self.function(self.first(x)))


def network(function) -> PixelNetwork:
    return PixelNetwork(Standardise([0.2, 0.1], [0.5, 0.7]), Body(function), ("a", "b")).eval()


@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_gives_what_torch_gives(name, form) -> None:
    made, image = network(FUNCTIONS[name]), drawn.holey_image(2, (11, 13), seed=3)
    exported = export_network(made, made.features, form=form)
    result = evaluate(exported.function_json(), image, made.features, False)["probability"]
    margin = made.radius
    inside = result[margin : 11 - margin, margin : 13 - margin]
    expected = torch_probability(made, image)
    assert exported.program.margin == margin and np.isfinite(expected).sum() > 20
    np.testing.assert_allclose(inside, expected, rtol=0, atol=1e-5)
    assert np.nanmax(expected) - np.nanmin(expected) > 0.02  # it is no constant that hides the function


@pytest.mark.parametrize(
    "function",
    [
        lambda x: 1 / x,
        lambda x: torch.cat([x, x], 2),
        lambda x: x.sqrt(),
        lambda x: x.log(),
        lambda x: x**-2,
        lambda x: x**1.5,
        lambda x: torch.div(x, 2, rounding_mode="floor"),
        lambda x: x // 2,
        lambda x: x % 2,
        lambda x: x.round(),
        lambda x: x.long().float(),
        lambda x: x.half().float(),
        lambda x: x.bool().float(),
        lambda x: torch.nan_to_num(x, nan=0.0, posinf=4.0),
        lambda x: x.softmax(1, dtype=torch.bfloat16),
        lambda x: x - x.mean(),
        lambda x: x.amax(dim=(2, 3), keepdim=True),
        lambda x: x.sum(dim=1, keepdim=True, dtype=torch.float16),
        lambda x: x - x.mean(dim=(2, 3), keepdim=True),
        lambda x: x.argmax(1, keepdim=True).float(),
        lambda x: x.max(1, keepdim=True)[1].float(),
        lambda x: x.roll(1, 2),
        lambda x: x.flip(3),
        lambda x: nn.functional.avg_pool2d(x, 3, 1, divisor_override=4),
        lambda x: nn.functional.dropout(x, 0.3),
        lambda x: nn.functional.rrelu(x, training=True),
        lambda x: x + torch.rand_like(x),
        lambda x: x + torch.rand(3, 1, 1),
        lambda x: torch.where(x.isnan(), 1.0, x * 2),
        lambda x: x * x.isnan(),
        lambda x: nn.functional.unfold(x, 1).view(x.shape),
        lambda x: x.sort(1)[0],
        lambda x: x[:, x[0, :, 0, 0] > 0],
    ],
)
def test_what_has_no_form_is_refused(function) -> None:
    with pytest.raises(ExportError, match=r"body|Network"):
        export_network(network(function), ("a", "b"))

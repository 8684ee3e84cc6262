"""The form that the cost model prefers is taken; `make bench` compares the model with eelocal's clock."""

import json

import ee
import pytest
import torch
from torch import nn

from water_gee.export import export_network
from water_gee.export.cost import count_calls
from water_gee.models import PixelCNN, PixelMLP, PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
NAMES = tuple(f"f{index}" for index in range(8))


class Depthwise(nn.Module):
    """A layer that sees far at little cost: its kernels do not mix channels."""

    radius = 3

    def __init__(self):
        super().__init__()
        self.far, self.mix = nn.Conv2d(8, 8, 7, groups=8), nn.Conv2d(8, 2, 1)

    def forward(self, x):
        return self.mix(torch.relu(self.far(x)))


BODIES = {
    "pixelcnn": lambda: PixelCNN(8, widths=(8, 8, 16, 32)),
    "mlp": lambda: PixelMLP(8, widths=(32,)),
    "depthwise": Depthwise,
}


def network(name):
    torch.manual_seed(0)
    return PixelNetwork(Standardise([0.1] * 8, [0.2] * 8), BODIES[name](), NAMES).eval()


def test_calls_are_counted_once_where_they_are_shared():
    x = ee.Image("a").add(1)
    assert count_calls(json.loads(x.multiply(x).serialize())) == 4  # load, constant, add, multiply


@pytest.mark.parametrize("name", BODIES)
def test_auto_takes_the_form_that_the_model_prefers(name):
    costs = {form: export_network(network(name), NAMES, form=form).cost for form in ("array", "kernel")}
    cheapest = min(costs, key=lambda form: costs[form].nanoseconds_per_pixel)
    assert export_network(network(name), NAMES, form="auto").form == cheapest
    assert cheapest == ("kernel" if name == "depthwise" else "array")

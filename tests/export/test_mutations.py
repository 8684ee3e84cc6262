"""Every error that v1.0's exporter had, and its like, made on purpose: the parity check catches each."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from export import networks as drawn
from export.interpreter import evaluate
from export.reading import torch_probability
from water_gee.export import compare, trace
from water_gee.export.ir import Activation, Concat, Conv, Input
from water_gee.export.network import ExportOptions, export_program
from water_gee.models import PixelCNN, PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
NAMES = tuple(f"f{index}" for index in range(4))


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(3)
    standardise = Standardise([0.1, 0.2, 0.3, 0.0], [0.5, 0.4, 0.7, 0.9])
    body = PixelCNN(4, widths=(5, 6, 7, 8))
    for parameter in body.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return PixelNetwork(standardise, body, NAMES).eval()


@pytest.fixture(scope="module")
def image():
    return drawn.holey_image(4, (26, 29), seed=5, share=0.05)


def parity(network, image, change, form="array", flip=False, served_flip=None):
    program = trace(network, NAMES).rewritten(change)
    text = export_program(program, ExportOptions(flip=flip, form=form), standardised=False).function_json()
    result = evaluate(text, image, NAMES, flip if served_flip is None else served_flip)
    inside = (slice(3, -3), slice(3, -3))
    return compare(torch_probability(network, image), result["probability"][inside], 0.5, result["water"][inside])


def bias_once_per_input(op):
    return replace(op, bias=op.bias * op.source.channels)


def channels_dropped(op):
    weight = op.weight.copy()
    weight[:, 3:] = 0  # v1.0 zipped the inputs with a shorter vector
    return replace(op, weight=weight)


def flipped(op):
    return replace(op, weight=op.weight[:, :, ::-1, ::-1])


def transposed(op):
    return replace(op, weight=op.weight.swapaxes(2, 3))


def inputs_swapped(op):
    order = [1, 0, *range(2, op.weight.shape[1])]
    return replace(op, weight=op.weight[:, order])


def outputs_swapped(op):
    return replace(op, weight=op.weight[::-1], bias=op.bias[::-1])


def bias_forgotten(op):
    return replace(op, bias=np.zeros_like(op.bias))


LAYERS = ["body.conv1", "body.conv2", "body.conv3", "body.conv4", "body.conv5"]
DEFECTS = [bias_once_per_input, bias_forgotten, channels_dropped, flipped, transposed, inputs_swapped, outputs_swapped]


@pytest.mark.parametrize("form", ["array", "kernel"])
def test_the_network_as_it_is_passes(network, image, form):
    result = parity(network, image, lambda op: op, form)
    assert result.equal and result.masked > 20 and result.pixels > 300


# A 1x1 kernel is the same flipped and transposed.
CASES = [(d, layer) for d in DEFECTS for layer in (LAYERS[:3] if d in (flipped, transposed) else LAYERS)]


@pytest.mark.parametrize(("defect", "layer"), CASES, ids=[f"{d.__name__} {layer}" for d, layer in CASES])
def test_a_defect_of_a_layer_is_caught(network, image, layer, defect):
    def change(op):
        return defect(op) if isinstance(op, Conv) and op.place.startswith(layer) else op

    assert not parity(network, image, change).equal


def _pick(op, channels):
    weight = np.zeros((len(channels), op.channels, 1, 1))
    weight[range(len(channels)), channels] = 1
    return Conv("pick", op, weight, np.zeros(len(channels)))


def test_a_relu_missing_on_output_channel_0_is_caught(network, image):
    for index in range(4):
        seen = []

        def change(op, index=index, seen=seen):
            if not isinstance(op, Activation):
                return op
            seen.append(op)
            rest = list(range(1, op.channels))
            return Concat("v1", (_pick(op.source, [0]), _pick(op, rest))) if len(seen) - 1 == index else op

        assert not parity(network, image, change).equal
        assert len(seen) == 4


def test_swapped_bands_are_caught(network, image):
    def change(op):
        return replace(op, features=("f1", "f0", "f2", "f3")) if isinstance(op, Input) else op

    assert not parity(network, image, change).equal


@pytest.mark.parametrize("shift", [(0, 1), (1, 0), (2, 1)])
def test_a_crop_shifted_by_a_pixel_is_caught(network, image, shift):
    def change(op):
        if not isinstance(op, Concat):
            return op
        hidden, centre = op.sources
        taps = np.zeros((centre.channels, 1, 3, 3))
        taps[:, 0, shift[0], shift[1]] = 1
        moved = Conv("shift", centre, taps, np.zeros(centre.channels), groups=centre.channels)
        return replace(op, sources=(hidden, moved))

    assert not parity(network, image, change).equal


@pytest.mark.parametrize("flip", [False, True])
def test_a_service_that_flips_kernels_otherwise_than_told_is_caught(network, image, flip):
    assert parity(network, image, lambda op: op, "kernel", flip=flip).equal
    assert not parity(network, image, lambda op: op, "kernel", flip=flip, served_flip=not flip).equal

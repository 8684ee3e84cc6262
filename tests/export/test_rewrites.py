"""Numbers at their shortest, batch norm and standardisation folded, the parity measure itself."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from water_gee.export import compare, trace
from water_gee.export.calls import shortest
from water_gee.export.head import meaning, with_head
from water_gee.export.ir import Affine, Concat, Conv
from water_gee.export.masks import with_masks
from water_gee.export.parity import Parity
from water_gee.export.passes import simplify
from water_gee.models import PixelCNN, PixelNetwork, Standardise

NAMES = tuple(f"f{index}" for index in range(8))


def filled(network):
    return with_masks(trace(network, NAMES), None, standardised=False)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float32_is_written_at_its_shortest_and_read_back_exactly(value):
    written = json.dumps(shortest(value))
    assert np.float32(json.loads(written)) == np.float32(value)
    assert json.loads(written) in (float(str(np.float32(value))), int(value))


def test_a_double_that_is_no_float32_keeps_all_its_digits():
    assert json.dumps(shortest(np.array([1 / 3, 2.0]))) == "[0.3333333333333333, 2]"


def test_standardisation_becomes_one_subtraction():
    torch.manual_seed(0)
    network = PixelNetwork(Standardise([0.5] * 8, [0.25] * 8), PixelCNN(8), NAMES).eval()
    steps = [op for op in simplify(trace(network, NAMES)).ordered() if isinstance(op, Affine)]
    assert len(steps) == 1
    assert (steps[0].centre == 0.5).all() and (steps[0].scale == 1).all() and not steps[0].shift.any()


def test_the_division_stays_where_more_than_convolutions_read_it():
    body = nn.Sequential(nn.Tanh(), nn.Conv2d(8, 2, 1))
    body.radius = 0
    network = PixelNetwork(Standardise([0.5] * 8, [0.25] * 8), body, NAMES).eval()
    (step,) = [op for op in simplify(trace(network, NAMES)).ordered() if isinstance(op, Affine)]
    assert (step.scale == 4).all()


def test_batch_norm_dropout_and_scalings_leave_no_trace():
    network = nn.Sequential(
        nn.BatchNorm2d(8), nn.Conv2d(8, 4, 3), nn.BatchNorm2d(4), nn.Dropout(), nn.ReLU(), nn.Identity(),
        nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1, groups=2),
    )  # fmt: skip
    for layer in network:
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.running_mean, -1, 1)
            nn.init.uniform_(layer.running_var, 0.5, 2)
    kinds = [type(op).__name__ for op in simplify(filled(network)).ordered()]
    assert kinds == ["Input", "Fill", "Conv", "Activation", "Conv"]


def test_two_classes_need_one_output_and_a_log_softmax_none():
    network = nn.Sequential(nn.Conv2d(8, 3, 3), nn.ReLU(), nn.Conv2d(3, 2, 1), nn.LogSoftmax(1))
    program = trace(network, NAMES)
    program, half = with_head(program, meaning(program, "auto", None), temperature=2.0)
    last = simplify(program).output
    assert half and isinstance(last, Conv) and last.channels == 1
    weight = network[2].weight.detach().double().numpy()
    np.testing.assert_allclose(last.weight[0], (weight[1] - weight[0]) / 4, rtol=1e-12)


def test_what_nobody_reads_is_not_there():
    class Wasteful(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.unused = nn.Conv2d(8, 2, 1), nn.Conv2d(8, 9, 5)

        def forward(self, x):
            self.unused(x)
            constant = torch.ones_like(x[:, :1]) * 3 - 1
            return self.used(torch.cat([x[:, :, :, :]], 1)) + constant

    program = simplify(filled(Wasteful()))
    assert [type(op).__name__ for op in program.ordered()] == ["Input", "Fill", "Conv"]
    assert not any(isinstance(op, Concat) for op in program.ordered())


def test_the_tracing_is_of_the_weights_as_they_are_and_changes_nothing():
    network = nn.Sequential(nn.Conv2d(8, 2, 3), nn.Dropout(0.5)).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    trace(network, NAMES)
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


class TestParity:
    here = np.array([[0.2, 0.5, np.nan], [0.9, 0.50004, 0.7]], dtype=np.float32)

    def test_equal_maps_are_equal_and_counted(self):
        parity = compare(self.here, self.here.copy(), 0.5)
        assert parity.equal and (parity.pixels, parity.masked) == (5, 1)

    def test_nothing_compared_is_not_equal(self):
        nothing = np.full((2, 2), np.nan, np.float32)
        assert not compare(nothing, nothing, 0.5).equal
        assert not Parity().equal

    def test_a_difference_above_the_tolerance_is_not_equal(self):
        assert not compare(self.here, self.here + np.float32(2e-5), 0.6).equal
        assert compare(self.here, self.here + np.float32(5e-6), 0.6).equal

    def test_a_mask_on_one_side_is_not_equal(self):
        there = self.here.copy()
        there[0, 0] = np.nan
        assert compare(self.here, there, 0.5).mask_differences == 1
        assert not compare(self.here, there, 0.5).equal

    def test_classes_may_differ_only_near_the_threshold(self):
        water = (self.here >= 0.5).astype(float)
        water[1, 1] = 0  # 0.50004 lies in the tie band
        assert compare(self.here, self.here, 0.5, np.where(np.isnan(self.here), np.nan, water)).equal
        water[1, 0] = 0
        parity = compare(self.here, self.here, 0.5, np.where(np.isnan(self.here), np.nan, water))
        assert parity.flips == 1 and not parity.equal

    def test_tiles_add_up(self):
        one = compare(self.here, self.here + np.float32(5e-6), 0.6)
        both = one + compare(self.here[:1], self.here[:1], 0.6)
        assert both.pixels == 7 and both.max_abs == one.max_abs and both.mean_abs < one.mean_abs

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match="shapes"):
            compare(self.here, self.here[:1], 0.5)

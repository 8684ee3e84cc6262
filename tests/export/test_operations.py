"""Each supported operation, with each of its arguments, gives what torch gives; an argument is honoured or refused."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn
from torch.fx import Node

from export.interpreter import evaluate
from export.operation_calls import CALLS
from water_gee.export import to_earth_engine
from water_gee.export.network import export_program
from water_gee.export.registry import SUPPORTED
from water_gee.export.tracer import Tracer, operation

NAMES = ("a", "b", "c")
FILLED_BY_TEST = {"isnan"}  # only as a part of a fill, which test_masks holds


class Net(nn.Module):
    """A layer, the operation, and a layer of as many channels as it leaves."""

    def __init__(self, function):
        super().__init__()
        torch.manual_seed(6)
        self.first, self.function = nn.Conv2d(3, 6, 1), function
        self.last = nn.Conv2d(function(torch.rand(2, 6, 11, 13)).shape[1], 2, 1)

    def forward(self, x):
        return self.last(self.function(self.first(x)))


def noted(monkeypatch):
    """Return the names of the operations that will be carried over."""
    honest, seen = Tracer.compute, set()

    def compute(self: Tracer, node: Node):
        seen.add(operation(node))
        return honest(self, node)

    monkeypatch.setattr(Tracer, "compute", compute)
    return seen


@pytest.mark.parametrize("name", CALLS)
def test_an_operation_gives_what_torch_gives(name, monkeypatch):
    seen = noted(monkeypatch)
    network = Net(CALLS[name]).eval()
    made = to_earth_engine(network, NAMES, output="logits", outputs=("probability", "own"))
    assert name.split()[0] in seen
    for form in ("array", "kernel"):
        exported = export_program(made.traced, replace(made.exported.options, form=form), standardised=False)
        for scale in (1.0, 50.0):  # as in training, and far out of its range
            image = np.random.default_rng(3).normal(scale=scale, size=(3, 11, 13)).astype(np.float32)
            image[:, 5, 6] = np.nan
            found = evaluate(exported.function_json(), image, NAMES)
            with torch.no_grad():
                expected = network(torch.from_numpy(image)[None])[0].double().numpy()
            cut = [(whole - part) // 2 for whole, part in zip((11, 13), expected.shape[1:], strict=True)]
            inside = (slice(cut[0], 11 - cut[0]), slice(cut[1], 13 - cut[1]))
            ours = np.stack([found["output_0"][inside], found["output_1"][inside]])
            # A comparison with NaN is false in torch, so that a number may come of it; here the pixel is masked.
            masked = np.isnan(ours[0])
            assert np.isnan(expected).all(axis=0)[~masked].sum() == 0 and 1 <= masked.sum() <= 45
            ours, expected = ours[:, ~masked], expected[:, ~masked]
            size = max(1.0, float(np.abs(expected).max()))
            np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-5 * size, err_msg=f"{form}, {scale} deviations")
            shares = torch.from_numpy(expected).softmax(0)[1].numpy()
            np.testing.assert_allclose(found["probability"][inside][~masked], shares, rtol=0, atol=1e-5 * size)


def test_every_operation_has_a_call_of_its_name():
    assert set(SUPPORTED) - {name.split()[0] for name in CALLS} == FILLED_BY_TEST


def test_a_handler_takes_arguments_that_its_operations_have():
    known = defaultdict(set)
    for name, entry in SUPPORTED.items():
        overloads = getattr(torch.ops.aten, name)
        for overload in overloads.overloads():
            known[entry.handler] |= {argument.name for argument in getattr(overloads, overload)._schema.arguments}
    for entry in SUPPORTED.values():
        assert entry.arguments <= known[entry.handler], entry.name

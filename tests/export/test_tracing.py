"""What tracing would bake in, lose or share without a word is refused, each in one line with what to do."""

import json
from dataclasses import replace

import pytest
import torch
from torch import nn

from water_gee.errors import ExportError
from water_gee.export import api, load, to_earth_engine
from water_gee.export.ir import Conv

NAMES = ("a", "b", "c")


class Net(nn.Module):
    """A layer, a function of it, a last layer."""

    def __init__(self, function, last=None):
        super().__init__()
        torch.manual_seed(0)
        self.first, self.function, self.last = nn.Conv2d(3, 4, 1), function, last or nn.Conv2d(4, 2, 1)
        self.register_buffer("count", torch.zeros(4, 1, 1))

    def forward(self, x):
        return self.last(self.function(self, self.first(x)))


SIZES = {
    "a factor by the width": lambda m, x: x * (1 / x.shape[3]),
    "another path where it is small": lambda m, x: x.relu() if x.shape[2] < 40 else x,
    "another path where it is large": lambda m, x: x.relu() if x.shape[2] > 1000 else x,
    "a factor by the batch": lambda m, x: x / x.size(0),
    "a crop by a share of the height": lambda m, x: x[:, :, x.shape[2] // 8 : -(x.shape[2] // 8), 1:-1],
}


@pytest.mark.parametrize("name", SIZES)
def test_python_that_asks_for_the_size_is_refused(name):
    with pytest.raises(ExportError, match="asks for the input's size") as caught:
        to_earth_engine(Net(SIZES[name]).eval(), NAMES)
    assert "\n" not in str(caught.value)


def test_a_crop_of_fixed_width_may_ask_for_the_size():
    network = Net(lambda m, x: x[:, :, 1 : x.shape[2] - 1, 1 : x.shape[3] - 1])
    exported = to_earth_engine(network.eval(), NAMES)
    assert exported.report["margin"] == 1 and exported.check(torch.randn(3, 8, 9).numpy()).equal


RANDOM = {
    "dropout as a function": lambda m, x: nn.functional.dropout(x, 0.3),
    "dropout of channels as a function": lambda m, x: nn.functional.dropout2d(x, 0.3),
    "noise": lambda m, x: x + 0.1 * torch.randn_like(x),
    "noise by channel": lambda m, x: x * torch.rand(4, 1, 1),
    "batch statistics as a function": lambda m, x: nn.functional.batch_norm(x, None, None, training=True),
}


@pytest.mark.parametrize("name", RANDOM)
def test_what_differs_from_call_to_call_is_refused(name):
    with pytest.raises(ExportError, match=r"cannot export .* at"):
        to_earth_engine(Net(RANDOM[name]).eval(), NAMES)


def _residual(layer):
    def function(module, x):
        inner = layer(module, x)
        inner += 1.0
        return inner.relu() + x

    return function


ALIASES = {
    "dropout in evaluation": _residual(lambda m, x: nn.functional.dropout(x, 0.3, m.training)),
    "identity": _residual(lambda m, x: nn.Identity()(x)),
    "contiguous": _residual(lambda m, x: x.contiguous()),
    "to": _residual(lambda m, x: x.to(torch.float32)),
    "a view": _residual(lambda m, x: x.view(x.shape)),
    "a part": lambda m, x: x[:, :2].relu_().sum(1, keepdim=True) + x,
    "a chunk": lambda m, x: x.chunk(2, 1)[0].mul_(2).sum(1, keepdim=True) + x,
    "an assignment": lambda m, x: (x.__setitem__((slice(None), 0), 0.0), x)[1],
    "its own buffer": lambda m, x: x + m.count.add_(1),
}


@pytest.mark.parametrize("name", ALIASES)
def test_a_change_in_place_that_another_reader_sees_is_refused_or_followed(name):
    network = Net(ALIASES[name]).eval()
    try:
        exported = to_earth_engine(network, NAMES)
    except ExportError as error:
        assert "in place" in str(error) or "assignment" in str(error)
    else:
        assert exported.check(torch.randn(3, 8, 9).numpy()).equal


def test_a_change_in_place_that_nobody_else_sees_is_followed():
    for function in (
        lambda m, x: nn.functional.dropout(x, 0.3, m.training).relu_(),
        lambda m, x: x.mul_(2).add_(1).relu_() + 0,
        lambda m, x: torch.zeros_like(x).add_(x, alpha=2),
    ):
        network = Net(function).eval()
        exported = to_earth_engine(network, NAMES)
        assert exported.check(torch.randn(3, 8, 9).numpy()).equal


def test_numbers_that_are_not_finite_are_refused_by_the_parameters_name():
    for value in (float("nan"), float("inf")):
        network = Net(lambda m, x: x.relu())
        network.last.weight.data[0, 0] = value
        with pytest.raises(ExportError, match=r"last\.weight: it holds NaN or infinite"):
            to_earth_engine(network, NAMES)


ERRORS = {
    "a function": lambda: lambda x: x,
    "nothing": lambda: None,
    "half precision": lambda: Net(lambda m, x: x).half(),
    "autocast": lambda: Net(lambda m, x: _autocast(x)),
    "two outputs": lambda: Net(lambda m, x: x, last=_Twice()),
    "a dictionary": lambda: Net(lambda m, x: x, last=_Named()),
    "values in Python": lambda: Net(lambda m, x: x if x.mean() > 0 else -x),
    "another number of bands": lambda: nn.Conv2d(5, 2, 1),
    "an unknown layer": lambda: Net(lambda m, x: torch.special.bessel_j0(x)),
    "complex numbers": lambda: Net(lambda m, x: torch.view_as_real(torch.complex(x, x))[..., 0]),
}


class _Twice(nn.Module):
    def forward(self, x):
        return x, x


class _Named(nn.Module):
    def forward(self, x):
        return {"scores": x, "other": x}


def _autocast(x):
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return nn.functional.conv2d(x, torch.ones(4, 4, 1, 1))


@pytest.mark.parametrize("name", ERRORS)
def test_every_refusal_is_one_line_of_the_exporters_own(name):
    with pytest.raises(ExportError) as caught:
        to_earth_engine(ERRORS[name](), NAMES, output="logits")
    message = str(caught.value)
    assert "\n" not in message and len(message) < 420 and "aten" not in message, message


def test_weights_that_cannot_be_copied_are_carried_and_left_alone():
    network = Net(lambda m, x: x.relu())
    network.first = nn.utils.weight_norm(network.first)
    network(torch.randn(1, 3, 4, 4))  # its weight is a tensor of a graph now
    network.train()
    exported = to_earth_engine(network, NAMES)
    assert network.training and network.first.training
    json.loads(exported.function_json())
    assert exported.check(torch.randn(3, 8, 9).numpy()).equal


def _counts(module, x):
    module.calls = getattr(module, "calls", 0) + 1
    return x * module.calls


def _remembers(module, x):
    module.seen.append(1)
    return x * len(module.seen)


def test_a_network_that_answers_otherwise_when_it_is_called_again_is_refused():
    with pytest.raises(ExportError, match=r"answers otherwise when it is called again|another network than"):
        to_earth_engine(Net(_counts).eval(), NAMES)
    network = Net(_remembers).eval()
    network.seen = []
    with pytest.raises(ExportError):
        to_earth_engine(network, NAMES)


def test_what_was_made_is_tried_before_it_is_handed_out(monkeypatch):
    network = Net(lambda m, x: x.relu()).eval()
    honest = api.trace

    def wrong(*given):
        program = honest(*given)
        return program.rewritten(lambda op: replace(op, bias=op.bias + 0.1) if isinstance(op, Conv) else op)

    monkeypatch.setattr(api, "trace", wrong)
    with pytest.raises(ExportError, match="differs from it at 100% of the pixels"):
        to_earth_engine(network, NAMES)


def test_a_deep_network_is_carried_checked_and_read_back(tmp_path):
    def deep(module, x):
        for _ in range(150):
            x = torch.tanh(1.01 * x) + 0.1 * x
        return x

    exported = to_earth_engine(Net(deep).eval(), NAMES)
    assert exported.check(torch.randn(3, 4, 5).numpy()).equal
    (tmp_path / "deep.json").write_text(exported.function_json(), encoding="utf-8")
    assert callable(load(tmp_path / "deep.json"))


def test_double_precision_is_carried():
    network = Net(lambda m, x: x.relu()).double().eval()
    assert to_earth_engine(network, NAMES).check(torch.randn(3, 8, 9).numpy()).equal

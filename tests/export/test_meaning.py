"""What a network's output means is proven by its graph or asked for, and never assumed."""

import numpy as np
import pytest
import torch
from torch import nn

from export.interpreter import evaluate
from water_gee.errors import ExportError
from water_gee.export import to_earth_engine

NAMES = ("a", "b", "c")


class Ends(nn.Module):
    """A layer, and what is made of its output."""

    def __init__(self, classes, function):
        super().__init__()
        torch.manual_seed(4)
        self.last, self.function = nn.Conv2d(3, classes, 1), function

    def forward(self, x):
        return self.function(self.last(x))


def share(network, reading, **choices):
    """The probability of the exported network, after comparing it with the author's own reading."""
    exported = to_earth_engine(network, NAMES, **choices)
    image = np.random.default_rng(1).normal(size=(3, 9, 11)).astype(np.float32)
    found = evaluate(exported.function_json(), image, NAMES)["probability"]
    with torch.no_grad():
        expected = reading(network(torch.from_numpy(image)[None]))[0].numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    return exported


def one(y):
    return y[:, 0]


PROBABILITIES = {  # how the graph shows it, and how the author reads it
    "sigmoid": (1, torch.sigmoid, one),
    "softmax": (2, lambda y: y.softmax(1), lambda y: y[:, 1]),
    "one of a softmax": (2, lambda y: y.softmax(1)[:, 1:], one),
    "1 - p and p": (1, lambda y: torch.cat([1 - y.sigmoid(), y.sigmoid()], 1), lambda y: y[:, 1]),
    "p and 1 - p": (1, lambda y: torch.cat([y.sigmoid(), 1 - y.sigmoid()], 1), lambda y: y[:, 1]),
    "1 - p": (1, lambda y: 1 - y.sigmoid(), one),
}


@pytest.mark.parametrize("name", PROBABILITIES)
def test_a_probability_is_known_by_its_graph_and_not_squashed_again(name):
    classes, function, reading = PROBABILITIES[name]
    exported = share(Ends(classes, function), reading)
    assert "as the graph shows" in exported.report["reading"] and "softmax of" not in exported.report["reading"]
    with pytest.raises(ExportError, match="output='probability'"):
        to_earth_engine(Ends(classes, function), NAMES, output="logits")


LOGITS = {
    "one": (1, lambda y: y, lambda y: y[:, 0].sigmoid()),
    "two": (2, lambda y: y, lambda y: y.softmax(1)[:, 1]),
    "log-softmax": (2, lambda y: y.log_softmax(1), lambda y: y.softmax(1)[:, 1]),
    "a residual": (2, lambda y: y + 0.1 * y.tanh(), lambda y: y.softmax(1)[:, 1]),
    "bounded, and clearly no probability": (2, lambda y: 3 * y.tanh() - 1, lambda y: y.softmax(1)[:, 1]),
}


@pytest.mark.parametrize("name", LOGITS)
def test_logits_are_known_by_their_graph(name):
    classes, function, reading = LOGITS[name]
    assert "as the graph shows" in share(Ends(classes, function), reading).report["reading"]
    with pytest.raises(ExportError, match="output='logits'"):
        to_earth_engine(Ends(classes, function), NAMES, output="probability")


ASKED = {
    "tanh": (1, torch.tanh),
    "half of tanh and a half": (1, lambda y: (y.tanh() + 1) / 2),
    "relu": (2, torch.relu),
    "clamp": (1, lambda y: y.clamp(0, 1)),
    "two sigmoids": (2, torch.sigmoid),
    "the mean of two softmaxes": (2, lambda y: (y.softmax(1) + (2 * y).softmax(1)) / 2),
}


@pytest.mark.parametrize("name", ASKED)
def test_what_the_graph_does_not_show_is_asked_for(name):
    classes, function = ASKED[name]
    with pytest.raises(ExportError, match="give output='logits' or output='probability'"):
        to_earth_engine(Ends(classes, function), NAMES)


def test_what_is_given_is_taken():
    share(Ends(1, lambda y: (y.tanh() + 1) / 2), one, output="probability")
    share(Ends(1, torch.tanh), lambda y: y[:, 0].sigmoid(), output="logits")
    share(Ends(2, torch.sigmoid), lambda y: y[:, 1], output="probability")


def test_the_logarithm_of_a_probability_is_refused():
    for function in (nn.functional.logsigmoid, lambda y: y.log_softmax(1)[:, :1]):
        with pytest.raises(ExportError, match="logarithm of a probability"):
            to_earth_engine(Ends(2 if "lambda" in repr(function) else 1, function), NAMES)


def test_the_class_of_water_is_honoured_or_asked_for():
    share(Ends(2, lambda y: y), lambda y: y.softmax(1)[:, 0], water_class=0)
    share(Ends(1, lambda y: y), lambda y: 1 - y[:, 0].sigmoid(), water_class=0)
    share(Ends(1, torch.sigmoid), lambda y: 1 - y[:, 0], water_class=0)
    share(Ends(2, lambda y: y.softmax(1)), lambda y: y[:, 0], water_class=0)
    share(Ends(4, lambda y: y), lambda y: y.softmax(1)[:, 2], water_class=2)
    share(Ends(4, lambda y: y.softmax(1)), lambda y: y[:, 3], water_class=3)
    with pytest.raises(ExportError, match="4 classes; give water_class, from 0 to 3"):
        to_earth_engine(Ends(4, lambda y: y), NAMES)
    for classes, wrong in ((1, 2), (2, 2), (3, -1)):
        with pytest.raises(ExportError, match="set water_class"):
            to_earth_engine(Ends(classes, lambda y: y), NAMES, water_class=wrong)


def test_one_output_without_its_axis_is_read_alike():
    share(Ends(1, lambda y: y.squeeze(1)), torch.sigmoid)


def test_a_temperature_divides_logits_and_nothing_else():
    share(Ends(2, lambda y: y), lambda y: (y / 3).softmax(1)[:, 1], temperature=3.0)
    with pytest.raises(ExportError, match="temperature"):
        to_earth_engine(Ends(1, torch.sigmoid), NAMES, temperature=3.0)

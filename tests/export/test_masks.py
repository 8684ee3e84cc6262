"""What a masked neighbour does is a rule that is chosen, followed and reported."""

import numpy as np
import pytest
import torch
from torch import nn

from export.interpreter import evaluate
from water_gee.errors import ExportError
from water_gee.export import to_earth_engine

NAMES = ("a", "b")
MEAN, DEVIATION = (10.0, -3.0), (2.0, 0.5)


def plain():
    """A network that knows nothing of masks; its features are 5 deviations from 0."""
    torch.manual_seed(1)
    return nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3, dilation=2)).eval()


def image(size=(24, 26)):
    random = np.random.default_rng(2)
    values = random.normal(size=(2, *size)) * np.reshape(DEVIATION, (2, 1, 1)) + np.reshape(MEAN, (2, 1, 1))
    values[:, 11, 12] = np.nan
    values[0, 17, 19] = np.nan  # one band of it alone; the windows of the two do not overlap
    return values.astype(np.float32)


def both(network, exported, values, fill=None, standardise=False):
    """The exported probability and torch's, on the pixels whose window lies in the image."""
    unknown = np.isnan(values).any(axis=0)
    x = torch.from_numpy(np.where(unknown, np.float32(np.nan), values))[None]
    if standardise:
        x = (x - torch.tensor(MEAN).view(1, 2, 1, 1)) / torch.tensor(DEVIATION).view(1, 2, 1, 1)
    if fill is not None:
        x = torch.nan_to_num(x, nan=fill)
    with torch.no_grad():
        expected = network(x).softmax(1)[0, 1].numpy()
    cut = (values.shape[1] - expected.shape[0]) // 2
    inside = (slice(cut, values.shape[1] - cut), slice(cut, values.shape[2] - cut))
    found = evaluate(exported.function_json(), values, NAMES)["probability"][inside]
    return found, np.where(unknown[inside], np.nan, expected)


@pytest.mark.parametrize("masked", [None, "reach"])
def test_a_network_that_does_not_fill_is_masked_exactly_where_torch_gives_nan(masked):
    network = plain()
    exported = to_earth_engine(network, NAMES, masked=masked)
    found, expected = both(network, exported, image())
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.isnan(found).sum() == 2 * 7 * 7  # 1 of the first layer around each of 5 x 5 with gaps of the second
    assert "window touches a masked one" in exported.report["masked"]


def test_by_the_mean_a_masked_neighbour_counts_as_the_mean():
    network = plain()
    exported = to_earth_engine(network, NAMES, standardisation=(MEAN, DEVIATION), masked="mean")
    found, expected = both(network, exported, image(), fill=0.0, standardise=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.isnan(found).sum() == 2 and "training mean" in exported.report["masked"]
    assert exported.check(image(), lambda y: y.softmax(1)[:, 1]).equal


def test_standardised_by_hand_and_not_filled_it_is_masked_as_far_as_it_reaches():
    network = plain()
    exported = to_earth_engine(network, NAMES, standardisation=(MEAN, DEVIATION))
    found, expected = both(network, exported, image(), standardise=True)
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert exported.check(image()).equal


def test_a_mean_that_nobody_knows_is_asked_for():
    with pytest.raises(ExportError, match=r"standardisation=\(mean, deviation\)"):
        to_earth_engine(plain(), NAMES, masked="mean")
    with pytest.raises(ExportError, match="masked 'zero' is not one of reach, mean"):
        to_earth_engine(plain(), NAMES, masked="zero")


class Fills(nn.Module):
    """A network that fills masked pixels by itself, in a way of its own."""

    def __init__(self, fill):
        super().__init__()
        self.body, self.fill = plain(), fill

    def forward(self, x):
        return self.body(self.fill(x))


FILLS = {
    "with 0": lambda x: torch.nan_to_num(x),
    "with a number": lambda x: torch.nan_to_num(x, nan=7.5),
    "after a standardisation": lambda x: torch.nan_to_num((x - 3) / 2, nan=-0.25),
    "where it is NaN": lambda x: torch.where(torch.isnan(x), 2.0, x),
    "masked_fill": lambda x: x.masked_fill(torch.isnan(x), -1.0),
    "after an index of the bands": lambda x: torch.nan_to_num(
        torch.cat([x[:, :1], (x[:, :1] - x[:, 1:]) / (x.abs().sum(1, keepdim=True) + 1)], 1), nan=0.5
    ),
}


@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize("name", FILLS)
def test_a_network_that_fills_is_followed(name, form):
    network = Fills(FILLS[name]).eval()
    exported = to_earth_engine(network, NAMES, form=form)
    found, expected = both(network, exported, image())
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.isnan(found).sum() == 2 and "itself fills" in exported.report["masked"]
    assert exported.check(image(), lambda y: y.softmax(1)[:, 1]).equal


def test_the_wider_mask_may_be_asked_for_all_the_same():
    network = Fills(FILLS["with 0"]).eval()
    exported = to_earth_engine(network, NAMES, masked="reach")
    found, expected = both(network, exported, image())
    known = ~np.isnan(found)
    np.testing.assert_allclose(found[known], expected[known], atol=1e-5)
    assert np.isnan(found).sum() == 2 * 49


class Half(nn.Module):
    """One path fills, the other does not: torch gives NaN as far as the second reaches."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(3)
        self.filled, self.raw, self.last = nn.Conv2d(2, 3, 5), nn.Conv2d(2, 3, 3), nn.Conv2d(6, 2, 1)

    def forward(self, x):
        raw = self.raw(x)[:, :, 1:-1, 1:-1]
        return self.last(torch.cat([self.filled(torch.nan_to_num(x, nan=1.0)), raw], 1))


@pytest.mark.parametrize("form", ["array", "kernel"])
def test_a_path_that_does_not_fill_masks_as_far_as_it_alone_reaches(form):
    network = Half().eval()
    exported = to_earth_engine(network, NAMES, form=form)
    found, expected = both(network, exported, image())
    np.testing.assert_array_equal(np.isnan(found), np.isnan(expected))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert np.isnan(found).sum() == 2 * 9


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: torch.nan_to_num(nn.functional.avg_pool2d(x, 3, 1), nan=1.0),
        lambda x: x * torch.isnan(x),
        lambda x: torch.where(torch.isnan(x * 2), 0.0, x),
        lambda x: torch.where(torch.isnan(x), x, 1.0),
    ],
)
def test_masks_are_not_asked_for_in_other_ways(forward):
    with pytest.raises(ExportError, match="nan_to_num"):
        to_earth_engine(Fills(forward).eval(), NAMES, output="logits")

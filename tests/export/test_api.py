"""`to_earth_engine` as somebody uses it who installed this project for that alone."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch import nn

from water_gee.errors import ExportError
from water_gee.export import to_earth_engine
from water_gee.export.algorithms import KNOWN

BANDS = ["green", "nir", "swir1"]


def network(classes=2):
    torch.manual_seed(5)
    return nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, classes, 1)).eval()


def samples(number=2):
    values = np.random.default_rng(4).normal(size=(number, 3, 16, 18)).astype(np.float32)
    values[0, :, 4, 5] = np.nan
    return values


def test_a_network_is_built_without_a_client_that_is_initialised():
    import ee

    ee.Reset()
    exported = to_earth_engine(network(), BANDS)
    function = json.loads(exported.function_json())
    assert function["values"][function["result"]]["functionDefinitionValue"]["argumentNames"] == ["image"]
    assert exported.code_editor().count("var network = function(image) {") == 1
    report = exported.report
    assert report["features"] == BANDS and report["reach"] == 1 and report["calls"] > 10
    assert "window touches" in report["masked"] and "class 1 of 2" in report["reading"]
    json.dumps(report, allow_nan=False)


@pytest.mark.usefixtures("ee_offline")
def test_the_client_reads_the_function_back_and_makes_the_same_of_it():
    import ee

    exported = to_earth_engine(network(), BANDS)
    image = ee.Image("some/image")
    read = ee.Image(ee.deserializer.fromJSON(exported.function_json()).call(image))
    assert isinstance(exported.image(image), ee.Image)
    assert json.loads(read.serialize())["values"]


@pytest.mark.usefixtures("ee_offline")
def test_the_table_of_algorithms_is_the_clients_own():
    import ee

    for name, known in KNOWN.items():
        found = ee.ApiFunction.lookup(name).getSignature()
        names = [argument["name"] for argument in found["args"]]
        assert [one for one, _ in known.parameters] == names[: len(known.parameters)], name
        for (_, kind), argument in zip(known.parameters, found["args"], strict=False):
            assert argument["type"].split("<")[0] == kind, name
        assert found["returns"].split("<")[0] == known.returns, name


def test_a_check_compares_with_the_module_as_its_author_reads_it():
    made = network()
    proof = to_earth_engine(made, BANDS).check(samples(), lambda y: y.softmax(1)[:, 1])
    assert proof.equal and proof.probability.pixels > 350 and "your own reading" in str(proof)
    wrong = to_earth_engine(made, BANDS, water_class=0).check(samples(), lambda y: y.softmax(1)[:, 1])
    assert not wrong.equal and wrong.probability.flips > 100
    assert to_earth_engine(made, BANDS, water_class=0).check(samples()).equal  # read as it was given


def test_a_check_needs_no_probability_among_the_outputs():
    assert to_earth_engine(network(), BANDS, outputs=["own"]).check(samples(), lambda y: y.softmax(1)[:, 1]).equal


def test_a_check_finds_a_network_that_was_changed_since():
    made = network()
    exported = to_earth_engine(made, BANDS)
    made[0].bias.data[2] += 0.1
    proof = exported.check(samples())
    assert not proof.equal and proof.outputs > 1e-3


def test_a_check_says_what_samples_it_needs():
    exported = to_earth_engine(network(), BANDS)
    for wrong in (np.zeros((3, 2, 8)), np.zeros((2, 9, 9)), np.zeros(5)):
        with pytest.raises(ExportError, match=r"samples must be \[n, 3, y, x\]"):
            exported.check(wrong)


def test_a_network_that_pads_is_checked_away_from_the_border():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, 3, padding="same"), nn.ReLU(), nn.Conv2d(4, 2, 5, padding=2)).eval()
    with pytest.raises(ExportError, match="border='interior'"):
        to_earth_engine(made, BANDS)
    exported = to_earth_engine(made, BANDS, border="interior")
    assert exported.report["notes"] and exported.check(samples()).equal


def test_rows_and_columns_may_have_margins_of_their_own():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(3, 4, (1, 5)), nn.ReLU(), nn.Conv2d(4, 2, (3, 1))).eval()
    assert to_earth_engine(made, BANDS).check(samples()).equal


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({"bands": "green"}, "bands must be the names"),
        ({"bands": []}, "bands must be the names"),
        ({"bands": ["a", "b", "a"]}, "name a band twice"),
        ({"bands": ["a", "b"]}, "cannot trace Sequential on 2 bands"),
        ({"standardisation": ([0, 0], [1, 1])}, "2 means and 2 deviations for 3 bands"),
        ({"standardisation": ([0, 0, 0], [1, 0, 1])}, "deviations above 0"),
        ({"standardisation": "mean"}, r"standardisation must be \(mean, deviation\)"),
        ({"output": "odds"}, "output 'odds' is not one of auto, logits, probability"),
        ({"border": "wrap"}, "border 'wrap' is not one of refuse, interior"),
        ({"form": "arrays"}, "form 'arrays' is not one of"),
        ({"outputs": ["class"]}, "choose from water, probability"),
        ({"threshold": 2.0}, "threshold must lie in 0..1"),
        ({"temperature": float("nan")}, "temperature"),
    ],
)
def test_what_is_given_wrongly_is_said_in_one_line(choices, message):
    bands = choices.pop("bands", BANDS)
    with pytest.raises(ExportError, match=message) as caught:
        to_earth_engine(network(), bands, **choices)
    assert "\n" not in str(caught.value)


LIGHT = """
import sys
import water_gee.export
from water_gee.export import to_earth_engine
heavy = {"mlflow", "dvc", "pytorch_lightning", "lightning", "hydra", "omegaconf", "rasterio", "sklearn", "pandas",
         "matplotlib", "pydantic", "optuna", "shapely", "pyproj"}
found = heavy & {name.split(".")[0] for name in sys.modules}
assert not found, found
"""
LOAD = """
import sys
import water_gee
load = water_gee.load
heavy = {"torch", "numpy", "scipy", "mlflow", "dvc", "hydra", "omegaconf", "rasterio", "sklearn"}
before = heavy & {name.split(".")[0] for name in sys.modules}
assert not before, before
"""


@pytest.mark.parametrize("script", [LIGHT, LOAD])
def test_what_the_export_does_not_need_is_not_imported(script):
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, timeout=120)

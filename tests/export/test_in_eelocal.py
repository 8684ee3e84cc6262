"""The exported graph, built by the genuine client, evaluated by eelocal, is PyTorch."""

import json

import ee
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from export import local
from export import networks as drawn
from export.reading import torch_probability
from water_gee.errors import ExportError
from water_gee.export import compare, export_network, load
from water_gee.export.calls import to_ee
from water_gee.export.card import USAGE
from water_gee.export.forms import kernel_probe
from water_gee.models import PixelCNN, PixelMLP, PixelNetwork, Standardise

pytestmark = pytest.mark.usefixtures("ee_offline")
NAMES = tuple(f"f{index}" for index in range(8))


@pytest.fixture(scope="module")
def pixelcnn():
    """The default network, its parameters as large as trained ones, elevation-like last feature."""
    torch.manual_seed(0)
    body = PixelCNN(8)
    for parameter in body.parameters():
        if parameter.dim() > 1:
            torch.nn.init.kaiming_normal_(parameter)
    return PixelNetwork(Standardise([0.1] * 7 + [500.3], [0.2] * 7 + [231.7]), body, NAMES).eval()


@pytest.fixture(scope="module")
def exported(pixelcnn):
    """The network in both forms, made once: calls that any client can build."""
    made = {}

    def get(form):
        if form not in made:
            made[form] = export_network(pixelcnn, NAMES, form=form)
        return made[form]

    return get


@pytest.fixture
def scene(tmp_path):
    """Features on disk with fill in a corner and holes, and where they lie."""
    image = drawn.holey_image(8, (70, 90), seed=1, share=0.02)
    image[7] = image[7] * 200 + 500
    image[:, :20, :30] = np.nan
    local.write_features(tmp_path, image, NAMES)
    return tmp_path, image


def inner(image, margin, network):
    """Torch on the whole world: the image in a sea of masked pixels."""
    sea = np.pad(image, ((0, 0), (margin, margin), (margin, margin)), constant_values=np.nan)
    return torch_probability(network, sea)


@pytest.mark.parametrize("form", ["array", "kernel"])
def test_pixelcnn_is_equal_up_to_the_very_edge_of_the_scene(exported, pixelcnn, scene, form):
    folder, image = scene
    result = local.pixels(folder, exported(form).image(ee.Image("features")), image.shape[1:])
    parity = compare(inner(image, 3, pixelcnn), result["probability"], 0.5, result["water"])
    assert parity.equal, parity
    assert parity.pixels > 5000 and parity.masked > 600
    assert np.nanmin(result["probability"]) < 0.1 < 0.9 < np.nanmax(result["probability"])


def test_pixelcnn_is_within_its_budget(exported):
    array = exported("array").cost
    assert array.calls <= 100 and array.payload_bytes <= 600_000 and array.macs <= 38_272
    kernel = exported("kernel").cost  # built with the default recursion limit
    assert kernel.payload_bytes <= 3_000_000
    assert array.nanoseconds_per_pixel < kernel.nanoseconds_per_pixel


def test_pixels_do_not_depend_on_how_the_area_is_cut(exported, scene):
    folder, image = scene
    expression = json.loads(exported("array").image(ee.Image("features")).serialize())
    whole = local.pixels_of(folder, expression, image.shape[1:])["probability"]
    part = local.pixels_of(folder, expression, (31, 23), left=17, top=9)["probability"]
    np.testing.assert_allclose(part, whole[9:40, 17:40], atol=1e-6)


def test_three_lines_and_nothing_but_ee_apply_the_expression(exported, scene, tmp_path, monkeypatch):
    folder, image = scene
    (tmp_path / "expression.json").write_text(exported("array").function_json(), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert len(USAGE.splitlines()) == 3
    names = {"image": ee.Image("features")}
    exec(USAGE, names)
    by_hand = local.pixels(folder, names["water"], image.shape[1:])
    loaded = local.pixels(folder, load("expression.json")(ee.Image("features")), image.shape[1:])
    direct = local.pixels(folder, exported("array").image(ee.Image("features")), image.shape[1:])
    for band in ("water", "probability"):
        np.testing.assert_array_equal(by_hand[band], direct[band])
        np.testing.assert_array_equal(loaded[band], direct[band])


@pytest.mark.parametrize("form", ["array", "kernel"])
def test_a_loaded_network_is_the_graph_that_was_written(exported, tmp_path, form):
    path = tmp_path / "expression.json"
    path.write_text(exported(form).function_json(), encoding="utf-8")
    assert load(path)(ee.Image("features")).serialize() == exported(form).image(ee.Image("features")).serialize()


def test_what_is_no_exported_network_is_not_loaded(tmp_path):
    path = tmp_path / "expression.json"
    with pytest.raises(ExportError, match="does not exist"):
        load(path)
    for text in ("{", "[]", '{"result": "0"}', '{"result": "0", "values": {"0": {"functionInvocationValue": {}}}}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ExportError, match="is not an exported network"):
            load(path)
    path.write_text(ee.Image(1).serialize(), encoding="utf-8")
    with pytest.raises(ExportError, match="no function"):
        load(path)


def test_the_mlp_needs_no_neighbour(scene):
    folder, image = scene
    torch.manual_seed(1)
    network = PixelNetwork(Standardise([0.1] * 8, [0.3] * 8), PixelMLP(8), NAMES).eval()
    exported = export_network(network, NAMES, threshold=0.4, temperature=2.5)
    assert "neighborhoodToArray" not in exported.function_json()
    result = local.pixels(folder, exported.image(ee.Image("features")), image.shape[1:])
    expected = torch_probability(network, image, temperature=2.5)
    assert compare(expected, result["probability"], 0.4, result["water"]).equal


def test_the_probe_finds_how_this_service_convolves(scene):
    folder, _ = scene
    found = local.pixels(folder, to_ee(kernel_probe(), {}), (4, 4))["flip"]
    assert abs(found).min() == 1 and found.min() == found.max()


@pytest.mark.parametrize("form", ["array", "kernel"])
@settings(
    max_examples=8, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(network=drawn.networks(), seed=st.integers(0, 2**16))
def test_drawn_networks_equal_torch(tmp_path_factory, form, network, seed):
    check(tmp_path_factory, form, network, seed)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["array", "kernel"])
@settings(
    max_examples=250, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate]
)
@given(network=drawn.networks(), seed=st.integers(0, 2**16))
def test_many_drawn_networks_equal_torch(tmp_path_factory, form, network, seed):
    check(tmp_path_factory, form, network, seed)


def check(tmp_path_factory, form, network, seed):
    image = drawn.holey_image(len(network.features), (9, 11), seed)
    folder = tmp_path_factory.mktemp("world")
    local.write_features(folder, image, network.features)
    exported = export_network(network, network.features, form=form, output="logits", water_class=1)
    result = local.pixels(folder, exported.image(ee.Image("features")), image.shape[1:])
    expected = inner(image, network.radius, network)
    assert np.array_equal(np.isnan(result["probability"]), np.isnan(expected))
    # float32 is what torch computes in: tolerance relative to the logits, as for a network of any scale.
    with np.errstate(divide="ignore"):
        logits = np.log(expected.astype(float)) - np.log1p(-expected.astype(float))
    scale = max(1.0, float(np.nanmax(np.abs(np.where(np.isfinite(logits), logits, 1.0)), initial=0.0)))
    np.testing.assert_allclose(result["probability"], expected, rtol=0, atol=1e-5 * scale)

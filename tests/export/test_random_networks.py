"""Any network of supported layers, on images with holes, gives what torch gives."""

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from export import networks as drawn
from export.interpreter import evaluate
from export.reading import torch_probability
from water_gee.export import compare, export_network

pytestmark = pytest.mark.usefixtures("ee_offline")
# No shrinking: a network is one seed and a short plan, and tracing it again a thousand times takes minutes.
RELAXED = dict(
    deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, phases=[Phase.explicit, Phase.generate]
)


def logits_of(network, image):
    unknown = np.isnan(image).any(axis=0)
    joint = torch.from_numpy(np.where(unknown, np.float32(np.nan), image))[None]
    with torch.no_grad():
        logits = network(joint)[0].numpy()
    margin = network.radius
    return np.where(unknown[margin : unknown.shape[0] - margin, margin : unknown.shape[1] - margin], np.nan, logits)


def check(network, form, seed):
    margin = network.radius
    image = drawn.holey_image(len(network.features), (2 * margin + 5, 2 * margin + 7), seed)
    flip = form == "kernel" and seed % 2 == 1
    outputs = ("water", "probability", "logits") if seed % 3 == 0 else ("water", "probability")
    exported = export_network(
        network, network.features, form=form, outputs=outputs, temperature=1.5, flip=flip,
        output="logits", water_class=1,
    )  # fmt: skip
    assert exported.program.margin == margin
    result = evaluate(exported.function_json(), image, network.features, flip)
    inside = (slice(margin, image.shape[1] - margin), slice(margin, image.shape[2] - margin))
    logits = logits_of(network, image)
    scale = max(1.0, float(np.nanmax(np.abs(logits), initial=0.0)))
    if "logits" in outputs:
        ours = np.stack([result[f"logit_{index}"][inside] for index in range(len(logits))])
        np.testing.assert_array_equal(np.isnan(ours), np.isnan(logits))
        np.testing.assert_allclose(ours, logits, rtol=0, atol=1e-5 * scale)
    expected = torch_probability(network, image, temperature=1.5)
    np.testing.assert_array_equal(np.isnan(result["probability"][inside]), np.isnan(expected))
    np.testing.assert_allclose(result["probability"][inside], expected, rtol=0, atol=1e-5 * scale)
    if scale <= 2.0 and not np.isnan(expected).all():
        assert compare(expected, result["probability"][inside], 0.5, result["water"][inside]).equal


@pytest.mark.parametrize("form", ["array", "kernel"])
@settings(max_examples=30, **RELAXED)
@given(network=drawn.networks(), seed=st.integers(0, 2**16))
def test_sixty_drawn_networks_equal_torch(form, network, seed):
    check(network, form, seed)


@pytest.mark.slow
@pytest.mark.parametrize("form", ["array", "kernel"])
@settings(max_examples=250, **RELAXED)
@given(network=drawn.networks(), seed=st.integers(0, 2**16))
def test_five_hundred_drawn_networks_equal_torch(form, network, seed):
    check(network, form, seed)

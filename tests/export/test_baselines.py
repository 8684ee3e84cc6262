"""Every baseline of the project is carried into Earth Engine like a network."""

import ee
import numpy as np
import pytest
import torch

from export import local
from export import networks as drawn
from finished import FEATURES
from water_gee.export import compare, export_network, to_earth_engine
from water_gee.models import CFMaskRule, PixelLinear, PixelNetwork, Standardise, TrainedModel, predict, raw_network
from water_gee.training.trees import boosted_trees


def boosted(trees=7, leaves=9, seed=0):
    """Trees fitted to noise, so that they have many edges."""
    random = np.random.default_rng(seed)
    values = random.normal(0.2, 0.6, (2000, 8)).astype(np.float32)
    water = values[:, 0] + values[:, 3] * values[:, 5] + random.normal(0, 0.3, 2000) > 0.2
    weight = np.ones(2000, dtype=np.float32)
    return boosted_trees(values, water, weight, trees=trees, leaves=leaves, lr=0.3, l2=1.0, seed=0)


WEIGHTS = [0.5, -1.0, 2.0, -3.0, 0.1, 4.0, 0.0, -0.2]
MODELS = {
    "otsu": raw_network(PixelLinear.of([0.0] * 5 + [12.5, 0.0, 0.0], -1.3), FEATURES),
    "cfmask": raw_network(CFMaskRule.of(FEATURES), FEATURES),
    "boosted": raw_network(boosted(), FEATURES),
    "logistic": PixelNetwork(Standardise([0.1] * 8, [0.3] * 8), PixelLinear.of(WEIGHTS, 0.7), FEATURES).eval(),
}


@pytest.mark.usefixtures("ee_offline")
@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize("kind", MODELS)
def test_it_is_equal_in_earth_engine(kind, form, tmp_path):
    image = drawn.holey_image(8, (30, 40), seed=1)
    local.write_features(tmp_path, image, FEATURES)
    exported = export_network(MODELS[kind], FEATURES, form=form, output="logits")
    there = local.pixels(tmp_path, exported.image(ee.Image("features")), image.shape[1:])
    here = predict(TrainedModel(MODELS[kind], kind, ()), image)
    parity = compare(here, there["probability"], 0.5, there["water"])
    assert parity.equal and parity.pixels > 500 and parity.masked > 100, parity
    assert np.nanmin(here) < 0.2 < 0.8 < np.nanmax(here)


def test_one_of_many_trees_is_carried_whatever_stands_on_its_edges():
    """Edges are values of pixels, and the numbers next to them: `x > edge` must fall as in torch."""
    body = boosted(trees=40, leaves=31, seed=2)
    random = np.random.default_rng(3)
    finite = body.edges[torch.isfinite(body.edges)].numpy()
    image = random.choice(finite, (8, 30, 40)).astype(np.float32)
    image = np.where(random.random(image.shape) < 0.5, image, np.nextafter(image, np.float32(random.choice([-9, 9]))))
    exported = to_earth_engine(raw_network(body, FEATURES), FEATURES, output="logits")
    proof = exported.check(image.astype(np.float32))
    assert proof.equal and proof.probability.flips == 0 and exported.report["calls"] < 500

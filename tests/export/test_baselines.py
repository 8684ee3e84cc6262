"""Baselines made of layers are carried into Earth Engine like a network; the others are refused by name."""

import ee
import numpy as np
import pytest

from export import local
from export import networks as drawn
from finished import FEATURES, checkpoint
from water_gee.errors import ExportError
from water_gee.export import compare, export_network, stage
from water_gee.models import PixelLinear, PixelNetwork, Standardise, TrainedModel, predict, raw_network

WEIGHTS = [0.5, -1.0, 2.0, -3.0, 0.1, 4.0, 0.0, -0.2]
MODELS = {
    "otsu": raw_network(PixelLinear.of([0.0] * 5 + [12.5, 0.0, 0.0], -1.3), FEATURES),
    "logistic": PixelNetwork(Standardise([0.1] * 8, [0.3] * 8), PixelLinear.of(WEIGHTS, 0.7), FEATURES).eval(),
}


@pytest.mark.usefixtures("ee_offline")
@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize("kind", MODELS)
def test_it_is_equal_in_earth_engine(kind, form, tmp_path):
    image = drawn.holey_image(8, (30, 40), seed=1)
    local.write_features(tmp_path, image, FEATURES)
    exported = export_network(MODELS[kind], FEATURES, form=form)
    there = local.pixels(tmp_path, exported.image(ee.Image("features")), image.shape[1:])
    here = predict(TrainedModel(MODELS[kind], kind, ()), image)
    parity = compare(here, there["probability"], 0.5, there["water"])
    assert parity.equal and parity.pixels > 500 and parity.masked > 100, parity
    assert np.nanmin(here) < 0.2 < 0.8 < np.nanmax(here)


@pytest.mark.parametrize("kind", ["cfmask", "boosted"])
def test_what_is_not_made_of_layers_is_refused_in_one_line(kind, settings, tmp_path):
    model = checkpoint(tmp_path, FEATURES)
    with pytest.raises(ExportError, match=rf"model={kind}, which is not made of.*predict\.engine=local") as caught:
        stage.check(TrainedModel(model.network, kind, ()), (), settings().tiles.margin)
    assert "\n" not in str(caught.value)

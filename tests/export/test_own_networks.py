"""A user's own network of one, two or several outputs, exported: the graph is the module's own softmax."""

import ee
import numpy as np
import pytest
import torch

from export import local
from own_networks import forget, write_network
from water_gee.export import export_network
from water_gee.models import Own, PixelNetwork, Standardise, build_body

pytestmark = pytest.mark.usefixtures("ee_offline")
NAMES = ("red", "nir", "swir1", "mndwi")
NET = """
class Net(nn.Module):
    def __init__(self, bands, classes):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(bands, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Conv2d(6, classes, 1))

    def forward(self, x):
        return self.layers(x)
"""


@pytest.mark.parametrize("form", ["array", "kernel"])
@pytest.mark.parametrize(("classes", "water"), [(1, None), (2, None), (2, 0), (3, 0), (5, 4)])
def test_it_is_the_softmax_of_all_its_classes(tmp_path, monkeypatch, form, classes, water):
    monkeypatch.syspath_prepend(str(tmp_path))
    forget("own_exported")
    write_network(tmp_path, "own_exported", NET)
    body = build_body("mine", len(NAMES), (), Own("own_exported.nets.Net", {"classes": classes}, water))
    network = PixelNetwork(Standardise([0.1] * len(NAMES), [0.3] * len(NAMES)), body, NAMES).eval()
    image = np.random.default_rng(0).normal(size=(len(NAMES), 12, 13)).astype(np.float32)
    image[:, 5, 5] = np.nan
    local.write_features(tmp_path, image, NAMES)
    exported = export_network(network, NAMES, form=form, output="logits")
    found = local.pixels(tmp_path, exported.image(ee.Image("features")), image.shape[1:])["probability"][1:-1, 1:-1]
    with torch.no_grad():
        logits = body.network(network.standardise(torch.from_numpy(image)[None]))[0]
    wanted = torch.sigmoid(logits[0]) if classes == 1 else torch.softmax(logits, dim=0)[1 if water is None else water]
    seen = ~np.isnan(image[0, 1:-1, 1:-1])
    assert np.isnan(found[~seen]).all()
    np.testing.assert_allclose(found[seen], wanted.numpy()[seen], atol=1e-6)

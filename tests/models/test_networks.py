"""Every network, whoever added it: its window, its widths, and what a checkpoint keeps of it."""

import pytest
import torch

from water_gee.config.compose import compose
from water_gee.config.model import NetworkSettings
from water_gee.config.settings import load
from water_gee.models import (
    NETWORKS,
    PixelNetwork,
    Standardise,
    TrainedModel,
    build_body,
    load_checkpoint,
    predict,
    save_checkpoint,
    widths,
)

BANDS = ("blue", "green", "nir")


def network_of(name: str) -> tuple[PixelNetwork, tuple[int, ...]]:
    """Return a network as its file in `conf/model` describes it, for three bands."""
    settings = load(compose([f"model={name}"])).model
    assert isinstance(settings, NetworkSettings)
    assert settings.name == name
    torch.manual_seed(0)
    body = build_body(name, len(BANDS), settings.widths)
    return PixelNetwork(Standardise([0.1] * 3, [0.2] * 3), body, BANDS).eval(), tuple(settings.widths)


@pytest.mark.parametrize("name", NETWORKS)
@torch.inference_mode()
def test_a_pixel_depends_on_its_window_and_on_nothing_else(name) -> None:
    network, _ = network_of(name)
    radius = network.radius
    image = torch.rand(1, len(BANDS), 2 * radius + 9, 2 * radius + 7)
    logits = network(image)
    assert logits.shape == (1, 2, 9, 7)
    window = image[:, :, 4 : 4 + 2 * radius + 1, 2 : 2 + 2 * radius + 1]
    torch.testing.assert_close(network(window)[0, :, 0, 0], logits[0, :, 4, 2], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_checkpoint_keeps_it(name, tmp_path) -> None:
    network, sizes = network_of(name)
    assert widths(network) == sizes
    model = TrainedModel(network, name, sizes)
    save_checkpoint(tmp_path / "model.ckpt", model)
    image = torch.rand(len(BANDS), 16, 16).numpy()
    assert (predict(load_checkpoint(tmp_path / "model.ckpt"), image) == predict(model, image)).all()

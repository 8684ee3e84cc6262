"""Prediction of a 512x512 tile: 7x7 patches one batch after another, and fully convolutional."""

import numpy as np
import torch

from benchmarks.timing import compare
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, predict

SIDE = 512


def run() -> None:
    """Compare the ways to predict, with equal results."""
    torch.manual_seed(0)
    features = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
    network = PixelNetwork(Standardise([0.1] * 8, [0.1] * 8), build_body("pixelcnn", 8, (16, 32, 64, 128)), features)
    model = TrainedModel(network.eval(), "pixelcnn", (16, 32, 64, 128))
    tile = np.random.default_rng(0).random((8, SIDE + 6, SIDE + 6), dtype=np.float32)

    @torch.inference_mode()
    def patches() -> float:
        rows = 64  # a part of the tile is enough to know the speed
        windows = torch.from_numpy(tile).unfold(1, 7, 1).unfold(2, 7, 1)[:, :rows].permute(1, 2, 0, 3, 4)
        for batch in windows.reshape(-1, 8, 7, 7).split(4096):
            torch.softmax(network(batch), dim=1)
        return rows * SIDE

    def convolutional() -> float:
        predict(model, tile)
        return SIDE * SIDE

    compare("prediction", "px", {"patches of 7x7, batch 4096": patches, "fully convolutional": convolutional})

"""Prediction of a 512x512 tile: 7x7 patches one batch after another, and fully convolutional in each runtime.

All have as many threads as PyTorch. All but bfloat16 give equal probabilities, which is checked before anything is
timed.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.timing import Work, compare
from water_gee.errors import ConfigError
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, predict, predictor

SIDE, RADIUS, WIDTHS = 512, 3, (16, 32, 64, 128)
ROWS = 64  # that are predicted as patches: a part of the tile is enough to know the speed
TOLERANCE = 1e-5
FEATURES = ("blue", "green", "red", "nir", "swir1", "mndwi", "leb", "elevation")
PATCHES, NCHW, CHANNELS_LAST = "patches of 7x7, batch 4096", "PyTorch, NCHW", "PyTorch, channels-last"
BFLOAT16, ONNX, OPENVINO = "PyTorch, channels-last, bfloat16", "ONNX Runtime", "OpenVINO"
WANTED = {(ONNX, CHANNELS_LAST): 1.6}

Float = NDArray[np.float32]


def run() -> None:
    """Compare the ways to predict."""
    torch.manual_seed(0)
    network = PixelNetwork(Standardise([0.5] * 8, [0.3] * 8), build_body("pixelcnn", 8, WIDTHS), FEATURES).eval()
    model = TrainedModel(network, "pixelcnn", WIDTHS)
    random = np.random.default_rng(0)
    tile = random.random((8, SIDE + 2 * RADIUS, SIDE + 2 * RADIUS), dtype=np.float32)
    tile[:, random.random(tile.shape[1:]) < 0.02] = np.nan

    ways: dict[str, Callable[[], Float]] = {
        PATCHES: lambda: patches(network, tile),
        NCHW: lambda: plain(network, tile),
        CHANNELS_LAST: lambda: predict(model, tile),
    }
    for name, runtime in ((ONNX, "onnx"), (OPENVINO, "openvino")):
        try:
            ways[name] = partial(predictor(model, runtime), tile)
        except ConfigError as error:
            print(f"{name} is left out: {error}")
    ways[BFLOAT16] = lambda: plain(network, tile, brief=True)
    report_differences(ways)
    ratios = compare(f"prediction, {torch.get_num_threads()} threads", "px", {name: work(ways[name]) for name in ways})
    for (name, against), wanted in WANTED.items():
        if name in ratios:
            print(f"{name} / {against}: {ratios[name] / ratios[against]:.2f} (wanted: at least {wanted:g})")


@torch.inference_mode()
def patches(network: PixelNetwork, tile: Float) -> Float:
    """Return the probability of the first rows, each pixel from a 7x7 patch of its own."""
    reach = 2 * RADIUS + 1
    windows = torch.from_numpy(tile).unfold(1, reach, 1).unfold(2, reach, 1)[:, :ROWS].permute(1, 2, 0, 3, 4)
    found = [torch.softmax(network(batch), dim=1)[:, 1] for batch in windows.reshape(-1, 8, reach, reach).split(4096)]
    return torch.cat(found).reshape(ROWS, SIDE).numpy()


@torch.inference_mode()
def plain(network: PixelNetwork, tile: Float, *, brief: bool = False) -> Float:
    """Return the probability in PyTorch's own layout, or (`brief`) channels-last in bfloat16."""
    batch = torch.from_numpy(tile)[None]
    if brief:
        batch = batch.contiguous(memory_format=torch.channels_last)
    with torch.autocast("cpu", torch.bfloat16, enabled=brief):
        logits = network(batch)
    return torch.softmax(logits.float(), dim=1)[0, 1].numpy()


def report_differences(ways: dict[str, Callable[[], Float]]) -> None:
    """Print how far each way's probabilities are from the product's, and stop if one is not equal to them."""
    expected = ways[CHANNELS_LAST]()
    seen = ~np.isnan(expected)
    for name, way in ways.items():
        found = way()
        compared = seen[: len(found)]
        difference = float(np.abs(found - expected[: len(found)])[compared].max())
        print(f"{name}: probabilities within {difference:.1e} of the product's")
        assert name == BFLOAT16 or difference <= TOLERANCE, f"{name} is not equal"


def work(way: Callable[[], Float]) -> Work:
    """Return a way to predict as work that counts its pixels."""
    return lambda: way().size

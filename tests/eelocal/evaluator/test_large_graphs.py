"""Graphs of the size that exported networks have."""

import time
import tracemalloc

import ee
import numpy as np
import pytest
import torch

from eelocal.evaluator import Evaluator
from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels

RANDOM = np.random.default_rng(8)


def test_a_chain_of_references_may_be_as_long_as_it_likes():
    values = {
        "0": {
            "functionInvocationValue": {"functionName": "Image.constant", "arguments": {"value": {"constantValue": 0}}}
        }
    }
    one = {"functionInvocationValue": {"functionName": "Image.constant", "arguments": {"value": {"constantValue": 1}}}}
    for i in range(1, 5_001):
        arguments = {"image1": {"valueReference": str(i - 1)}, "image2": one}
        values[str(i)] = {"functionInvocationValue": {"functionName": "Image.add", "arguments": arguments}}
    out = Evaluator(MemoryCatalog()).pixels({"result": "5000", "values": values}, grid(2, 2))
    assert (out.bands[0].values == 5_000).all()


def tree(images):
    while len(images) > 1:
        images = [images[i].add(images[i + 1]) if i + 1 < len(images) else images[i] for i in range(0, len(images), 2)]
    return images[0]


def test_a_network_of_single_convolutions_equals_torch():
    torch.manual_seed(1)
    layers = [torch.nn.Conv2d(3, 12, 3).double(), torch.nn.Conv2d(12, 8, 3).double()]
    data = {f"b{i}": RANDOM.normal(size=(40, 40)) for i in range(3)}
    catalog = MemoryCatalog(MemoryImage("m", data))
    bands = [ee.Image("m").select(name) for name in data]
    for conv in layers:
        weight, bias = conv.weight.detach().numpy(), conv.bias.detach().numpy()
        bands = [
            tree([b.convolve(ee.Kernel.fixed(3, 3, weight[o, i].tolist())) for i, b in enumerate(bands)])
            .add(float(bias[o]))
            .max(0)
            for o in range(len(bias))
        ]
    out = pixels(catalog, ee.Image.cat(bands), grid(36, 36, 2, 2))
    with torch.no_grad():
        expected = torch.from_numpy(np.stack(list(data.values()))[None])
        for conv in layers:
            expected = torch.relu(conv(expected))
    np.testing.assert_allclose(np.stack([b.values for b in out.bands]), expected[0].numpy(), rtol=1e-9, atol=1e-12)


def layer(image, outputs, inputs, size):
    weight = RANDOM.normal(size=(outputs, inputs * size * size)) / np.sqrt(inputs * size * size)
    bias = ee.Image(ee.Array(RANDOM.normal(size=(outputs, 1)).tolist()))
    arrays = image.neighborhoodToArray(ee.Kernel.square(size // 2)).toArray(0)
    flat = arrays.arrayReshape(ee.Image(ee.Array([weight.shape[1], 1])), 2)
    product = ee.Image(ee.Array(weight.tolist())).matrixMultiply(flat).add(bias).max(0)
    return product.arrayProject([0]).arrayFlatten([[f"o{i}" for i in range(outputs)]])


@pytest.mark.slow
def test_a_tile_through_a_network_is_quick_and_small():
    catalog = MemoryCatalog(MemoryImage("m", {f"b{i}": RANDOM.normal(size=(520, 520)) for i in range(8)}))
    image = ee.Image("m")
    first = layer(image, 16, 8, 3)
    second = layer(first, 32, 16, 3)
    third = layer(second.addBands(image), 64, 40, 3)
    logits = layer(layer(third.addBands(image), 128, 72, 1), 2, 128, 1)
    tracemalloc.start()
    start = time.process_time()
    pixels(catalog, logits, grid(512, 512, 4, 4))
    spent, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert spent < 10  # processor seconds: 5 s on two cores
    assert peak < 1.5e9

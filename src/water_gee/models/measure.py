"""How far a network of unknown make sees: found by running it, and checked to be the same at every pixel."""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from water_gee.errors import ModelError

_SIDES = (33, 65, 129, 257)  # of the images that are tried, in pixels, until one is large enough
_ROOM = 9  # pixels a side of the answer, at least, so that a part can be compared with the whole
_IMAGES = 8


@dataclass(frozen=True)
class Measure:
    """What a network is like from outside."""

    radius: int  # pixels that its output lacks on each side
    classes: int
    all_used: bool  # whether every parameter has a part in its output


def probe(bands: int, side: int) -> Tensor:
    """Return one fixed image [1, band, y, x] of values like standardised features', the same on every machine."""
    count = bands * side * (side + 1)
    values = 1.5 * torch.sin(torch.arange(count, dtype=torch.float64) ** 1.3)
    return values.float().view(1, bands, side, side + 1).contiguous(memory_format=torch.channels_last)


def measured(network: nn.Module, bands: int) -> Measure:
    """Return the radius and the number of outputs of a network [n, band, y, x] -> [n, class, y - 2r, x - 2r].

    It is run, in evaluation, on images of several sizes. Random numbers that others draw stay as they were.

    Raises:
        ModelError: it does not give each pixel an answer of its own, from a square window with the pixel in its centre:
            it pads, strides, looks at the whole image, or is not the same twice.
    """
    training = network.training
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return _measured(network.eval(), bands)
    finally:
        network.train(training)


def _measured(network: nn.Module, bands: int) -> Measure:
    side, answer = _first(network, bands)
    if not isinstance(answer, Tensor) or answer.ndim != 4 or len(answer) != 1:
        shape = list(answer.shape) if isinstance(answer, Tensor) else type(answer).__name__
        raise ModelError(f"it gives {shape} for an image [1, {bands}, y, x]; let it return logits [n, class, y, x]")
    high, wide = side - answer.shape[2], side + 2 - answer.shape[3]
    larger = _run(network, torch.randn(1, bands, side + 5, side + 7))
    if (larger.shape[2] - answer.shape[2], larger.shape[3] - answer.shape[3]) != (5, 5):
        raise ModelError(
            "it does not give one output for each pixel of an image: it strides, pools, resizes or flattens; use "
            "layers of stride 1"
        )
    if high != wide:
        raise ModelError(f"its window is {high + 1} pixels high and {wide + 1} wide; use square kernels and crops")
    if high < 0:
        raise ModelError(f"its output is {-high} pixels wider than its input: it pads; set padding=0")
    if high % 2:
        raise ModelError(f"its window is {high + 1} pixels wide, without a centre; use kernels of odd size")
    all_used = _check_window(_shaken(network), bands, side, high // 2)
    return Measure(high // 2, int(answer.shape[1]), all_used)


def _first(network: nn.Module, bands: int) -> tuple[int, Tensor]:
    """Return the side of the first image that is large enough, and the answer to it; lazy layers get their sizes."""
    for side in _SIDES:
        try:
            answer = _run(network, torch.randn(1, bands, side, side + 2))
        except Exception:
            if side == _SIDES[-1]:
                raise
            continue
        if not isinstance(answer, Tensor) or answer.ndim != 4 or min(answer.shape[2:]) >= _ROOM:
            break
    return side, answer


def _run(network: nn.Module, image: Tensor) -> Tensor:
    with torch.no_grad():
        answer: Tensor = network(image.contiguous(memory_format=torch.channels_last))
    return answer


def _shaken(network: nn.Module) -> nn.Module:
    """Return a copy with other weights: new layers may begin with zeros, which would hide what they look at."""
    trial = copy.deepcopy(network)
    with torch.no_grad():
        for weights in trial.parameters():
            if weights.is_floating_point():
                spread = float(weights.std()) if weights.numel() > 1 else 0.0
                weights.add_(torch.randn_like(weights) * max(0.1, 0.3 * spread))
    return trial


def _check_window(network: nn.Module, bands: int, side: int, radius: int) -> bool:
    """Check that an answer depends on its window alone, alike everywhere, and that the window has it in its centre.

    Returns whether every parameter has a part in it.
    """
    images = torch.randn(_IMAGES, bands, side, side + 2).contiguous(memory_format=torch.channels_last)
    whole = _run(network, images)
    if not torch.isfinite(whole).all():
        raise ModelError("its output is not finite on random standardised features; look for a division or logarithm")
    near = 1e-3 * max(1e-6, float(whole.std()))
    if not torch.allclose(whole, _run(network, images), atol=near, rtol=1e-4):
        raise ModelError("it answers otherwise each time: let it leave out dropout and chance in evaluation")
    part = _run(network, images[:, :, 2:-1, 1:-2])
    if not torch.allclose(whole[:, :, 2:-1, 1:-2], part, atol=near, rtol=1e-4):
        raise ModelError(
            f"its output lacks {radius} pixels on each side and it looks further: it pads (set padding=0, and crop "
            "what bypasses a layer) or looks at the whole image (as GroupNorm and global pooling do)"
        )
    rows, columns, all_used = _reach(network, images, radius)
    for axis, (before, after) in (("above", rows), ("left of", columns)):
        if before != after:
            other = {"above": "below", "left of": "right of"}[axis]
            raise ModelError(
                f"its output is not centred: a pixel's answer sees {before} pixels {axis} and {after} {other} it; crop "
                "alike on both sides"
            )
    return all_used


def _reach(network: nn.Module, images: Tensor, radius: int) -> tuple[tuple[int, int], tuple[int, int], bool]:
    """Return how many pixels an answer sees (above, below) and (left, right) of its own, by what its slope touches.

    And whether it has a slope by every parameter.
    """
    images = images.clone().requires_grad_()
    parameters = [one for one in network.parameters() if one.requires_grad]
    with torch.enable_grad():
        answer = network(images)
        y, x = answer.shape[2] // 2, answer.shape[3] // 2
        chosen = answer[:, :, y, x].sum()
        if not chosen.requires_grad:
            return (0, 0), (0, 0), False
        slope, *others = torch.autograd.grad(chosen, [images, *parameters], allow_unused=True)
    all_used = all(one is not None for one in others)
    if slope is None or not slope.any():
        return (0, 0), (0, 0), all_used
    touched = slope.ne(0).any(dim=0).any(dim=0)
    found = []
    for line, centre in ((touched.any(dim=1), y + radius), (touched.any(dim=0), x + radius)):
        where = line.nonzero().flatten()
        found.append((centre - int(where[0]), int(where[-1]) - centre))
    return found[0], found[1], all_used

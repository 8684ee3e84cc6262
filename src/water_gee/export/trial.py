"""A first trial of an exported network: on small random images, before anybody gets it."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import ExportError
from water_gee.export.interpreter import evaluate
from water_gee.export.network import ExportedNetwork

_FURTHEST = 24  # reach up to which a network is tried: the images grow with it
_ROUNDING = 1e-3  # of the outputs' scale: much more than rounding makes of a well-behaved network
_MAY_DIFFER = 0.05  # of the pixels: rounding may be amplified there
_MAY_PART = 0.2  # the same for networks that compare values: nearly equal ones may part ways


def try_out(
    module: object,
    answers: Callable[[NDArray[np.float32], int], NDArray[Any]],
    exported: ExportedNetwork,
    scales: tuple[NDArray[np.float32], NDArray[np.float32]] | None,
) -> None:
    """Compare a module with what was made of it, on random images with a masked pixel.

    Args:
        module: for its name.
        answers: what the module returns [n, class, y', x'] for raw features [n, band, y, x], NaN where masked,
            at the last of so many calls.
        exported: the network with what it returns itself as output.
        scales: mean and deviation of each band, to draw features like the training's; None for 0 and 1.

    Raises:
        ExportError: the two differ by more than rounding, or the module answers otherwise when it is called again.
    """
    edge = max(exported.program.reach, exported.program.margin)
    if edge > _FURTHEST:
        return
    drawn = np.random.default_rng(0).normal(size=(2, len(exported.features), 2 * edge + 6, 2 * edge + 7))
    if scales is not None:
        drawn = drawn * scales[1][None, :, None, None] + scales[0][None, :, None, None]
    batch: NDArray[np.float32] = drawn.astype(np.float32)
    name = type(module).__name__
    if not np.array_equal(answers(batch, 1), answers(batch, 2), equal_nan=True):
        raise ExportError(
            f"cannot export {name}: it answers otherwise when it is called again; keep no state in forward()"
        )
    batch[0, :, edge, edge + 1] = np.nan
    share = max(_differing(exported, *pair, edge) for pair in zip(batch, answers(batch, 1), strict=True))
    if share > (_MAY_PART if exported.program.compares else _MAY_DIFFER):
        raise ExportError(
            f"cannot export {name}: what was made of it differs from it at {share:.0%} of the pixels of random images; "
            "please report the network"
        )


def _differing(exported: ExportedNetwork, sample: NDArray[np.float32], wanted: NDArray[Any], edge: int) -> float:
    """The share of a sample's inner pixels where the outputs differ by more than rounding."""
    found = evaluate(exported.function_json(), sample, exported.features, exported.options.flip)
    height, width = sample.shape[1:]
    values = np.stack([band[edge : height - edge, edge : width - edge] for band in found.values()])
    down, across = (edge - (whole - part) // 2 for whole, part in zip((height, width), wanted.shape[1:], strict=True))
    wanted = wanted[:, down : wanted.shape[1] - down, across : wanted.shape[2] - across]
    known = ~np.isnan(values).any(axis=0)
    scale = max(1.0, float(np.nanmax(np.abs(wanted), initial=0.0)))
    far = ~(np.abs(values - wanted) <= _ROUNDING * scale).all(axis=0)
    return float((far & known).mean())

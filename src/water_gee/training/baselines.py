"""Fit a baseline: what a network has to be better than, learned from the same tiles and judged in the same way."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from water_gee.config.model import BoostedSettings, DataSettings, LogisticSettings, ModelSettings
from water_gee.denoise import ABSTAIN
from water_gee.errors import ModelError
from water_gee.models import (
    BoostedTrees,
    CFMaskRule,
    PixelLinear,
    PixelNetwork,
    Standardise,
    TrainedModel,
    raw_network,
)
from water_gee.training.balance import balance, draw
from water_gee.training.fit import Fitted, confusion, keep_apart
from water_gee.training.scores import Scores
from water_gee.training.split import Split
from water_gee.training.store import TileStore, seen_pixels, standardisation
from water_gee.training.trees import boosted_trees

_EDGES = np.linspace(-1, 1, 2001)  # of the histogram of MNDWI: steps of 0.001
_STEEPNESS = 10.0  # log-odds a unit of MNDWI, whose whole range then lies within what `Scores` tells apart
_ITERATIONS = 1000  # of the solver, at most; some tens are usual


@dataclass(frozen=True)
class Pixels:
    """Labelled pixels, each by itself."""

    values: NDArray[np.float32]  # [pixel, band]
    water: NDArray[np.bool_]  # [pixel]
    weight: NDArray[np.float32]  # [pixel]


def fit_baseline(model: ModelSettings, data: DataSettings, seed: int, store: TileStore, split: Split) -> Fitted:
    """Fit a baseline to the training tiles; what learns from labels is calibrated as the networks are.

    The rules keep temperature 1 and threshold 0.5: nothing in them is chosen on labels.

    Raises:
        TileError: a side of the split is without water or without other pixels.
        ModelError: the features lack what the baseline reads, or `model.samples` leaves a class out.
    """
    keep_apart(store, split, 0)
    started = time.monotonic()
    network = learn(model, data, seed, store, split.training)
    seconds = time.monotonic() - started
    scores = validation_scores(network, store, split.validation)
    temperature, threshold = 1.0, 0.5
    if isinstance(model, LogisticSettings | BoostedSettings):
        temperature = scores.temperature()
        threshold = scores.best_threshold(temperature)
    widths = network.body.widths if isinstance(network.body, BoostedTrees) else ()
    trained = TrainedModel(network, model.name, widths, threshold, temperature)
    confusions = {store.records[tile].id: confusion(trained, store, tile) for tile in split.validation}
    return Fitted(trained, confusions, scores, [], "none", seconds)


def learn(model: ModelSettings, data: DataSettings, seed: int, store: TileStore, tiles: Sequence[int]) -> PixelNetwork:
    """Return the baseline that `model` names, fitted to `tiles`."""
    if isinstance(model, LogisticSettings):
        pixels = drawn_pixels(data, seed, store, tiles, model.samples)
        return logistic(pixels, store.names, Standardise(*standardisation(store, tiles)), l2=model.l2)
    if isinstance(model, BoostedSettings):
        pixels = drawn_pixels(data, seed, store, tiles, model.samples)
        body = boosted_trees(
            pixels.values, pixels.water, pixels.weight,
            trees=model.trees, leaves=model.leaves, lr=model.lr, l2=model.l2, seed=seed,
        )  # fmt: skip
        return raw_network(body, store.names)
    if model.name == "cfmask":
        return raw_network(CFMaskRule.of(store.names), store.names)
    return otsu(store, tiles)


def drawn_pixels(data: DataSettings, seed: int, store: TileStore, tiles: Sequence[int], most: int) -> Pixels:
    """Return labelled pixels of `tiles`, balanced as in an epoch of a network and thinned to about `most`.

    Raises:
        ModelError: so few that a class is left out.
    """
    ratio = min(data.other_per_water, float(store.size**2))
    balances = [balance(store.labels[tile], ratio, data.least_other) for tile in tiles]
    share = min(1.0, most / sum(one.total for one in balances))
    own = slice(store.margin, store.margin + store.size)
    values, water, weight = [], [], []
    for tile, one in zip(tiles, balances, strict=True):
        random = np.random.default_rng([seed, tile])
        places = random.permutation(draw(store.labels[tile], one, random))[: round(share * one.total)]
        places.sort()
        values.append(store.features[tile, own, own].reshape(-1, len(store.names))[places])
        water.append(store.labels[tile].ravel()[places] == 1)
        trust = store.confidence[tile].ravel()[places]
        weight.append(trust if data.confidence else np.ones_like(trust))
    found = Pixels(np.concatenate(values), np.concatenate(water), np.concatenate(weight))
    if found.water.all() or not found.water.any():
        raise ModelError(f"model.samples={most} leaves a class without a pixel; give it more")
    return found


def otsu(store: TileStore, tiles: Sequence[int]) -> PixelNetwork:
    """Return MNDWI against Otsu's threshold over the seen pixels of `tiles`; no label is looked at.

    The margin grades it by the distance of MNDWI from the threshold, where the probability is 0.5.

    Raises:
        ModelError: the features have no mndwi.
    """
    if "mndwi" not in store.names:
        raise ModelError("model=otsu needs the feature mndwi; add it to features.names")
    band = store.names.index("mndwi")
    counts = np.zeros(len(_EDGES) - 1, dtype=np.int64)
    for values in seen_pixels(store, tiles):
        counts += np.histogram(np.clip(values[:, band], -1, 1), _EDGES)[0]
    weights = np.zeros(len(store.names))
    weights[band] = _STEEPNESS
    return raw_network(PixelLinear.of(weights.tolist(), -_STEEPNESS * otsu_threshold(counts)), store.names)


def otsu_threshold(counts: NDArray[np.int64]) -> float:
    """Return the threshold of the greatest variance between the two classes that it makes (Otsu, 1979).

    Args:
        counts: of pixels, by bin of MNDWI.

    Returns:
        An edge of the bins, or the middle of the edges that are equally good, as across a gap.
    """
    centres = (_EDGES[1:] + _EDGES[:-1]) / 2
    total = counts.sum()
    below = np.cumsum(counts)[:-1] / total  # share of the pixels below each inner edge
    moment = np.cumsum(counts * centres)[:-1] / total
    mean = counts @ centres / total
    spread = below * (1 - below)
    between = np.divide((mean * below - moment) ** 2, spread, out=np.zeros_like(spread), where=spread > 0)
    return float(_EDGES[1:-1][between >= between.max() * (1 - 1e-12)].mean())


def logistic(pixels: Pixels, names: Sequence[str], standardise: Standardise, *, l2: float) -> PixelNetwork:
    """Return logistic regression on the standardised bands of single pixels."""
    from sklearn.linear_model import LogisticRegression  # imported here: it takes a second

    with torch.inference_mode():
        values = standardise(torch.from_numpy(pixels.values)[:, :, None, None])[:, :, 0, 0].double().numpy()
    model = LogisticRegression(C=1 / l2, max_iter=_ITERATIONS).fit(values, pixels.water, sample_weight=pixels.weight)
    body = PixelLinear.of(model.coef_[0].tolist(), float(model.intercept_[0]))
    return PixelNetwork(standardise, body, names).eval()


@torch.inference_mode()
def validation_scores(network: PixelNetwork, store: TileStore, tiles: Sequence[int]) -> Scores:
    """Return the margins of all labelled pixels of `tiles`, by a network that sees single pixels."""
    own = slice(store.margin, store.margin + store.size)
    scores = Scores.none()
    for tile in tiles:
        batch = torch.from_numpy(np.ascontiguousarray(np.moveaxis(store.features[tile, own, own], -1, 0)))[None]
        land, water = network(batch)[0].numpy()
        known = store.labels[tile] != ABSTAIN
        scores += Scores.of((water - land)[known], store.labels[tile][known] == 1)
    return scores

"""Gradient-boosted trees of scikit-learn, and their conversion to tensors."""

import numpy as np
import torch
from numpy.typing import NDArray

from water_gee.errors import ModelError
from water_gee.models import BoostedTrees

_COMPARED = 10_000  # pixels on which the tensors must answer as scikit-learn does
_TOLERANCE = 1e-5  # of the greatest log-odds; single precision is some 1e-7 of it off


def boosted_trees(
    values: NDArray[np.float32],
    water: NDArray[np.bool_],
    weight: NDArray[np.float32],
    *,
    trees: int,
    leaves: int,
    lr: float,
    l2: float,
    seed: int,
) -> BoostedTrees:
    """Fit histogram-based gradient boosting (Ke et al., 2017) to pixels of both classes.

    Args:
        values: [pixel, band], none of them NaN.
        water: [pixel].
        weight: [pixel], above 0 or 0.
        trees: their number.
        leaves: of each tree, at most.
        lr: what each tree's answer is multiplied by.
        l2: penalty on the leaves' values; above 0, as the value of a leaf of one class has no other bound.
        seed: of the pixels by which the bands are cut into histogram bins.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier  # imported here: it takes a second
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=trees, max_leaf_nodes=leaves, learning_rate=lr, l2_regularization=l2,
        early_stopping=False, random_state=seed,
    )  # fmt: skip
    # Its threads wait for each other by spinning: on cores that another process uses too, two take 5 to 30 times as
    # long as one. And one adds in the same order on every machine.
    some = values[:: -(-len(values) // _COMPARED)]
    with threadpool_limits(limits=1, user_api="openmp"):
        wanted = model.fit(values, water, sample_weight=weight).decision_function(some)
    nodes = [predictor.nodes for (predictor,) in model._predictors]  # no public way to the trees; hence the check
    body = as_tensors(nodes, values.shape[1])
    with torch.inference_mode():
        body.offset.fill_(float(wanted[0] - _answers(body, some[:1])[0]))
        worst = float(np.abs(_answers(body, some) - wanted).max() / max(1.0, np.abs(wanted).max()))
    if not worst <= _TOLERANCE:
        raise ModelError(
            f"the trees' tensors differ from scikit-learn by {worst:.2g}: this release keeps its trees in another way; "
            "install the one that constraints.txt names"
        )
    return body


def as_tensors(trees: list[NDArray[np.void]], bands: int) -> BoostedTrees:
    """Return scikit-learn's trees, each an array of nodes, as tensors; the offset is left at 0."""
    edges = [_edges(trees, band) for band in range(bands)]
    leaves = [np.flatnonzero(nodes["is_leaf"]) for nodes in trees]
    body = BoostedTrees(bands, (len(trees), max(map(len, leaves)), max(1, *map(len, edges))))
    possible = np.zeros(body.possible.shape, dtype=np.int32)
    for band, cuts in enumerate(edges):
        body.edges[band, : len(cuts)] = torch.from_numpy(cuts)
    for number, nodes in enumerate(trees):
        order: list[int] = []  # leaves from left to right
        possible[:, :, number] = (1 << len(leaves[number])) - 1

        def descend(node: int, nodes: NDArray[np.void] = nodes, order: list[int] = order, tree: int = number) -> int:
            """Return the leaves below `node` as bits, having excluded what its question excludes."""
            if nodes["is_leaf"][node]:
                order.append(node)
                return 1 << (len(order) - 1)
            left = descend(nodes["left"][node])
            band = nodes["feature_idx"][node]
            above = np.searchsorted(edges[band], _single(nodes["num_threshold"][node])) + 1
            possible[band, above:, tree] &= ~left
            return left | descend(nodes["right"][node])

        descend(0)
        body.values[number, : len(order)] = torch.from_numpy(nodes["value"][order].astype(np.float32))
    body.possible.copy_(torch.from_numpy(possible))
    return body


def _edges(trees: list[NDArray[np.void]], band: int) -> NDArray[np.float32]:
    """Return all thresholds that the trees ask `band` about, rising."""
    asked = [nodes["num_threshold"][(nodes["is_leaf"] == 0) & (nodes["feature_idx"] == band)] for nodes in trees]
    return np.unique(_single(np.concatenate(asked)))


def _single(threshold: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest single-precision number up to a threshold: x <= one just where x <= the other."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _answers(body: BoostedTrees, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log-odds of water [pixel] of values [pixel, band]."""
    logits: NDArray[np.float32] = body(torch.from_numpy(values.T[None, :, :, None].copy())).numpy()
    return logits[0, 1, :, 0]

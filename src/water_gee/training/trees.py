"""Gradient-boosted trees of scikit-learn, and their conversion to tensors.

scikit-learn has no public way to the nodes of these trees; Treelite, which exchanges forests between libraries, has.
"""

import json
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from water_gee.errors import ModelError
from water_gee.models import BoostedTrees

Tree = dict[int, dict[str, Any]]  # nodes by their number, as Treelite names their parts; the root is 0
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

    Raises:
        ModelError: the tensors do not answer as scikit-learn does.
    """
    import treelite
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
    found = json.loads(treelite.sklearn.import_model(model).dump_as_json())
    forest: list[Tree] = [{node["node_id"]: node for node in tree["nodes"]} for tree in found["trees"]]
    body = as_tensors(forest, values.shape[1], offset=found["base_scores"][0])
    with torch.inference_mode():
        worst = float(np.abs(_answers(body, some) - wanted).max() / max(1.0, np.abs(wanted).max()))
    if not worst <= _TOLERANCE:
        raise ModelError(
            f"the trees' tensors differ from scikit-learn by {worst:.2g}: Treelite does not know this release of it; "
            "install those that constraints.txt names"
        )
    return body


def as_tensors(trees: list[Tree], bands: int, *, offset: float) -> BoostedTrees:
    """Return trees as tensors; to the sum of their answers comes the offset."""
    edges = [_edges(trees, band) for band in range(bands)]
    leaves = [sum("leaf_value" in node for node in tree.values()) for tree in trees]
    body = BoostedTrees(bands, (len(trees), max(leaves), max(1, *map(len, edges))))
    body.offset.fill_(offset)
    possible = np.zeros(body.possible.shape, dtype=np.int32)
    for band, cuts in enumerate(edges):
        body.edges[band, : len(cuts)] = torch.from_numpy(cuts)
    for number, tree in enumerate(trees):
        values: list[float] = []  # of the leaves from left to right
        possible[:, :, number] = (1 << leaves[number]) - 1

        def descend(at: int, number: int = number, tree: Tree = tree, values: list[float] = values) -> int:
            """Return the leaves below a node as bits, having excluded what its question excludes."""
            node = tree[at]
            if "leaf_value" in node:
                values.append(node["leaf_value"])
                return 1 << (len(values) - 1)
            left = descend(node["left_child"])
            band = node["split_feature_id"]
            above = np.searchsorted(edges[band], _single(np.float64(node["threshold"]))) + 1
            possible[band, above:, number] &= ~left
            return left | descend(node["right_child"])

        descend(0)
        body.values[number, : len(values)] = torch.tensor(values)
    body.possible.copy_(torch.from_numpy(possible))
    return body


def _edges(trees: list[Tree], band: int) -> NDArray[np.float32]:
    """Return all thresholds that the trees ask `band` about, rising."""
    nodes = (node for tree in trees for node in tree.values())
    return np.unique(_single(np.array([node["threshold"] for node in nodes if node.get("split_feature_id") == band])))


def _single(threshold: NDArray[np.float64] | np.float64) -> NDArray[np.float32]:
    """Return the largest single-precision number up to a threshold: x <= one just where x <= the other."""
    near = threshold.astype(np.float32)
    return np.where(near > threshold, np.nextafter(near, np.float32(-np.inf)), near)


def _answers(body: BoostedTrees, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the log-odds of water [pixel] of values [pixel, band]."""
    logits: NDArray[np.float32] = body(torch.from_numpy(values.T[None, :, :, None].copy())).numpy()
    return logits[0, 1, :, 0]

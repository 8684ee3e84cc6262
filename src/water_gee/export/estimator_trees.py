"""The trees of scikit-learn's estimators, read from what it documents and, of histogram boosting, by Treelite."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from water_gee.errors import ExportError
from water_gee.export.carried import Carried, named
from water_gee.export.forests import Floats, Forest, Tree


def _tree(found: Any, values: Floats) -> Tree:
    """A tree of scikit-learn's `tree_`, with an answer [node, output] for every node."""
    inner = found.children_left >= 0
    number = np.zeros(found.node_count, dtype=np.int64)
    number[inner] = np.arange(inner.sum())
    number[~inner] = -1 - np.arange((~inner).sum())
    return Tree(
        found.feature[inner].astype(np.int64),
        found.threshold[inner].astype(np.float64),
        number[found.children_left[inner]],
        number[found.children_right[inner]],
        values[~inner],
    )


def _scaled_back(trees: list[Tree], scaler: Any, bands: int) -> list[Tree]:
    """Trees that ask raw values what the given ones ask standardised ones.

    A threshold becomes the largest float32 number that the scaler itself does not take above it.
    """
    if scaler is None:
        return trees
    questions = sum(len(tree.feature) for tree in trees)
    feature = np.concatenate([tree.feature for tree in trees])
    threshold = np.concatenate([tree.threshold for tree in trees])
    rows = np.arange(questions)

    def above(raw: NDArray[np.float32]) -> Any:
        values = np.zeros((questions, bands), dtype=np.float32)
        values[rows, feature] = raw
        with np.errstate(over="ignore"):
            return np.asarray(scaler.transform(named(scaler, values)))[rows, feature] > threshold

    # float32 numbers in order are whole numbers in order.
    high = np.full(questions, 2**31 - 2**23 - 1)  # of the largest
    low = -high
    while (high - low > 1).any():
        middle = (low + high) // 2
        over = above(_ranked(middle))
        low, high = np.where(over, low, middle), np.where(over, middle, high)
    moved = np.where(np.isfinite(threshold), _ranked(low).astype(np.float64), threshold)
    edges = np.split(moved, np.cumsum([len(tree.feature) for tree in trees])[:-1])
    return [replace(tree, threshold=edge) for tree, edge in zip(trees, edges, strict=True)]


def _ranked(rank: NDArray[np.int64]) -> NDArray[np.float32]:
    """The float32 number of a rank among all: 0 of rank 0, the next above it of rank 1."""
    bits = np.abs(rank).astype(np.int32).view(np.float32)
    return np.where(rank < 0, -bits, bits).astype(np.float32)


def _distribution(estimator: Any, tree: Any) -> Floats:
    if estimator.n_outputs_ > 1:
        raise ExportError(f"cannot export {type(estimator).__name__}: it has several outputs; fit one of them")
    values: Floats = tree.value[:, 0, :].astype(np.float64)
    return values


def forest(estimator: Any, bands: int, scaler: Any) -> Carried:
    """Return a tree or a forest: the mean of its trees."""
    members = getattr(estimator, "estimators_", [estimator])
    classifier = hasattr(estimator, "classes_")
    trees = []
    for member in members:
        values = _distribution(estimator, member.tree_)
        if classifier:
            values = values / values.sum(axis=1, keepdims=True)
            values = values[:, 1:] if values.shape[1] == 2 else values
        trees.append(_tree(member.tree_, values))
    module = Forest(bands, _scaled_back(trees, scaler, bands), scale=1.0 / len(trees))
    if not classifier:
        return Carried(module, "number")
    return Carried(module, "probability", tuple(estimator.classes_))


def gradient(estimator: Any, bands: int, scaler: Any) -> Carried:
    """Return gradient boosting: the sum of its trees."""
    name = type(estimator).__name__
    if estimator.init_ != "zero" and type(estimator.init_).__name__ not in ("DummyClassifier", "DummyRegressor"):
        raise ExportError(
            f"cannot export {name}: it begins from {type(estimator.init_).__name__}, not a constant; leave init out"
        )
    rounds, outputs = estimator.estimators_.shape
    trees = []
    for column in range(outputs):
        for row in range(rounds):
            found = estimator.estimators_[row, column].tree_
            values = np.zeros((found.node_count, outputs))
            values[:, column] = found.value[:, 0, 0] * estimator.learning_rate
            trees.append(_tree(found, values))
    return _boosted(estimator, trees, bands, scaler, factor=2.0 if estimator.loss == "exponential" else 1.0)


def histogram(estimator: Any, bands: int, scaler: Any) -> Carried:
    """Return histogram boosting: the sum of its trees."""
    if estimator.is_categorical_ is not None and np.any(estimator.is_categorical_):
        raise ExportError(
            f"cannot export {type(estimator).__name__}: it has categorical features; fit it on numbers alone"
        )
    try:
        import treelite  # scikit-learn has no public way to these trees
    except ImportError as error:
        raise ExportError("reading histogram boosting needs the package treelite; run: pip install treelite") from error
    found = json.loads(treelite.sklearn.import_model(estimator).dump_as_json())
    outputs = max(found["class_id"]) + 1
    trees = []
    for tree, column in zip(found["trees"], found["class_id"], strict=True):
        nodes = {node["node_id"]: node for node in tree["nodes"]}
        inner = sorted(key for key, node in nodes.items() if "leaf_value" not in node)  # 0 is the root
        ends = [key for key, node in nodes.items() if "leaf_value" in node]
        number = {key: place for place, key in enumerate(inner)} | {key: -1 - place for place, key in enumerate(ends)}
        values = np.zeros((len(ends), outputs))
        values[:, column] = [nodes[key]["leaf_value"] for key in ends]
        trees.append(
            Tree(
                np.array([nodes[key]["split_feature_id"] for key in inner], dtype=np.int64),
                np.array([nodes[key]["threshold"] for key in inner], dtype=np.float64),
                np.array([number[nodes[key]["left_child"]] for key in inner], dtype=np.int64),
                np.array([number[nodes[key]["right_child"]] for key in inner], dtype=np.int64),
                values,
            )
        )
    return _boosted(estimator, trees, bands, scaler)


def _boosted(estimator: Any, trees: list[Tree], bands: int, scaler: Any, factor: float = 1.0) -> Carried:
    """Sum trees; what comes to the sum is found where the estimator's own answer is known."""
    at = np.zeros((1, bands), dtype=np.float32)
    classifier = hasattr(estimator, "classes_")
    answer = estimator.decision_function(at) if classifier else estimator.predict(at)
    with torch.inference_mode():
        bare = Forest(bands, trees).double()(torch.zeros(1, bands, 1, 1, dtype=torch.float64)).numpy()[0, :, 0, 0]
    offset = np.atleast_1d(np.squeeze(answer)) - bare
    module = Forest(bands, _scaled_back(trees, scaler, bands), scale=factor, offset=offset * factor)
    if not classifier:
        return Carried(module, "number")
    return Carried(module, "logits", tuple(estimator.classes_))

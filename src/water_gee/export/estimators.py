"""scikit-learn's estimators as torch modules: forests, boosted trees, and those that are layers in all but name.

Only what scikit-learn documents is read, and of histogram boosting what Treelite reads. Every module is compared with
the estimator's own prediction before it is used, also on values that lie exactly on a threshold.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ExportError
from water_gee.export.forests import Forest, Tree

Floats = NDArray[np.float64]
_COMPARED = 1000  # pixels on which the module must answer as the estimator does
_TOLERANCE = 1e-5  # of the largest answer; single precision is some 1e-7 of it off


@dataclass(frozen=True)
class Carried:
    """An estimator as a module.

    Attributes:
        module: maps raw features [n, band, y, x] to its answers [n, output, y, x].
        output: `logits`, `probability`, or `number` of a regressor.
        classes: the estimator's own, in order; none of a regressor.
    """

    module: nn.Module
    output: str
    classes: tuple[Any, ...] = ()

    def water_class(self, asked: Any) -> int | None:
        """Return the number of the class that means water; `asked` is one of the estimator's own classes, or None.

        Raises:
            ExportError: it is none of them, or there are more than two and none is named.
        """
        if not self.classes:
            return None if asked is None else int(asked)
        known = [str(one) for one in self.classes]
        if asked is None and len(known) == 2:
            return 1
        if str(asked) not in known:
            begin = "name the class that is water" if asked is None else f"water_class={asked!r} is no class"
            raise ExportError(f"{begin}: the estimator was fitted on the classes {', '.join(known)}; set water_class")
        return known.index(str(asked))


def is_estimator(given: Any) -> bool:
    """Return whether `given` is scikit-learn's or made like its own; scikit-learn is not imported for it."""
    return any(cls.__module__.partition(".")[0] == "sklearn" for cls in type(given).__mro__)


def carried(estimator: Any, bands: Sequence[str]) -> Carried:
    """Return a fitted estimator as a module of supported layers.

    Args:
        estimator: a classifier or regressor of scikit-learn, or a Pipeline of a StandardScaler and such a one.
        bands: that it will read, in the order of the features that it was fitted on.

    Raises:
        ExportError: it is not supported, not fitted, fitted on other features, or does not answer as scikit-learn does.
    """
    name = type(estimator).__name__
    _check_fitted(estimator, name, bands)
    steps = [step for _, step in estimator.steps if step not in (None, "passthrough")] if name == "Pipeline" else []
    scaler, last = (None, estimator) if not steps else (None if len(steps) == 1 else steps[0], steps[-1])
    if len(steps) > 2 or (scaler is not None and type(scaler).__name__ != "StandardScaler"):
        kinds = ", ".join(type(step).__name__ for step in steps)
        raise ExportError(f"cannot export a Pipeline of {kinds}: only StandardScaler and an estimator are carried over")
    build = _BUILDERS.get(type(last).__name__)
    if build is None:
        raise ExportError(
            f"cannot export {type(last).__name__}: it is not supported; use one of {', '.join(_BUILDERS)}, or a network"
        )
    found = build(last, len(bands), scaler)
    _check_equal(estimator, found, len(bands))
    return found


def _check_fitted(estimator: Any, name: str, bands: Sequence[str]) -> None:
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted  # imported here: it takes a second

    try:
        check_is_fitted(estimator)
    except (NotFittedError, TypeError) as error:
        raise ExportError(f"cannot export {name}: it is not fitted; call fit(X, y) before") from error
    count = getattr(estimator, "n_features_in_", None)
    if count is not None and count != len(bands):
        raise ExportError(f"cannot export {name}: it was fitted on {count} features, and there are {len(bands)} bands")
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and list(names) != list(bands):
        raise ExportError(
            f"cannot export {name}: it was fitted on the features {', '.join(map(str, names))} and the bands are "
            f"{', '.join(bands)}; give the bands in that order"
        )


# ---- Trees ----


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
            return np.asarray(scaler.transform(_named(scaler, values)))[rows, feature] > threshold

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


def _forest(estimator: Any, bands: int, scaler: Any) -> Carried:
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


def _gradient(estimator: Any, bands: int, scaler: Any) -> Carried:
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


def _histogram(estimator: Any, bands: int, scaler: Any) -> Carried:
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


# ---- Layers in all but name ----


class _Layers(nn.Module):
    """Weighted sums of a pixel's values, an activation between each two."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, weights: list[Any], offsets: list[Any], activation: str, scaler: Any) -> None:
        super().__init__()
        self.activation = activation
        self.layers = nn.ModuleList()
        for weight, offset in zip(weights, offsets, strict=True):
            layer = nn.Conv2d(weight.shape[1], weight.shape[0], 1)
            layer.weight = nn.Parameter(torch.tensor(weight[:, :, None, None], dtype=torch.float32))
            layer.bias = nn.Parameter(torch.tensor(offset, dtype=torch.float32))
            self.layers.append(layer)
        bands = weights[0].shape[1]
        mean = np.zeros(bands) if scaler is None or scaler.mean_ is None else scaler.mean_
        deviation = np.ones(bands) if scaler is None or scaler.scale_ is None else scaler.scale_
        self.register_buffer("mean", torch.tensor(mean, dtype=torch.float32)[None, :, None, None])
        self.register_buffer("deviation", torch.tensor(deviation, dtype=torch.float32)[None, :, None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Map features [n, band, y, x] to logits [n, output, y, x]."""
        x = (x - self.mean) / self.deviation
        for number, layer in enumerate(self.layers):
            x = layer(_ACTIVATIONS[self.activation](x) if number else x)
        return x


_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda x: x,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


def _linear(estimator: Any, bands: int, scaler: Any) -> Carried:
    module = _Layers([estimator.coef_], [estimator.intercept_ * np.ones(len(estimator.coef_))], "identity", scaler)
    return Carried(module, "logits", tuple(estimator.classes_))


def _perceptron(estimator: Any, bands: int, scaler: Any) -> Carried:
    if estimator.out_activation_ == "logistic" and len(estimator.classes_) != 2:
        raise ExportError("cannot export MLPClassifier: it was fitted on several labels at once; fit one of them")
    module = _Layers([one.T for one in estimator.coefs_], estimator.intercepts_, estimator.activation, scaler)
    return Carried(module, "logits", tuple(estimator.classes_))


_BUILDERS: dict[str, Callable[[Any, int, Any], Carried]] = {
    **{
        f"{kind}{end}": _forest
        for kind in ("RandomForest", "ExtraTrees", "DecisionTree")
        for end in ("Classifier", "Regressor")
    },
    **{f"GradientBoosting{end}": _gradient for end in ("Classifier", "Regressor")},
    **{f"HistGradientBoosting{end}": _histogram for end in ("Classifier", "Regressor")},
    "LogisticRegression": _linear,
    "MLPClassifier": _perceptron,
}


# ---- The proof that it answers as scikit-learn does ----


def _check_equal(estimator: Any, found: Carried, bands: int) -> None:
    samples = _samples(found.module, bands)
    with torch.inference_mode():
        answers = found.module(torch.from_numpy(samples.T[None, :, :, None].copy()))[0, :, :, 0].double().T
    if found.output == "logits":
        answers = torch.sigmoid(answers) if answers.shape[1] == 1 else torch.softmax(answers, dim=1)
    own = answers.numpy()
    given = _named(estimator, samples)
    wanted = estimator.predict_proba(given) if found.classes else estimator.predict(given)[:, None]
    wanted = wanted[:, 1:] if own.shape[1] == 1 and wanted.shape[1] == 2 else wanted
    worst = float(np.abs(own - wanted).max() / max(1.0, np.abs(wanted).max()))
    if not worst <= _TOLERANCE:
        raise ExportError(
            f"cannot export {type(estimator).__name__}: read as layers it differs from scikit-learn by {worst:.2g}; "
            "please report it with the release of scikit-learn"
        )


def _named(estimator: Any, samples: NDArray[np.float32]) -> Any:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return samples
    import pandas as pd

    return pd.DataFrame(samples, columns=names)


def _samples(module: nn.Module, bands: int) -> NDArray[np.float32]:
    """Pixels [pixel, band] to compare on: around the thresholds and exactly on them, or about 0."""
    random = np.random.default_rng(0)
    drawn = random.normal(size=(_COMPARED, bands)).astype(np.float32)
    if not isinstance(module, Forest):
        return drawn
    for band in range(bands):
        edges = np.concatenate([_edges(part, band) for part in module.parts])
        if len(edges):
            near = random.choice(edges, _COMPARED)
            way = random.choice(np.array([-np.inf, np.inf], dtype=np.float32), _COMPARED)
            drawn[:, band] = np.where(random.random(_COMPARED) < 0.5, near, np.nextafter(near, way))
    return drawn


def _edges(part: Any, band: int) -> NDArray[np.float32]:
    asked = part.questions.which[:, band, 0, 0].numpy() > 0
    found: NDArray[np.float32] = part.questions.threshold[0, asked, 0, 0].numpy()
    return found

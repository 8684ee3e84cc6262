"""scikit-learn's estimators as torch modules: forests, boosted trees, and those that are layers in all but name.

Only what scikit-learn documents is read, and of histogram boosting what Treelite reads. Every module is compared with
the estimator's own prediction before it is used, also on values that lie exactly on a threshold.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from water_gee.errors import ExportError
from water_gee.export.carried import Carried, named
from water_gee.export.estimator_trees import forest, gradient, histogram
from water_gee.export.forests import Forest

_COMPARED = 1000  # pixels on which the module must answer as the estimator does
_TOLERANCE = 1e-5  # of the largest answer; single precision is some 1e-7 of it off


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
        f"{kind}{end}": forest
        for kind in ("RandomForest", "ExtraTrees", "DecisionTree")
        for end in ("Classifier", "Regressor")
    },
    **{f"GradientBoosting{end}": gradient for end in ("Classifier", "Regressor")},
    **{f"HistGradientBoosting{end}": histogram for end in ("Classifier", "Regressor")},
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
    given = named(estimator, samples)
    wanted = estimator.predict_proba(given) if found.classes else estimator.predict(given)[:, None]
    wanted = wanted[:, 1:] if own.shape[1] == 1 and wanted.shape[1] == 2 else wanted
    worst = float(np.abs(own - wanted).max() / max(1.0, np.abs(wanted).max()))
    if not worst <= _TOLERANCE:
        raise ExportError(
            f"cannot export {type(estimator).__name__}: read as layers it differs from scikit-learn by {worst:.2g}; "
            "please report it with the release of scikit-learn"
        )


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

"""How well a plain classifier predicts labels where it has not seen any: noise cannot be predicted."""

import warnings
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from water_gee.denoise.weighing import Sample

Float = NDArray[np.float64]
_FOLDS = 4
_LEAST = 50  # sampled pixels of either class, in the raw and in the clean labels
_ITERATIONS = 1000


def fold_errors(samples: Sequence[Sample]) -> tuple[float, float] | None:
    """Return the errors of the raw and of the clean labels out of sample, of the same pixels.

    Logistic regression learns each in turn from all folds but one and predicts the one left out. A fold is made of
    whole places, all years of a place together, so that no pixel is predicted from its neighbours. An error is the mean
    of the two classes' shares of wrong predictions: it does not depend on how much water there is, which a method may
    rightly multiply.

    Returns:
        The errors, or None where there are fewer than two places or either label has too few pixels of a class.
    """
    folds = _folds(samples)
    if len(folds) < 2:
        return None
    values, weight = np.concatenate([one.values for one in samples]), np.concatenate([one.weight for one in samples])
    labels = [np.concatenate([getattr(one, side) for one in samples]) == 1 for side in ("raw", "clean")]
    if any(min(label.sum(), (~label).sum()) < _LEAST for label in labels):
        return None
    scaled = (values - values.mean(axis=0)) / np.maximum(values.std(axis=0), 1e-6)
    fold = np.concatenate([np.full(len(one.raw), folds[one.place]) for one in samples])
    raw, clean = (_error(scaled.astype(np.float64), label, weight.astype(np.float64), fold) for label in labels)
    return raw, clean


def _folds(samples: Sequence[Sample]) -> dict[tuple[int, int], int]:
    """Return the fold of each place; places of much and of little water are spread over all folds."""
    water: dict[tuple[int, int], float] = {}
    for one in samples:
        water[one.place] = water.get(one.place, 0) + float(one.weight[one.raw == 1].sum())
    ordered = sorted(water, key=lambda place: (-water[place], place))
    return {place: number % _FOLDS for number, place in enumerate(ordered)}


def _error(values: Float, water: NDArray[np.bool_], weight: Float, fold: NDArray[np.int64]) -> float:
    """Return the mean of both classes' weighted shares of wrong predictions, each pixel's by the other folds."""
    guess = np.empty_like(water)
    for number in np.unique(fold):
        held = fold == number
        guess[held] = _predict(values[~held], water[~held], weight[~held], values[held])
    wrong = guess != water
    return float(np.mean([np.average(wrong[water == side], weights=weight[water == side]) for side in (True, False)]))


def _predict(values: Float, water: NDArray[np.bool_], weight: Float, unseen: Float) -> NDArray[np.bool_]:
    """Return what logistic regression, either class weighing the same, says of unseen pixels [pixel]."""
    if water.all() or not water.any():
        return np.full(len(unseen), water.all())
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression  # imported here: it takes a second

    balanced = weight / np.where(water, weight[water].sum(), weight[~water].sum()) * len(water) / 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # an answer that is nearly the best serves as well
        model = LogisticRegression(max_iter=_ITERATIONS).fit(values, water, sample_weight=balanced)
    return np.asarray(model.predict(unseen), dtype=bool)

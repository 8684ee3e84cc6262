"""A classifier of pixels for each fold, which has not seen the fold's blocks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Boolean = NDArray[np.bool_]
Float = NDArray[np.float32]
Integer = NDArray[np.int64]
_TREES, _LEAVES, _RATE, _L2 = 100, 31, 0.1, 1.0


@dataclass(frozen=True)
class CrossFitted:
    """Classifiers by fold, and the fold of each block; a block of which there was no sample counts as of fold 0."""

    models: tuple[Any, ...]
    fold_of: Mapping[int, int]

    def folds(self, where: Integer) -> Integer:
        """Return the fold of each pixel by its block."""
        names, place = np.unique(where, return_inverse=True)
        return np.array([self.fold_of.get(int(name), 0) for name in names], dtype=np.int64)[place]

    def chance(self, values: Float, where: Integer) -> Float:
        """Return the probability of water of each pixel by the classifier that has not seen its block.

        Args:
            values: [pixel, feature].
            where: the block of each pixel.
        """
        folds, chance = self.folds(where), np.empty(len(values), dtype=np.float32)
        for fold, model in enumerate(self.models):
            chosen = folds == fold
            if chosen.any():
                chance[chosen] = _predict(model, values[chosen])
        return chance


def cross_fit(values: Float, water: Boolean, where: Integer, fold_of: Mapping[int, int], seed: int) -> CrossFitted:
    """Return a classifier for each fold, fitted to the samples of all other folds.

    Args:
        values: [sample, feature].
        water: the label of each sample.
        where: the block of each sample.
        fold_of: the fold of each block.
        seed: of the classifiers.
    """
    folds = CrossFitted((), fold_of).folds(where)
    models = (_fit(values[folds != fold], water[folds != fold], seed) for fold in range(max(fold_of.values()) + 1))
    return CrossFitted(tuple(models), fold_of)


def _fit(values: Float, water: Boolean, seed: int) -> Any:
    """Return gradient-boosted trees; the probability itself where all samples are of one class."""
    if water.all() or not water.any():
        return float(water.all())
    from sklearn.ensemble import HistGradientBoostingClassifier  # imported here: it takes a second
    from threadpoolctl import threadpool_limits

    model = HistGradientBoostingClassifier(
        max_iter=_TREES, max_leaf_nodes=_LEAVES, learning_rate=_RATE, l2_regularization=_L2, early_stopping=False,
        random_state=seed % 2**32,
    )  # fmt: skip
    with threadpool_limits(limits=1, user_api="openmp"):  # one thread adds in the same order on every machine
        return model.fit(values, water)


def _predict(model: Any, values: Float) -> Float:
    if isinstance(model, float):
        return np.full(len(values), model, dtype=np.float32)
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="openmp"):
        return np.asarray(model.predict_proba(values)[:, 1], dtype=np.float32)

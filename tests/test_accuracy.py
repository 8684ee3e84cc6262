"""Measures of accuracy against scikit-learn, and where their denominators vanish."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from water_gee.accuracy import METRICS, Confusion


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), min_size=2, max_size=200))
def test_measures_are_those_of_scikit_learn(pixels):
    predicted, truth, valid = (np.array(column) for column in zip(*pixels, strict=True))
    confusion = Confusion.of(predicted, truth, valid)
    assert confusion.pixels == valid.sum()
    if not truth[valid].any() or truth[valid].all():
        return
    p, t = predicted[valid], truth[valid]
    measures = confusion.metrics()
    assert measures["iou"] == pytest.approx(sklearn_metrics.jaccard_score(t, p))
    assert measures["f1"] == pytest.approx(sklearn_metrics.f1_score(t, p, zero_division=0))
    assert measures["precision"] == pytest.approx(sklearn_metrics.precision_score(t, p, zero_division=0))
    assert measures["recall"] == pytest.approx(sklearn_metrics.recall_score(t, p))
    assert measures["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(t, p))
    assert measures["kappa"] == pytest.approx(sklearn_metrics.cohen_kappa_score(t, p), abs=1e-9)


def test_confusions_of_parts_add_up():
    random = np.random.default_rng(0)
    predicted, truth = random.random((2, 40, 40)) < 0.5
    whole = Confusion.of(predicted, truth)
    assert Confusion.of(predicted[:10], truth[:10]) + Confusion.of(predicted[10:], truth[10:]) == whole


@pytest.mark.parametrize("confusion", [Confusion(), Confusion(tn=9), Confusion(fn=3), Confusion(fp=3), Confusion(tp=4)])
def test_every_measure_is_a_number(confusion):
    assert all(np.isfinite(confusion.metrics()[name]) for name in METRICS)


def test_pixels_that_are_not_valid_do_not_count():
    truth = np.array([1, 0, 255, 255], dtype=np.uint8)
    assert Confusion.of([1, 1, 1, 0], truth, truth != 255) == Confusion(tp=1, fp=1)

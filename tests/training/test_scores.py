"""Histograms of margins give what the pixels themselves would give."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, log_loss

from water_gee.accuracy import Confusion
from water_gee.training.scores import THRESHOLDS, Scores


@pytest.fixture(scope="module")
def pixels():
    random = np.random.default_rng(0)
    water = random.random(20_000) < 0.2
    margin = random.normal(np.where(water, 3.0, -4.0), 3.0).astype(np.float32)
    return margin, water


def test_loss_and_average_precision_are_those_of_scikit_learn(pixels):
    margin, water = pixels
    scores = Scores.of(margin, water)
    probability = 1 / (1 + np.exp(-margin.astype(np.float64)))
    assert scores.loss() == pytest.approx(log_loss(water, probability), rel=1e-3)
    assert scores.average_precision() == pytest.approx(average_precision_score(water, margin), abs=1e-3)


def test_the_best_threshold_beats_every_other_on_the_pixels(pixels):
    margin, water = pixels
    temperature = 1.7
    threshold = Scores.of(margin, water).best_threshold(temperature)
    probability = 1 / (1 + np.exp(-margin / temperature))
    ious = {value: Confusion.of(probability >= value, water).iou for value in THRESHOLDS}
    assert ious[threshold] >= max(ious.values()) - 1e-3


def test_the_best_iou_is_the_best_f1(pixels):
    confusions = Scores.of(*pixels).confusions()
    assert np.argmax([one.iou for one in confusions]) == np.argmax([one.f1 for one in confusions])


def test_the_temperature_undoes_overconfidence(pixels):
    margin, _ = pixels
    random = np.random.default_rng(1)
    truth = random.random(len(margin)) < 1 / (1 + np.exp(-margin))
    assert Scores.of(2.5 * margin, truth).temperature() == pytest.approx(2.5, rel=0.05)


def test_scores_of_parts_add_up(pixels):
    margin, water = pixels
    whole = Scores.of(margin, water)
    parts = Scores.of(margin[:7000], water[:7000]) + Scores.of(margin[7000:], water[7000:])
    assert (parts.water == whole.water).all() and (parts.land == whole.land).all()


def test_margins_beyond_the_histogram_are_counted_at_its_ends():
    scores = Scores.of(np.array([-500.0, 500.0], dtype=np.float32), np.array([False, True]))
    assert scores.best() == Confusion(tp=1, tn=1)


def test_no_pixel_gives_numbers_and_not_nan():
    scores = Scores.none()
    assert scores.best().iou == 0.0 and scores.loss() == 0.0 and np.isfinite(scores.temperature())

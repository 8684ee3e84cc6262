"""Scores of pixels whose margins lie well inside their bins are exactly those of the pixels themselves."""

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from water_gee.accuracy import Confusion
from water_gee.training.scores import THRESHOLDS, Scores


def pixels(count=3000, seed=0):
    """Margins and classes; no margin lies within a bin of a hundredth's edge, whatever temperature the tests use."""
    random = np.random.default_rng(seed)
    water = random.random(count) < 0.3
    margin = random.normal(np.where(water, 2.0, -2.0), 2.0)
    for temperature in (1.0, 1.7):
        edges = np.log(np.arange(1, 100) / np.arange(99, 0, -1)) * temperature
        near = np.abs(margin[:, None] - edges).min(axis=1) < 0.011
        margin, water = margin[~near], water[~near]
    return margin.astype(np.float32), water


def probability(margin, temperature=1.0):
    return 1 / (1 + np.exp(-margin.astype(np.float64) / temperature))


@pytest.mark.parametrize("temperature", [1.0, 1.7])
def test_the_confusion_at_every_hundredth_is_that_of_the_pixels(temperature) -> None:
    margin, water = pixels()
    found = Scores.of(margin, water).confusions(temperature)
    by_hand = [Confusion.of(probability(margin, temperature) >= number / 100, water) for number in range(1, 100)]
    assert found == by_hand
    assert THRESHOLDS.tolist() == [number / 100 for number in range(1, 100)]


def test_without_a_temperature_it_is_one() -> None:
    margin, water = pixels()
    scores = Scores.of(margin, water)
    assert scores.confusions() == scores.confusions(1.0)
    assert scores.best_threshold() == scores.best_threshold(1.0) != scores.best_threshold(2.0)
    assert scores.loss() == scores.loss(1.0) != scores.loss(2.0)
    assert scores.best() == max(scores.confusions(), key=lambda one: one.iou)


def test_of_equally_good_thresholds_it_is_the_nearest_to_a_half() -> None:
    apart = Scores.of(np.array([-1.0, 3.0], np.float32), np.array([False, True]))  # probabilities 0.27 and 0.95
    assert apart.best_threshold() == 0.5
    high = Scores.of(np.array([1.0, 3.0], np.float32), np.array([False, True]))  # 0.73 and 0.95
    assert high.best_threshold() == 0.74
    low = Scores.of(np.array([-3.0, -1.0], np.float32), np.array([False, True]))  # 0.05 and 0.27
    assert low.best_threshold() == 0.26


@pytest.mark.parametrize("is_water", [True, False])
@pytest.mark.parametrize("margin", [-4.005, 0.505, 3.005])
def test_the_loss_of_one_pixel(margin, is_water) -> None:
    scores = Scores.of(np.array([margin], np.float32), np.array([is_water]))
    right = probability(np.array(margin if is_water else -margin), 2.0)
    assert scores.loss(2.0) == pytest.approx(-np.log(right), rel=1e-5)


def test_the_temperature_is_at_most_about_20_and_at_least_a_twentieth() -> None:
    margin = np.array([-5.0, 5.0] * 50, np.float32)
    assert Scores.of(margin, np.arange(100) % 4 < 2).temperature() == pytest.approx(
        np.exp(3), rel=0.01
    )  # no better than chance
    assert Scores.of(margin / 50, margin > 0).temperature() == pytest.approx(np.exp(-3), rel=0.01)


def test_precision_and_recall_from_the_highest_margin_down() -> None:
    margin, water = pixels()
    precision, recall = Scores.of(margin, water).precision_recall()
    assert (precision[0], recall[0], recall[-1]) == (1.0, 0.0, 1.0)
    bins = np.floor((margin.astype(np.float64) + 20) / 0.01)
    expected_precision, expected_recall, _ = precision_recall_curve(water, bins)
    known = set(zip(precision.round(9), recall.round(9), strict=True))
    assert set(zip(expected_precision.round(9), expected_recall.round(9), strict=True)) <= known


@pytest.mark.parametrize("bins", [4, 20])
def test_reliability_is_counted_by_steps_of_probability(bins) -> None:
    margin, water = pixels()
    margin = margin[:400]
    water = water[:400]
    centre = (np.floor((margin.astype(np.float64) + 20) / 0.01) + 0.5) * 0.01 - 20
    said = probability(centre, 1.7)
    mean, share, counted = Scores.of(margin, water).reliability(1.7, bins)
    for step in range(bins):
        here = (said >= step / bins) & (said < (step + 1) / bins)
        assert counted[step] == here.sum()
        assert mean[step] == pytest.approx(said[here].mean() if here.any() else 0)
        assert share[step] == pytest.approx(water[here].mean() if here.any() else 0)
    assert len(mean) == len(share) == len(counted) == bins


def test_reliability_has_twenty_steps_and_keeps_the_surest_pixels() -> None:
    mean, share, counted = Scores.of(np.array([60.0], np.float32), np.array([True])).reliability(0.05)
    assert len(counted) == 20 and counted[-1] == 1 and mean[-1] == pytest.approx(1) and share[-1] == 1

"""Baselines learn from the tiles that the networks learn from, and leave what a training leaves."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import settings as example
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from labelled import FEATURES, write_labelled_tiles
from water_gee.accuracy import Confusion
from water_gee.config.compose import compose
from water_gee.config.settings import load
from water_gee.denoise import read_clean, training_records
from water_gee.errors import ModelError
from water_gee.experiments.job import run_job
from water_gee.models import Standardise, TrainedModel, load_checkpoint, predict
from water_gee.paths import Layout
from water_gee.tiles import load_tile
from water_gee.tracking.database import connect
from water_gee.training import train, trees
from water_gee.training.baselines import Pixels, drawn_pixels, logistic, otsu, otsu_threshold
from water_gee.training.store import build_store
from water_gee.training.trees import as_tensors, boosted_trees

BASELINES = ("otsu", "cfmask", "logistic", "boosted")
QUICKER = {"boosted": ("model.trees=20", "model.leaves=7")}
EDGES = np.linspace(-1, 1, 2001)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("baselines")
    write_labelled_tiles(folder)
    return folder


def settings_of(root, model, *overrides):
    return load(compose([f"paths.root={root}", f"model={model}", *QUICKER.get(model, ()), *overrides]))


@pytest.fixture(scope="module")
def store(root, tmp_path_factory):
    layout = Layout(root)
    return build_store(layout, training_records(layout), FEATURES, 0, tmp_path_factory.mktemp("store"))


def with_lakes(store, threshold):
    """The same tiles with an MNDWI that lies around a threshold, as real water and land do."""
    random = np.random.default_rng(3)
    water = store.features[..., 0] < 0.17
    features = store.features.copy()
    mndwi = threshold + np.where(water, 0.3, -0.3) + random.normal(0, 0.08, water.shape)
    features[..., FEATURES.index("mndwi")] = np.where(np.isnan(features[..., 0]), np.nan, mndwi)
    return replace(store, features=features)


def brute_force(values):
    """The best variance between the two classes that any threshold makes of the values."""
    best = 0.0
    for threshold in np.unique(values)[:-1]:
        low, high = values[values <= threshold], values[values > threshold]
        best = max(best, len(low) * len(high) / len(values) ** 2 * (high.mean() - low.mean()) ** 2)
    return best


@example(deadline=None)
@given(arrays(np.int64, 2000, elements=st.integers(0, 9), fill=st.just(0)))
def test_no_threshold_divides_better_than_otsus(counts):
    values = np.repeat((EDGES[1:] + EDGES[:-1]) / 2, counts)
    if len(np.unique(values)) < 2:
        return
    threshold = otsu_threshold(counts)
    low, high = values[values < threshold], values[values > threshold]
    assert len(low) + len(high) == len(values)
    between = len(low) * len(high) / len(values) ** 2 * (high.mean() - low.mean()) ** 2
    assert between == pytest.approx(brute_force(values), rel=1e-9)


def test_otsu_finds_the_gap_and_is_certain_of_nothing_there(store):
    network = otsu(with_lakes(store, 0.12), range(4))
    mndwi = np.array([0.02, 0.12, 0.22], dtype=np.float32)
    image = np.zeros((8, 1, 3), dtype=np.float32)
    image[FEATURES.index("mndwi"), 0] = mndwi
    chance = predict(TrainedModel(network, "otsu", ()), image)[0]
    assert chance[0] < 0.3 and 0.4 < chance[1] < 0.6 and chance[2] > 0.7
    water_row = network.body.sum.weight.detach()[1, :, 0, 0]
    threshold = -network.body.sum.bias.detach()[1] / water_row[FEATURES.index("mndwi")]
    assert float(threshold) == pytest.approx(0.12, abs=0.01)
    image[FEATURES.index("mndwi"), 0] = float(threshold)
    np.testing.assert_allclose(predict(TrainedModel(network, "otsu", ()), image), 0.5, atol=1e-6)


def test_otsu_looks_at_no_label_and_at_no_masked_pixel(store):
    tiles = with_lakes(store, 0.0)
    blind = replace(tiles, labels=np.full_like(tiles.labels, 255))
    first, second = (otsu(one, range(4)).state_dict() for one in (tiles, blind))
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert all(torch.isfinite(value).all() for value in first.values())


def test_one_value_of_mndwi_everywhere_divides_nothing():
    counts = np.zeros(2000, dtype=np.int64)
    counts[1500] = 7
    assert -1 < otsu_threshold(counts) < 1


def some_pixels(count=4000, seed=0):
    random = np.random.default_rng(seed)
    values = random.normal(0.2, 0.1, (count, 5)).astype(np.float32)
    values[:, 1] = np.round(values[:, 1], 1)  # a band of few values
    values[:, 4] = 0.25  # and one of a single value
    water = values[:, 0] + values[:, 1] * values[:, 2] + random.normal(0, 0.02, count) < 0.2
    return Pixels(values, water, random.uniform(0.2, 1, count).astype(np.float32))


def answers(body, values):
    with torch.inference_mode():
        land, water = body(torch.from_numpy(np.ascontiguousarray(values.T))[None, :, :, None])[0, :, :, 0].numpy()
    return water - land


@pytest.mark.parametrize(("leaves", "count"), [(2, 3), (5, 40), (31, 60)])
def test_the_trees_are_scikit_learns(leaves, count):
    pixels = some_pixels()
    body = boosted_trees(pixels.values, pixels.water, pixels.weight, trees=count, leaves=leaves, lr=0.2, l2=0.5, seed=4)
    reference = HistGradientBoostingClassifier(
        max_iter=count, max_leaf_nodes=leaves, learning_rate=0.2, l2_regularization=0.5, early_stopping=False,
        random_state=4,
    ).fit(pixels.values, pixels.water, sample_weight=pixels.weight)  # fmt: skip
    new = some_pixels(seed=1).values
    on_the_edges = np.where(torch.isfinite(body.edges), body.edges, 0.0).T  # thresholds themselves, and just above
    beyond = np.array([[9.0] * 5, [-9.0] * 5])
    every = np.concatenate([new, on_the_edges, np.nextafter(on_the_edges, np.float32(2)), beyond]).astype(np.float32)
    np.testing.assert_allclose(answers(body, every), reference.decision_function(every), atol=1e-5)
    assert body.widths[:2] == (count, leaves)


def test_pixels_that_no_tree_can_divide_give_trees_of_one_leaf():
    values = np.full((400, 2), 0.25, dtype=np.float32)
    water = np.arange(400) % 4 == 0
    body = boosted_trees(values, water, np.ones(400, dtype=np.float32), trees=3, leaves=7, lr=0.1, l2=1.0, seed=0)
    np.testing.assert_allclose(answers(body, values[:2]), np.log(1 / 3), atol=1e-5)


def test_trees_that_are_kept_in_another_way_are_noticed(monkeypatch):
    pixels = some_pixels(500)

    def mistaken(nodes, bands, offset):
        body = as_tensors(nodes, bands, offset=offset)
        body.values[0] += torch.arange(len(body.values[0]))
        return body

    monkeypatch.setattr(trees, "as_tensors", mistaken)
    with pytest.raises(ModelError, match=r"differ from scikit-learn.*constraints\.txt"):
        boosted_trees(pixels.values, pixels.water, pixels.weight, trees=3, leaves=4, lr=0.1, l2=1.0, seed=0)


def test_logistic_regression_is_scikit_learns():
    pixels = some_pixels()
    mean, deviation = pixels.values.mean(axis=0), np.maximum(pixels.values.std(axis=0), 1e-3)
    network = logistic(pixels, list("abcde"), Standardise(mean.tolist(), deviation.tolist()), l2=0.5)
    scaled = ((pixels.values - mean) / deviation).astype(np.float64)
    reference = LogisticRegression(C=2.0, max_iter=1000).fit(scaled, pixels.water, sample_weight=pixels.weight)
    image = np.ascontiguousarray(pixels.values.T[:, None])
    chance = predict(TrainedModel(network, "logistic", ()), image)[0]
    np.testing.assert_allclose(chance, reference.predict_proba(scaled)[:, 1], atol=1e-4)


def test_pixels_are_drawn_as_an_epoch_draws_them(store, root):
    settings = settings_of(root, "logistic", "data.other_per_water=0.5", "data.least_other=10", "data.confidence=true")
    every = drawn_pixels(settings.data, settings.seed, store, range(5), 500_000)
    water = sum(store.water(tile) for tile in range(5))
    assert every.water.sum() == water and len(every.water) == pytest.approx(1.5 * water, abs=5)
    assert not np.isnan(every.values).any() and np.allclose(every.weight, 0.9)
    few = drawn_pixels(settings.data, settings.seed, store, range(5), 600)
    assert len(few.water) == pytest.approx(600, abs=5) and few.water.mean() == pytest.approx(2 / 3, abs=0.1)
    again = drawn_pixels(settings.data, settings.seed, store, range(5), 600)
    other = drawn_pixels(settings.data, 1, store, range(5), 600)
    np.testing.assert_array_equal(again.values, few.values)
    assert not np.array_equal(other.values, few.values)
    with pytest.raises(ModelError, match=r"model\.samples=1 leaves a class without a pixel"):
        drawn_pixels(settings.data, settings.seed, store, range(5), 1)


@pytest.fixture(scope="module")
def trained(root):
    """One run of each baseline."""
    done = {}
    for model in BASELINES:
        folder = root / "runs" / model
        folder.mkdir(parents=True)
        done[model] = folder, train(settings_of(root, model), folder)
    return done


@pytest.mark.parametrize("model", BASELINES)
def test_a_run_leaves_what_a_training_leaves_but_for_the_epochs(trained, model):
    folder, outcome = trained[model]
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    figures = ("confusion_matrix", "precision_recall", "calibration", "quicklook")
    assert files >= {
        "model.ckpt", "config.yaml", "metrics.json", "curves.csv", "validation_tiles.json",
        *(f"figures/{name}.png" for name in figures),
    }  # fmt: skip
    assert "figures/training_curves.png" not in files and (folder / "curves.csv").read_text(encoding="utf-8") == ""
    facts = outcome.facts
    assert (facts["epochs"], facts["feed"], "best_epoch" in facts) == (0, "none", False)
    most = 20 * (3 * 7 - 2)  # of 20 trees of 7 leaves
    low, high = {"otsu": (1, 1), "cfmask": (0, 0), "logistic": (9, 9), "boosted": (20, most)}[model]
    assert low <= facts["parameters"] <= high
    assert ("macs_per_pixel" in facts) == (model in ("otsu", "logistic"))


@pytest.mark.parametrize("model", BASELINES)
def test_its_metrics_are_those_of_the_saved_checkpoint(trained, root, model):
    folder, outcome = trained[model]
    saved, layout, total = load_checkpoint(folder / "model.ckpt"), Layout(root), Confusion()
    by_tile = json.loads((folder / "validation_tiles.json").read_text(encoding="utf-8"))
    for record in training_records(layout):
        if record.id in by_tile:
            tile = load_tile(layout, record)
            label = read_clean(layout, record).label[tile.core]
            water = predict(saved, tile.features)[tile.core] >= saved.threshold
            total += Confusion.of(water, label == 1, (label != 255) & tile.seen[tile.core])
    assert total.pixels > 0
    for name, value in total.metrics().items():
        assert outcome.metrics[name] == pytest.approx(value)


def test_what_learns_from_labels_learns_and_the_rules_choose_nothing(trained):
    for model in ("logistic", "boosted"):
        assert trained[model][1].metrics["iou"] > 0.95
    for model in ("otsu", "cfmask"):
        facts = trained[model][1].facts
        assert (facts["threshold"], facts["temperature"]) == (0.5, 1.0)


@pytest.mark.parametrize("model", ["logistic", "boosted"])
def test_the_same_seed_gives_the_same_numbers_and_another_seed_others(trained, root, model):
    def weights(folder):
        state = load_checkpoint(folder / "model.ckpt").network.state_dict()
        return {name: value.tolist() for name, value in state.items()}

    again, other = root / "runs" / f"{model}_again", root / "runs" / f"{model}_other"
    for folder, seed in ((again, 0), (other, 1)):
        folder.mkdir()
        train(settings_of(root, model, f"seed={seed}"), folder)
    assert weights(again) == weights(trained[model][0]) != weights(other)
    assert (again / "metrics.json").read_bytes() == (trained[model][0] / "metrics.json").read_bytes()


def test_a_feature_that_is_missing_is_named(root):
    for model, name in (("otsu", "mndwi"), ("cfmask", "nir")):
        names = ",".join(one for one in FEATURES if one != name)
        folder = root / "runs" / f"without_{name}"
        folder.mkdir()
        with pytest.raises(ModelError, match=rf"model={model} needs the feature {name}; add it to features\.names"):
            train(settings_of(root, model, f"features.names=[{names}]"), folder)


def test_a_baseline_is_a_run_in_mlflow_like_any_other(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    for model, short in (("cfmask", {"model": "cfmask"}), ("logistic", {"model": "logistic", "l2": "1"})):
        job = run_job(settings_of(tmp_path, model), [f"model={model}"])
        run = connect(layout).get_run(job.run_id)
        assert run.info.status == "FINISHED" and job.name == model
        assert run.data.metrics["valid/iou"] == pytest.approx(job.iou)
        assert short.items() <= run.data.params.items() and "widths" not in run.data.params

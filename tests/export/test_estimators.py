"""scikit-learn's trees and their like in Earth Engine: a map is the estimator's own prediction."""

import ee
import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from export import local
from water_gee.errors import ExportError
from water_gee.export import to_earth_engine
from water_gee.export.forests import TOGETHER, Tree, leaves_of, parts_of

NAMES = ["green", "nir", "swir1"]
RANDOM = np.random.default_rng(0)
# Few different values, so that many pixels lie exactly on a threshold where one is placed on a value.
PIXELS = (RANDOM.integers(-40, 40, (900, 3)) / np.array([37.0, 10.0, 7.0])).astype(np.float32)
WATER = (PIXELS[:, 0] - PIXELS[:, 1] * PIXELS[:, 2] / 4 + RANDOM.normal(0, 0.3, 900) > 0).astype(int)
THREE = np.where(WATER == 1, "water", np.where(PIXELS[:, 2] > 2, "snow", "land"))
CASES = {
    "random forest": (RandomForestClassifier(4, random_state=0), WATER, None, 1),
    "random forest of three classes": (RandomForestClassifier(3, max_depth=5, random_state=0), THREE, "water", 2),
    "extra trees": (ExtraTreesClassifier(3, max_leaf_nodes=20, random_state=0), WATER, 0, 0),
    "a tree": (DecisionTreeClassifier(max_depth=4), np.where(WATER == 1, "water", "land"), None, 1),
    "gradient boosting": (GradientBoostingClassifier(n_estimators=9, random_state=0), WATER, None, 1),
    "exponential boosting": (GradientBoostingClassifier(loss="exponential", n_estimators=5), WATER, None, 1),
    "gradient boosting of three": (GradientBoostingClassifier(n_estimators=4, init="zero"), THREE, "water", 2),
    "histogram boosting": (HistGradientBoostingClassifier(max_iter=5), WATER, None, 1),
    "histogram boosting of three": (HistGradientBoostingClassifier(max_iter=3), THREE, "land", 0),
    "logistic regression": (LogisticRegression(), WATER, None, 1),
    "logistic regression of three": (LogisticRegression(), THREE, "water", 2),
    "perceptron": (MLPClassifier((6, 5), max_iter=30, random_state=0), WATER, None, 1),
    "standardised perceptron": (make_pipeline(StandardScaler(), MLPClassifier(6, random_state=0)), THREE, "water", 2),
    "standardised forest": (make_pipeline(StandardScaler(), RandomForestClassifier(3, max_depth=6)), WATER, None, 1),
    "standardised boosting": (make_pipeline(StandardScaler(), HistGradientBoostingClassifier(max_iter=3)), WATER, 1, 1),
}  # fmt: skip
pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.usefixtures("ee_offline")]


def on_thresholds(estimator):
    """Fit it, and place every threshold of its trees on a value that pixels have."""
    for member in getattr(estimator, "estimators_", []):
        for tree in np.ravel(member):
            inner = tree.tree_.children_left >= 0
            values = PIXELS[:, tree.tree_.feature[inner]]
            nearest = np.abs(values - tree.tree_.threshold[inner]).argmin(axis=0)
            tree.tree_.threshold[inner] = values[nearest, np.arange(inner.sum())]
    return estimator


@pytest.mark.parametrize("case", CASES)
def test_its_map_is_its_own_prediction(case, tmp_path):
    estimator, labels, water, column = CASES[case]
    estimator = on_thresholds(estimator.fit(PIXELS, labels))
    exported = to_earth_engine(estimator, NAMES, water_class=water)
    image = PIXELS.T.reshape(3, 30, 30).copy()
    expected = estimator.predict_proba(PIXELS)[:, column].reshape(30, 30)
    image[:, 3, 4:9] = np.nan
    image[1, 5, 5] = np.nan
    local.write_features(tmp_path, image, NAMES)
    found = local.pixels(tmp_path, exported.image(ee.Image("features")), image.shape[1:])
    masked = np.isnan(image).any(axis=0)
    assert np.array_equal(np.isnan(found["probability"]), masked)
    np.testing.assert_allclose(found["probability"][~masked], expected[~masked], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found["water"][~masked] == 1, (expected.astype(np.float32) >= 0.5)[~masked])
    assert 0.02 < np.mean(expected > 0.5) < 0.98
    assert exported.check(image).equal


def test_no_value_of_a_large_tree_is_long_and_its_matrices_are_small():
    noise = np.random.default_rng(1).integers(0, 2, 900)
    tree = DecisionTreeClassifier().fit(PIXELS, noise)
    exported = to_earth_engine(tree, NAMES)
    leaves = tree.get_n_leaves()
    assert leaves > 3 * TOGETHER
    assert max(op["channels"] for op in exported.report["layers"]) <= 2 * TOGETHER
    assert exported.report["bytes"] < 300 * leaves < 2 * leaves**2
    found = exported.check(PIXELS.T.reshape(3, 30, 30))
    assert found.equal


def test_questions_about_missing_values_are_passed_over():
    tree = Tree(
        np.array([0, 1, 0]), np.array([np.inf, 0.5, -np.inf]), np.array([1, -1, -3]), np.array([-4, 2, -2]),
        np.array([[1.0], [2.0], [3.0], [4.0]]),
    )  # fmt: skip
    assert leaves_of(tree) == [(0, [(1, -1)]), (1, [(1, 1)])]
    stump = Tree(np.array([0]), np.array([np.inf]), np.array([-1]), np.array([-2]), np.array([[1.0], [2.0]]))
    (part,), constant = parts_of([tree, stump])
    assert part.path.tolist() == [[-1], [1]] and constant.tolist() == [1.0]


def test_what_it_says_of_a_forest():
    exported = to_earth_engine(RandomForestClassifier(40, max_leaf_nodes=31).fit(PIXELS, WATER), NAMES)
    assert exported.report["calls"] < 400 and exported.report["bytes"] < 400_000
    assert "probability of water" in exported.report["reading"]


def test_a_regressor_needs_what_its_number_means():
    forest = RandomForestRegressor(3, max_depth=4, random_state=0).fit(PIXELS, WATER.astype(float))
    with pytest.raises(ExportError, match="RandomForestRegressor predicts a number; give output='probability'"):
        to_earth_engine(forest, NAMES)
    assert to_earth_engine(forest, NAMES, output="probability").check(PIXELS.T.reshape(3, 30, 30)).equal


def refused(message, estimator, bands=NAMES, **options):
    with pytest.raises(ExportError, match=message) as caught:
        to_earth_engine(estimator, bands, **options)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_carried_is_refused_in_one_line():
    import pandas as pd

    table = pd.DataFrame(PIXELS, columns=NAMES)
    small = {"max_depth": 2}
    refused("RandomForestClassifier: it is not fitted; call fit", RandomForestClassifier())
    refused("cannot export SVC: it is not supported; use one of .*RandomForest", SVC().fit(PIXELS, WATER))
    refused(
        "fitted on 3 features, and there are 2 bands", DecisionTreeClassifier(**small).fit(PIXELS, WATER), ["a", "b"]
    )
    refused("features green, nir, swir1 and the bands are nir", DecisionTreeClassifier(**small).fit(table, WATER),
            ["nir", "green", "swir1"])  # fmt: skip
    refused("name the class that is water: .* land, snow, water", DecisionTreeClassifier(**small).fit(PIXELS, THREE))
    refused("water_class='sea' is no class", DecisionTreeClassifier(**small).fit(PIXELS, THREE), water_class="sea")
    refused("Pipeline of MinMaxScaler", make_pipeline(MinMaxScaler(), LogisticRegression()).fit(PIXELS, WATER))
    refused(
        "gives a probability; leave output out", DecisionTreeClassifier(**small).fit(PIXELS, WATER), output="logits"
    )
    refused("fit a Pipeline of StandardScaler", DecisionTreeClassifier(**small).fit(PIXELS, WATER),
            standardisation=([0.0] * 3, [1.0] * 3))  # fmt: skip
    begun = GradientBoostingClassifier(n_estimators=2, init=LogisticRegression()).fit(PIXELS, WATER)
    refused("it begins from LogisticRegression, not a constant", begun)
    named = HistGradientBoostingClassifier(max_iter=2, categorical_features=[0]).fit(np.abs(PIXELS // 1), WATER)
    refused("it has categorical features", named)
    two = DecisionTreeClassifier(**small).fit(PIXELS, np.stack([WATER, 1 - WATER], axis=1))
    refused("it has several outputs", two)
    refused("no tree asks a question", DecisionTreeClassifier().fit(PIXELS, 0 * WATER))
    constant = DummyClassifier().fit(PIXELS, WATER)
    refused("cannot export DummyClassifier", constant)


def test_a_forest_that_no_request_holds_is_refused_with_the_remedy(monkeypatch):
    monkeypatch.setattr("water_gee.export.forests._MOST_BYTES", 10_000)
    refused("fit them with max_leaf_nodes or max_depth", RandomForestClassifier(4).fit(PIXELS, WATER))

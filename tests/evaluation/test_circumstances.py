"""Circumstances by hand on small references, and the calibration of probabilities."""

from dataclasses import dataclass

import numpy as np
import pytest

import finished
from water_gee.evaluation import EvaluationArea
from water_gee.evaluation import assess as assess_area
from water_gee.evaluation.circumstances import SMALL, shapes
from water_gee.evaluation.reliability import Reliability
from water_gee.study import Tile, Window

REFERENCE = "study.references={truth: 'reference/water_{year}_*.tif'}"


def test_shores_small_bodies_and_narrow_waters() -> None:
    reference = np.zeros((80, 80), np.uint8)
    reference[40:60, 10:40] = 1  # a lake
    reference[20:23, :] = 1  # a river of 3 pixels, from edge to edge
    reference[5:10, 60:70] = 1  # a pond of 50 pixels
    reference[70:80, 70:80] = 1  # a body of 100 pixels that may go on outside
    reference[64:69, 10:12] = 255
    reference[66:69, 30:36] = 1  # the end of a lake that clouds hide
    reference[69:73, 29:38] = 255
    found = shapes(reference)
    assert found["shore"][20, 30] and found["shore"][18, 30] and not found["shore"][17, 30]
    assert not found["interior"][66, 10] and not found["shore"][66, 10], "unknown is nothing"
    assert found["interior"][66, 14] and not found["interior"][66, 13] and not found["shore"][66, 13], "beside it"
    assert found["interior"][50, 20] and not found["shore"][50, 20] and found["shore"][41, 20]
    small = np.zeros_like(found["small"])
    small[3:12, 58:72] = True
    np.testing.assert_array_equal(found["small"], small)
    assert found["narrow"][18:25, 5:75].all() and not found["narrow"][17].any() and not found["narrow"][50, 20]
    assert not found["narrow"][5:10, 60:70].any(), "what is small is not narrow as well"
    assert not found["narrow"][64:69, 28:38].any(), "nor is what may go on where nothing is known"
    assert SMALL == 100


def test_every_pixel_that_counts_is_shore_or_off_it(tmp_path, settings) -> None:
    finished.write_root(tmp_path)
    assessment = assess_area(EvaluationArea.of(settings(REFERENCE, "study.years=[2020]", "evaluate.resamples=100",
                                                        "evaluate.block=32")))  # fmt: skip
    rows = {row["circumstance"]: row for row in assessment.details["circumstances"]}
    metrics = assessment.metrics["truth"]["model"]
    assert rows["shore"]["pixels"] + rows["interior"]["pixels"] == metrics["pixels"]
    wrong = sum(rows[name]["pixels"] * rows[name]["model"]["wrong"] for name in ("shore", "interior"))
    assert wrong == pytest.approx((1 - metrics["accuracy"]) * metrics["pixels"])
    for row in rows.values():
        for name in ("iou", "users", "producers"):
            if row["model"][name] is not None:
                assert row["model"][f"{name}_low"] <= row["model"][name] <= row["model"][f"{name}_high"]
    assert "slope" not in rows and "shadow" not in rows, "these tiles do not tell it"
    bins = assessment.details["reliability"]["bins"]
    assert sum(one["pixels"] for one in bins) == metrics["pixels"]


@dataclass
class View:
    """As much of a tile's view as the calibration reads."""

    probability: np.ndarray
    references: dict[str, np.ndarray]

    @property
    def clear(self) -> np.ndarray:
        return ~np.isnan(self.probability)

    @property
    def record(self) -> "View":
        return self

    @property
    def tile(self) -> "View":
        return self

    @property
    def window(self) -> Window:
        return Tile("a", 2020, 0, 0, self.probability.shape[0], 0).window


def test_a_calibrated_probability_has_no_error_and_a_doubled_one_has() -> None:
    random = np.random.default_rng(0)
    chance = random.random((256, 256)).astype(np.float32)
    truth = (random.random(chance.shape) < chance).astype(np.uint8)
    chance[:3], truth[5] = np.nan, 255
    good, bad = Reliability("truth", 32), Reliability("truth", 32)
    good.add(View(chance, {"truth": truth}))
    bad.add(View(np.minimum(1, 2 * chance), {"truth": truth}))
    found, worse = (one.table(resamples=200, seed=0) for one in (good, bad))
    assert found["ece"] < 0.015 and worse["ece"] > 0.2
    assert len(found["bins"]) == 20 and sum(one["pixels"] for one in found["bins"]) == 252 * 256
    for one in found["bins"]:
        assert one["from"] <= one["probability"] <= one["to"] and one["water_low"] <= one["water"] <= one["water_high"]
    known = ~np.isnan(chance) & (truth != 255)
    assert found["brier"] == pytest.approx(((chance - truth)[known] ** 2).mean(), rel=1e-5)
    assert Reliability("truth", 32).table(resamples=10, seed=0) == {}

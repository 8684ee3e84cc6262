"""Labelled points, circumstances and calibration on the page, and in files."""

import csv

import pytest

import finished
from survey.conftest import FEW, guess, true_labels, write_labels, write_map
from water_gee.errors import WaterGeeError
from water_gee.report.stage import run
from water_gee.sealed import read_sealed
from water_gee.survey.imagery import Imagery
from water_gee.survey.stage import run as sample

CHOICE = ("study.references={truth: 'reference/water_{year}_*.tif'}", "study.years=[2020]", "evaluate.resamples=100",
          "evaluate.block=32", "earth.catalog=catalog")  # fmt: skip


def test_evaluate_takes_labelled_points_back(tmp_path, settings, monkeypatch, capsys) -> None:
    monkeypatch.setattr(Imagery, "current", lambda _, records: list(records))  # no scene was ever in these tiles
    finished.write_root(tmp_path)
    write_map(tmp_path, guess())
    sample(settings(*FEW))
    path = write_labels(tmp_path / "labels.geojson", true_labels(tmp_path))
    run(settings(*CHOICE, "evaluate.points=labels.geojson"))
    details = read_sealed(tmp_path / "reports" / "details.json", "")
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    found = details["survey"]
    assert "Accuracy and area by labelled points" in page and "40 of 40 points of the map of 2020" in page
    assert f"Overall accuracy {found['overall']['value']:.4f}" in page
    assert "Where the map is good" in page and "Reliability diagram" in page
    table = tmp_path / "reports" / "plots" / "estimates.csv"
    rows = {(row["measure"], row["class"]): row for row in csv.DictReader(table.open(encoding="utf-8"))}
    assert float(rows["area_km2", "water"]["value"]) == pytest.approx(
        found["classes"]["water"]["area_km2"]["value"], abs=1e-6
    )
    run(settings(*CHOICE))
    assert not table.exists() and "survey" not in read_sealed(tmp_path / "reports" / "details.json", "")
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf-8")
    assert "Accuracy and area by labelled points" not in page
    write_labels(path, {"abcdef-01": "water"})
    with pytest.raises(WaterGeeError, match="does not know"):
        run(settings(*CHOICE, "evaluate.points=labels.geojson"))
    finished.checkpoint(tmp_path, seed=3)
    with pytest.raises(WaterGeeError, match=r"are not of the selected model.*water-gee predict"):
        run(settings(*CHOICE, "evaluate.points=labels.geojson"))

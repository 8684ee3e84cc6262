"""Labels taken back: what they say of the map, and what is refused."""

import json

import numpy as np
import pytest

from survey.conftest import FEW, guess, layout, survey_json, true_labels, truth, write_labels, write_map
from survey.test_sample import execute
from water_gee.errors import WaterGeeError
from water_gee.survey import assess_points, estimate
from water_gee.survey.stage import run


def by_hand(root, labels: dict[str, str], mapped: np.ndarray):
    """Estimates from the counts of the points, without what reads them."""
    survey = survey_json(root)
    names = [one["name"] for one in survey["strata"]]
    counts = np.zeros((len(names), 2, 2), int)
    for one in survey["points"]:
        if labels.get(one["id"]) in ("water", "land"):
            counts[
                names.index(one["stratum"]), int(mapped[one["row"], one["column"]]), int(labels[one["id"]] == "water")
            ] += 1
    sizes = [one["area_m2"] for one in survey["strata"]]
    return estimate(counts, sizes, [one["pixels"] for one in survey["strata"]])


def test_the_map_that_was_sampled(sampled) -> None:
    labels = true_labels(sampled)
    found = assess_points(layout(sampled), str(write_labels(sampled / "labels.geojson", labels)))
    expected = by_hand(sampled, labels, guess() >= 0.5)
    assert found["map"] == "sampled" and found["counts"]["labelled"] == 40 and "if_unsure" not in found
    assert found["overall"]["value"] == pytest.approx(float(expected.overall.value))
    water = found["classes"]["water"]
    for name, measure in (("users", expected.users), ("producers", expected.producers), ("iou", expected.iou)):
        assert water[name]["value"] == pytest.approx(measure.value[1])
        assert water[name]["low"] == pytest.approx(measure.low[1])
    assert water["area_km2"]["value"] == pytest.approx(expected.area.value[1] / 1e6)
    seen = ~np.isnan(guess())
    assert water["mapped_km2"] == pytest.approx((guess() >= 0.5).sum() * 0.0009, rel=0.006)
    assert found["total_km2"] == pytest.approx(seen.sum() * 0.0009, rel=0.006)
    json.dumps(found, allow_nan=False)


def test_a_map_of_later_is_judged_by_the_strata_of_then(sampled, capsys) -> None:
    labels = true_labels(sampled)
    path = write_labels(sampled / "labels.geojson", labels)
    later = np.where(truth(), 0.99, 0.01)
    write_map(sampled, later)
    found = assess_points(layout(sampled), str(path))
    assert found["map"] == "another" and found["overall"]["value"] == 1 and 0.5 < found["overall"]["low"] < 1
    assert "drawn from another map of 2020" in capsys.readouterr().err
    assert found["classes"]["water"]["mapped_km2"] == pytest.approx(truth().sum() * 0.0009, rel=0.006), "area.csv"
    later[:, :64] = np.nan
    write_map(sampled, later)
    hidden = sum(one["column"] < 64 for one in survey_json(sampled)["points"])
    found = assess_points(layout(sampled), str(path))
    assert found["counts"]["not_shown"] == hidden > 0 and found["counts"]["labelled"] == 40 - hidden


def test_open_and_doubtful_points_are_counted_and_left_out(sampled, capsys) -> None:
    labels = true_labels(sampled)
    names = list(labels)
    partly = {**labels, **dict.fromkeys(names[:3], "unsure"), names[3]: None, names[4]: " Water ", names[5]: ""}
    del partly[names[6]]
    labels[names[4]] = "water"
    found = assess_points(layout(sampled), str(write_labels(sampled / "labels.geojson", partly)))
    assert found["counts"] == {"points": 40, "labelled": 34, "unsure": 3, "unlabelled": 3, "not_shown": 0}
    kept = {name: label for name, label in labels.items() if name not in {*names[:4], names[5], names[6]}}
    assert found["overall"]["value"] == pytest.approx(float(by_hand(sampled, kept, guess() >= 0.5).overall.value))
    assert 0 < found["if_unsure"]["wrong"] < found["if_unsure"]["right"] <= 1
    assert "34 of 40 points count (3 not sure of, 3 not labelled)" in capsys.readouterr().err


def test_labels_in_the_geopackage(sampled) -> None:
    path = sampled / "survey" / "points.gpkg"
    for name, label in true_labels(sampled).items():
        execute(path, f'UPDATE points SET label = "{label}" WHERE id = "{name}"')
    found = assess_points(layout(sampled), "survey/points.gpkg")
    same = assess_points(layout(sampled), str(write_labels(sampled / "labels.geojson", true_labels(sampled))))
    assert found["overall"] == same["overall"] and found["classes"] == same["classes"]


def test_a_stratum_with_hardly_a_label_is_merged_or_refused(sampled, capsys) -> None:
    points = survey_json(sampled)["points"]
    labels = true_labels(sampled)
    sure = [one["id"] for one in points if one["stratum"] == "water"]
    path = write_labels(sampled / "labels.geojson", {**labels, **dict.fromkeys(sure[1:], None)})
    found = assess_points(layout(sampled), str(path))
    assert found["merged"] == ["water into water_doubtful"] and "which is merged: water into" in capsys.readouterr().err
    land = [one["id"] for one in points if one["stratum"].startswith("land")]
    write_labels(path, {**labels, **dict.fromkeys(land[1:], None)})
    with pytest.raises(WaterGeeError, match=r"hardly a point of the stratum land\w* is labelled"):
        assess_points(layout(sampled), str(path))


def test_files_that_are_not_of_this_survey_are_refused(sampled, settings) -> None:
    labels = true_labels(sampled)
    names = list(labels)
    path = sampled / "labels.geojson"

    def refused(match: str) -> None:
        with pytest.raises(WaterGeeError, match=match):
            assess_points(layout(sampled), str(path))

    refused("labels.geojson does not exist")
    path.write_text("{}", encoding="utf-8")
    refused("cannot be read")
    write_labels(path, {**labels, "abcdef-01": "water"})
    refused(r"points that survey \w+ does not know \(abcdef-01\)")
    write_labels(path, {**labels, names[0]: "lake", names[1]: "7"})
    refused(rf"labels that are none \({names[0]}: lake, {names[1]}: 7\); write water, land, unsure")
    content = json.loads(write_labels(path, labels).read_text(encoding="utf-8"))
    content["features"].append(content["features"][0])
    path.write_text(json.dumps(content), encoding="utf-8")
    refused(rf"holds points twice \({names[0]}\)")
    for feature in content["features"][:-1]:
        feature["properties"] = {"name": feature["properties"]["id"]}
    path.write_text(json.dumps(content), encoding="utf-8")
    refused("has no column id and no column label")
    run(settings(*FEW, "seed=5", "sample.replace=true"))
    write_labels(path, labels)
    refused("does not know")
    (sampled / "survey" / "survey.json").write_text("{}", encoding="utf-8")
    refused("was changed since it was written")


def test_without_a_survey_or_a_map_of_its_year(sampled, mapped_root) -> None:
    path = write_labels(sampled / "labels.geojson", true_labels(sampled))
    with pytest.raises(WaterGeeError, match="there is no survey"):
        assess_points(layout(mapped_root), str(path))
    for one in (sampled / "maps").iterdir():
        if one.is_file():
            one.unlink()
    with pytest.raises(WaterGeeError, match="of 2020, of which there is no map"):
        assess_points(layout(sampled), str(path))

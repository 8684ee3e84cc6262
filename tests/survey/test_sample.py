"""`water-gee sample`: what is written, what is not told, and that no label is lost."""

import re
import shutil
import sqlite3
from contextlib import closing
from xml.etree import ElementTree

import numpy as np
import pyogrio
import pytest
import rasterio

import finished
from survey.conftest import FEW, guess, layout, survey_json, truth, write_map
from water_gee.errors import ConfigError, WaterGeeError
from water_gee.sealed import read_sealed, write_sealed
from water_gee.survey import composites as composites_module
from water_gee.survey.composites import BANDS, Composites
from water_gee.survey.stage import run

LABEL = 'UPDATE points SET label = "water" WHERE fid = 1'


def execute(path, text: str) -> None:
    with closing(sqlite3.connect(path)) as file, file:
        file.create_function("ST_IsEmpty", 1, lambda one: 0)
        for part in ("MinX", "MaxX", "MinY", "MaxY"):
            file.create_function(f"ST_{part}", 1, lambda one: 0.0)
        file.execute(text.replace('"', "'"))


def test_points_are_pixels_of_the_map_each_in_its_stratum(sampled) -> None:
    survey = read_sealed(sampled / "survey" / "survey.json", "", study="tiny")
    points, strata = survey["points"], {one["name"]: one for one in survey["strata"]}
    assert len(points) == len({(one["row"], one["column"]) for one in points}) == 40
    assert {one["id"] for one in points} == {f"{survey['mark']}-{number:02d}" for number in range(1, 41)}
    with rasterio.open(sampled / "maps" / "2020" / "water.tif") as file:
        water = file.read(1)
        assert sum(one["pixels"] for one in strata.values()) == (water != 255).sum()
        for one in points:
            assert file.index(one["x"], one["y"]) == (one["row"], one["column"])
            assert water[one["row"], one["column"]] == strata[one["stratum"]]["water"]
    assert [one["points"] for one in strata.values()] == [
        sum(point["stratum"] == name for point in points) for name in strata
    ]
    first = [one["stratum"] for one in points[:20]]
    assert len(set(first)) == len(strata), "the order of the points tells nothing of their strata"


def test_the_geopackage_has_empty_labels_and_a_form_for_them(sampled) -> None:
    path = sampled / "survey" / "points.gpkg"
    meta, _, shapes, values = pyogrio.raw.read(path, layer="points")
    assert meta["fields"].tolist() == ["id", "label", "longitude", "latitude"] and meta["crs"] == "EPSG:32648"
    assert all(one is None for one in values[1]) and len(shapes) == 40
    assert sorted(values[0]) == [one["id"] for one in survey_json(sampled)["points"]]
    with closing(sqlite3.connect(path)) as file:
        table, default, text = file.execute("SELECT f_table_name, useAsDefault, styleQML FROM layer_styles").fetchone()
        listed = dict(file.execute("SELECT table_name, data_type FROM gpkg_contents"))
    assert (table, default, listed["layer_styles"]) == ("points", 1, "attributes")
    style = ElementTree.fromstring(text)
    widget = style.find("fieldConfiguration/field[@name='label']/editWidget")
    assert widget.get("type") == "ValueMap"
    assert [one.get("value") for one in widget.iter("Option") if one.get("value")] == ["water", "land", "unsure"]
    assert {one.get("name"): one.get("editable") for one in style.iter("field") if one.get("editable")} == {
        "id": "0", "label": "1", "longitude": "0", "latitude": "0"
    }  # fmt: skip


def test_nothing_that_a_labeller_opens_tells_what_the_map_says(sampled) -> None:
    page = (sampled / "survey" / "label.html").read_text(encoding="utf-8")
    points = sampled / "survey" / "points.gpkg"
    assert len(re.findall("data:image/webp", page)) == 4 * 40
    assert "_doubtful" not in page and '"stratum"' not in page and b"doubtful" not in points.read_bytes()
    assert not re.findall(r"(?:src|href)=\"(?!data:)|https?://", page), "it needs no network"


def test_drawn_again_it_is_the_same_and_labels_stay(sampled, settings) -> None:
    files = {path.name: path.read_bytes() for path in (sampled / "survey").iterdir()}
    points = sampled / "survey" / "points.gpkg"
    shutil.rmtree(sampled / "survey")
    run(settings(*FEW))
    assert {path.name: path.read_bytes() for path in (sampled / "survey").iterdir()} == files
    execute(points, LABEL)
    labelled = points.read_bytes()
    run(settings(*FEW))
    assert points.read_bytes() == labelled != files["points.gpkg"]


def test_another_survey_is_not_overwritten_and_put_aside_when_asked(sampled, settings) -> None:
    mark = survey_json(sampled)["mark"]
    execute(sampled / "survey" / "points.gpkg", LABEL)
    labelled = (sampled / "survey" / "points.gpkg").read_bytes()
    for other in (["seed=5"], ["sample.points=41"]):
        with pytest.raises(
            WaterGeeError, match=f"holds the survey {mark} of another map or design.*sample.replace=true"
        ):
            run(settings(*FEW, *other))
    assert survey_json(sampled)["mark"] == mark
    run(settings(*FEW, "seed=5", "sample.replace=true"))
    aside = sampled / "survey" / "replaced" / mark
    assert (aside / "points.gpkg").read_bytes() == labelled and (aside / "label.html").is_file()
    assert survey_json(sampled)["mark"] != mark
    (sampled / "survey" / "survey.json").unlink()
    with pytest.raises(WaterGeeError, match="holds the survey"):
        run(settings(*FEW))


def test_a_new_map_makes_another_survey(sampled, settings) -> None:
    write_map(sampled, guess(seed=1))
    with pytest.raises(WaterGeeError, match="of another map or design"):
        run(settings(*FEW))


def test_what_cannot_be_sampled_is_said_in_one_line(mapped, settings) -> None:
    with pytest.raises(WaterGeeError, match=r"sample\.year=2019 is not mapped; choose from 2020"):
        run(settings(*FEW, "sample.year=2019"))
    with pytest.raises(ConfigError, match=r"sample\.points=8 is less than the minimums"):
        run(settings(*FEW, "sample.points=8"))
    report = mapped / "maps" / "maps.json"
    write_sealed(report, {**read_sealed(report, ""), "months": "3-5"})
    with pytest.raises(WaterGeeError, match=r"the maps are of the months 3-5 and the settings of .*water-gee predict"):
        run(settings(*FEW))
    assert not (mapped / "survey").exists()
    shutil.rmtree(mapped / "maps")
    with pytest.raises(WaterGeeError, match=r"there is no map.*water-gee predict"):
        run(settings(*FEW))


def test_pictures_show_the_point_in_their_middle(mapped, monkeypatch) -> None:
    """Composites come from tiles, across their borders; what no tile holds is fetched."""
    asked = []

    def fetched(window):
        asked.append(window)
        return np.zeros((len(BANDS), window.height, window.width), np.float32)

    monkeypatch.setattr(composites_module, "_HELD", 1)
    found = Composites(layout(mapped), 2020, finished.GRID, fetched, list)
    whole, content = finished.LATTICE, finished.land()
    view = found(whole)
    margin = finished.MARGIN
    expected = [finished.FEATURES.index(name) for name in BANDS]
    np.testing.assert_array_equal(view, content["features"][expected, margin:-margin, margin:-margin])
    beyond = found(type(whole)(whole.left - 5, whole.top, 11, 11))
    assert np.isnan(beyond[:, :, :5]).all() and not asked
    found(type(whole)(whole.left - 500, whole.top, 11, 11))
    assert len(asked) == 1
    assert Composites(layout(mapped), 2020, finished.GRID, fetched, lambda _: [])(whole).max() == 0, "none is today's"
    assert Composites(layout(mapped), 2019, finished.GRID, fetched, list)(whole).max() == 0, "of another year"
    assert truth().shape == view.shape[1:]

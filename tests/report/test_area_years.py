"""Years that were not seen, and maps of other seasons, are never shown as something else."""

import json
from contextlib import contextmanager
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

import explored
import finished
from water_gee.amounts import km2
from water_gee.paths import Layout
from water_gee.report import artifacts, charts
from water_gee.report.area_years import is_complete, is_seen, unseen_share
from water_gee.report.atlas import explorer
from water_gee.report.products import _cells
from water_gee.report.stage import _card_of_water


def row(year: int, water: float, land: float, unseen: float, low: float = 0, high: float = 0) -> dict[str, str]:
    """A row of `area.csv`, in km2."""
    values = {"water": water, "land": land, "unseen": unseen, "water_low": low, "water_high": high}
    return {"year": str(year), "area": "map", **{f"{name}_km2": f"{value:.6f}" for name, value in values.items()}}


WHOLE, PART, NONE = row(2018, 10, 85, 5, 9, 12), row(2019, 4, 36, 60, 3, 30), row(2020, 0, 0, 100)


def test_what_was_seen_of_a_year() -> None:
    assert [is_seen(one) for one in (WHOLE, PART, NONE)] == [True, True, False]
    assert [unseen_share(one) for one in (WHOLE, PART, NONE)] == pytest.approx([0.05, 0.6, 1])
    assert [is_complete(one) for one in (WHOLE, PART, NONE)] == [True, False, False]


def test_the_number_at_the_top_says_what_was_not_seen() -> None:
    assert _card_of_water(WHOLE).text == "water mapped in 2018; 9.0 to 12 with 95 %"
    assert _card_of_water(PART).text.endswith("; 60% of the area was not seen")
    assert _card_of_water(NONE).value == "not seen"


def test_the_water_of_a_small_area_is_not_told_as_none() -> None:
    pond = row(2020, 0.0421, 0.3, 0, 0.039, 0.0452)
    card = _card_of_water(pond)
    assert (card.value, card.text) == ("0.042 km²", "water mapped in 2020; 0.039 to 0.045 with 95 %")
    assert [cell.text for cell in _cells(pond)] == ["0.042", "0.30", "0.0"]
    assert [km2(one) for one in (386.94, 1_927.3, 4, 0.4, 2e-7, 0)] == [
        "386.9",
        "1,927.3",
        "4.0",
        "0.40",
        "0.000000",
        "0.0",
    ]


def test_table_and_map_have_no_area_of_a_year_that_was_not_seen() -> None:
    assert [[cell.text for cell in _cells(one)] for one in (PART, NONE)] == [
        ["4.0", "36.0", "60.0"],
        ["-", "-", "100.0"],
    ]
    found = json.loads(explorer(explored.FRAME, explored.layers(), {}, [WHOLE, PART, NONE], []).data)["areas"]
    assert [one["water"] for one in found] == [10, 4, None] and found[2]["water_high"] is None
    assert [one["complete"] for one in found] == [True, False, False]


def test_the_chart_holds_the_whole_interval(tmp_path, monkeypatch) -> None:
    figures = []

    @contextmanager
    def drawing(*_):
        figures.append(Figure())
        yield figures[0]

    monkeypatch.setattr(charts, "drawing", drawing)
    charts.area(tmp_path / "a.png", [WHOLE, PART, NONE])
    axis = figures[0].axes[0]
    assert axis.get_xlim()[1] > 30
    assert [one.get_text() for one in axis.texts] == ["10.0 km², 5.0 not seen", "4.0 km², 60.0 not seen", "not seen"]


def test_maps_of_another_season_or_sensor_are_not_those_of_the_page(tmp_path) -> None:
    finished.write_root(tmp_path)
    finished.add_products(tmp_path)
    made = replace(artifacts.products(Layout(tmp_path, "tiny")), areas=[WHOLE])
    made = replace(made, maps={**(made.maps or {}), "months": "6-8", "sensor": "landsat8"})
    assert artifacts.of_season(made, (6, 8), "landsat8") == made
    for months, sensor, told in (
        ((3, 5), "landsat8", "the months 6-8, not 3-5"),
        ((6, 8), "hls", "the sensor landsat8"),
    ):
        found = artifacts.of_season(made, months, sensor)
        assert found.maps is None and not found.areas and told in found.stale[-1]

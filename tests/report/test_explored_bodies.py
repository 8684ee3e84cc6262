"""The water bodies on the page's map: which are shown, and what is said of their change."""

from dataclasses import replace

import pytest

import explored
from water_gee.report.atlas.bodies import bodies_data, bodies_of, most_changed, shown


def rows(name: str, *years: tuple[int, str, str, str, str]) -> list[dict[str, str]]:
    keys = ("area_km2", "low_km2", "high_km2", "unseen_share")
    return [
        {"id": name, "name": "", "kind": "lake", "year": str(year), "complete": str(int(float(values[3]) <= 0.05)),
         **dict(zip(keys, values, strict=True))}
        for year, *values in years
    ]  # fmt: skip


def test_a_bodys_change_is_that_of_years_in_which_it_was_seen() -> None:
    table = [
        *rows("a", (2020, "3", "2.8", "3.2", "0"), (2018, "1", ".9", "1.1", "0"), (2019, "9", "8", "9.5", "0.5")),
        *rows("b", (2018, "2", "1.5", "2.5", "0"), (2020, "2.2", "2", "2.4", "0.01")),
        *rows("c", (2018, "", "", "", "1"), (2020, "7", "6", "8", "0")),
        *rows("gone", (2018, "1", "1", "1", "0")),
    ]
    outlines = {name: explored.lake(100 * place) for place, name in enumerate("abc")}
    found = {body.id: body for body in bodies_of(outlines, table)}
    assert list(found) == ["a", "b", "c"]
    assert found["a"].change == pytest.approx(2) and found["a"].is_sure, "2019 was half unseen"
    assert found["b"].change == pytest.approx(0.2) and not found["b"].is_sure
    assert found["c"].change is None and found["c"].largest == 7
    assert [body.id for body in most_changed(list(found.values()))] == ["a", "b"]
    assert [body.id for body in shown(list(found.values()))] == ["a", "b", "c"]


def test_the_page_holds_the_bodies_that_matter_and_says_how_many_there_are() -> None:
    body = explored.bodies()[0]
    many = [replace(body, id=f"b{place:04d}", years=explored.years_of(1.0, 1.0 + place)) for place in range(700)]
    data = bodies_data(many, 30.0)
    assert data["all"] == 700 and len(data["list"]) == 500 and data["list"][0]["id"] == "b0699"
    ring = data["list"][0]["outline"][0][0]
    assert len(ring) == 10 and ring[:2] == ring[-2:]

"""`study.references`: a path alone, or a mapping; what does not fit together is refused in one line."""

import pytest

from water_gee.config.reference import ReferenceSettings, spelling
from water_gee.errors import ConfigError


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("{layer: lakes}", "study.references.truth.path: this key is missing"),
        ("{path: a.gpkg, colum: x}", "study.references.truth.colum: there is no such key; did you mean column?"),
        ("{path: a.gpkg, outside: sea}", "study.references.truth.outside: 'sea' is unknown; choose from 'land'"),
        ("{path: a.gpkg, values: {water: [1]}}", "study.references.truth: values are of a column"),
        ("{path: a.gpkg, column: x, values: {sea: [1]}}", "study.references.truth.values.sea: 'sea' is unknown"),
        ("{path: a.gpkg, column: x, values: {water: [1], land: ['1']}}", "'1' is listed as water and as land"),
        ("{path: a.tif, values: {water: [lake]}}", "lake is no number, and those of a raster are"),
        ("{path: a.tif, values: {water: [.nan]}}", "nan is no number"),
        ("{path: a.tif, ranges: {water: [1, 0]}}", "water: [1, 0] must be [from, to]"),
        ("{path: a.tif, ranges: {water: [50, 100], land: [0, 51]}}", "land and water overlap from 50 on"),
        ("{path: a.tif, ranges: {water: [.5, .inf]}}", "study.references.truth.ranges.water"),
        ("{path: a.gpkg, outside: land, band: 2}", "band is of a raster, and a.gpkg holds polygons or points"),
        (
            "{path: a.tif, band: 0}",
            "study.references.truth.band: 0 is no band; give its number, from 1 on, or its name",
        ),
        ("{path: a.tif, band: true}", "True is no band"),
        ("{path: a.tif, ranges: {water: 5}}", "study.references.truth.ranges: water: 5 must be [from, to]"),
        ("{path: a.tif, ranges: {}}", "study.references.truth.ranges"),
        ("{path: a.tif, year_column: year}", "year_column is of polygons or points, and a.tif is a raster"),
        ("{path: 'a_*.tif', outside: land}", "outside is of polygons or points, and a_*.tif is a raster"),
    ],
)
def test_refusals(settings, reference, said) -> None:
    with pytest.raises(ConfigError) as caught:
        settings(f"study.references={{truth: {reference}}}")
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_path_alone_stays_what_it_was(settings) -> None:
    found = settings("+study.references={a: 'a_*.tif', b: b.gpkg, c: {path: c.dat, outside: land}}").study
    assert [found.references[one].is_vector for one in "abc"] == [False, True, True]
    assert found.model_dump()["references"]["a"] == "a_*.tif"
    assert found.model_dump(mode="json")["references"]["c"]["outside"] == "land"


def test_values_are_compared_by_what_they_mean() -> None:
    assert {spelling(one) for one in (1, 1.0, True, "1", " 1 ", "1.00", "TRUE")} == {"1"}
    assert spelling("Water ") == "water" and spelling(1.5) == "1.5"
    assert ReferenceSettings(path="a.gpkg", column="x").classes["255"] == 255

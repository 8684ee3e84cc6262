"""Features of several years in one file, and labels however people write them."""

import datetime
import json
from pathlib import Path

import geopandas
import numpy as np
import pytest
from rasterio import Affine
from shapely.geometry import Point, box

from water_gee.config.reference import ReferenceSettings
from water_gee.errors import WaterGeeError
from water_gee.evaluation import Reference

CRS, SHAPE = "EPSG:32648", (40, 50)
HERE = Affine(30, 0, 600_000, 0, -30, 5_800_000)
LAKES = {2019: box(600_000, 5_799_700, 600_300, 5_800_000), 2020: box(600_600, 5_799_100, 600_900, 5_799_400)}
AREA = box(600_000, 5_798_800, 601_500, 5_800_000)
POINTS = [Point(600_015 + 30 * n, 5_799_985) for n in range(4)]


def reference(path: Path, **options) -> Reference:
    return Reference.of("truth", ReferenceSettings(path=str(path), **options), path.parent)


def sample(found: Reference, year: int) -> np.ndarray:
    return found.sample(year, CRS, HERE, SHAPE)


def lakes(path: Path, years: list, **columns) -> Path:
    """Write the lake of 2019 and the one of 2020, with other years."""
    table = geopandas.GeoDataFrame({"when": years, **columns}, geometry=list(LAKES.values()), crs=CRS)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path)
    return path


def points(path: Path, labels: list, crs: str = CRS) -> Path:
    table = geopandas.GeoDataFrame({"label": labels}, geometry=POINTS, crs=CRS).to_crs(crs)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path)
    return path


def refusal(found: Reference, years: tuple[int, ...] = (2019, 2020)) -> str:
    with pytest.raises(WaterGeeError) as caught:
        found.check(years)
    text = str(caught.value)
    assert text.startswith("study.references.truth") and "\n" not in text
    return text


YEARS = {
    "numbers": [2019, 2020],
    "decimals": [2019.0, 2020.0],
    "text": ["2019", " 2020 "],
    "iso": ["2019-07-01", "2020-08-31T10:30:00Z"],
    "slashes": ["2019/07/01", "2020/8"],
    "compact": ["20190701", "20200831"],
    "dates": [datetime.date(2019, 7, 1), datetime.date(2020, 8, 31)],
    "times": [np.datetime64("2019-07-01T10:30"), np.datetime64("2020-08-31T10:30")],
}


FORMATS = [("gpkg", kind) for kind in YEARS]
FORMATS += [("parquet", kind) for kind in ("numbers", "dates", "times")]
FORMATS += [("geojson", "iso"), ("geojson", "times"), ("shp", "numbers"), ("shp", "dates"), ("fgb", "times")]


@pytest.mark.parametrize(("suffix", "kind"), FORMATS)
def test_each_year_has_its_features(tmp_path, suffix, kind) -> None:
    found = reference(lakes(tmp_path / f"lakes.{suffix}", YEARS[kind]), year_column="when", outside="unknown")
    found.check([2019, 2020])
    for year, corner in ((2019, (0, 0)), (2020, (20, 20))):
        expected = np.full(SHAPE, 255)
        expected[corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = 1
        np.testing.assert_array_equal(sample(found, year), expected)
    assert list(found.remarks([2019, 2020], CRS, HERE)) == []


def test_a_lake_that_is_gone_has_become_land(tmp_path) -> None:
    """The box within which all else is land is around the polygons of all years."""
    found = reference(lakes(tmp_path / "lakes.gpkg", [2019, 2020]), year_column="when", outside="land")
    for year, corner in ((2019, (0, 0)), (2020, (20, 20))):
        expected = np.full(SHAPE, 255)
        expected[:30, :30] = 0
        expected[corner[0] : corner[0] + 10, corner[1] : corner[1] + 10] = 1
        np.testing.assert_array_equal(sample(found, year), expected)


def test_a_year_that_the_column_does_not_have_is_said_and_is_not_land(tmp_path, capsys) -> None:
    found = reference(lakes(tmp_path / "lakes.gpkg", [2019, None]), year_column="when", outside="land")
    found.check([2019, 2020])
    assert "1 of 2 features have no year in the column when and are passed over" in capsys.readouterr().err
    assert (sample(found, 2020) == 255).all() and (sample(found, 2019) == 1).sum() == 100
    (said,) = found.remarks([2019, 2020, 2021], CRS, HERE)
    assert said == ("study.references.truth: nothing in the column when for 2020, 2021, which is measured without it")
    assert "year_column: no file has a feature of 2021; correct" in refusal(found, (2021,))


@pytest.mark.parametrize("value", ["summer", 2019.5, 12, "19", True, "2019-13x", "01.07.2019"])
def test_what_is_no_year_is_refused(tmp_path, value) -> None:
    found = reference(lakes(tmp_path / "lakes.geojson", [value, value]), year_column="when", outside="land")
    assert "feature 1 has in its column when the value" in refusal(found) and "is no year; write 2020" in refusal(found)


def test_a_column_that_is_not_there(tmp_path) -> None:
    path = lakes(tmp_path / "lakes.gpkg", [2019, 2020], kind=[1, 0])
    text = refusal(reference(path, year_column="year", column="kind"))
    assert text.startswith("study.references.truth.year_column: ") and "has no column year; it has when, kind" in text


def test_years_and_classes_go_together_and_count(tmp_path) -> None:
    path = lakes(tmp_path / "lakes.gpkg", [2020, 2020], kind=["lake", "field"])
    options = {"column": "kind", "values": {"water": ["lake"], "land": ["field"]}}
    found = sample(reference(path, year_column="when", **options), 2020)
    assert ((found == 1).sum(), (found == 0).sum()) == (100, 100)
    assert reference(path, year_column="when", **options).mark([2020]) != reference(path, **options).mark([2020])


LABELS = {
    "words": ["water", "Land", "WATER ", ""],
    "bool": [True, False, True, None],
    "numbers": [1, 0, 1, None],
    "decimals": [1.0, 0.0, 1.0, np.nan],
    "digits": ["1", "0", "1", None],
    "texts of numbers": ["1.0", "0.0", "TRUE", ""],
    "unknown": ["water", "land", "water", "unknown"],
}


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(("suffix", "crs"), [("gpkg", CRS), ("geojson", "EPSG:3857"), ("parquet", "EPSG:4326")])
def test_labels_of_points(tmp_path, kind, suffix, crs) -> None:
    """As they are written, those that are missing unknown; a GeoJSON of metres says its crs."""
    found = reference(points(tmp_path / f"visits.{suffix}", LABELS[kind], crs), column="label")
    found.check([2020])
    assert sample(found, 2020)[0, :5].tolist() == [1, 0, 1, 255, 255]


@pytest.mark.parametrize("labels", [["yes", "no", "yes", "no"], [1, 2, 1, 2], [0.4, 0.9, 0, 1]])
def test_labels_that_cannot_be_known_are_refused(tmp_path, labels) -> None:
    text = refusal(reference(points(tmp_path / "visits.gpkg", labels), column="label"))
    assert "in its column label the value" in text and "say by values which are water, land and unknown" in text


def test_one_of_several_layers(tmp_path) -> None:
    path = tmp_path / "all.gpkg"
    for name, shapes in (("lakes", [LAKES[2019]]), ("area", [AREA])):
        geopandas.GeoDataFrame({"n": [1]}, geometry=shapes, crs=CRS).to_file(path, layer=name)
    assert "has the layers lakes, area; name one as study.references.truth.layer" in refusal(
        reference(path, outside="land")
    )
    assert (sample(reference(path, layer="lakes", outside="land"), 2020) == 1).sum() == 100


def test_a_geojson_with_heights_and_a_box(tmp_path) -> None:
    west, south, east, north = geopandas.GeoSeries([LAKES[2019]], crs=CRS).to_crs(4326).total_bounds
    ring = [[x, y, 455.5] for x, y in ((west, south), (east, south), (east, north), (west, north), (west, south))]
    feature = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    whole = [west, south, 455.5, east, north, 455.5]
    content = {"type": "FeatureCollection", "bbox": whole, "features": [{**feature, "bbox": whole}]}
    (tmp_path / "lake.geojson").write_text(json.dumps(content), encoding="utf-8")
    found = sample(reference(tmp_path / "lake.geojson", outside="unknown"), 2020)
    assert 80 <= (found == 1).sum() <= 140 and not (found == 0).any()

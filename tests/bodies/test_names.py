"""Names come from a file of named features, of any crs and kind of geometry; what cannot be used is one line."""

from pathlib import Path

import geopandas
import pyproj
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from water_gee.bodies.names import names_of
from water_gee.bodies.vectors import read_vectors
from water_gee.errors import ConfigError

CRS = pyproj.CRS("EPSG:32648")
LAKE, RIVER = MultiPolygon([box(0, 0, 100, 100)]), MultiPolygon([box(100, 45, 900, 55)])


def named(*features: tuple[str, object]) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame({"name": [one for one, _ in features]}, geometry=[shape for _, shape in features])


def names(*features: tuple[str, object]) -> list[str]:
    return names_of([LAKE, RIVER], ["lake", "river"], named(*features))


def test_a_polygon_names_what_it_shares_most_of() -> None:
    assert names(("Big", box(-20, -20, 110, 100))) == ["Big", ""]
    assert names(("Part", box(0, 0, 60, 100)), ("All", box(0, 0, 100, 100))) == ["All", ""]
    assert names(("Corner", box(90, 90, 300, 300))) == ["", ""]


def test_a_line_names_a_river_and_no_lake() -> None:
    assert names(("Selenga", LineString([(-50, 50), (1000, 50)]))) == ["", "Selenga"]
    assert (
        names(("Short", LineString([(200, 50), (250, 50)])), ("Long", LineString([(100, 51), (900, 51)])))[1] == "Long"
    )


def test_a_point_names_what_it_lies_in_and_a_polygon_comes_first() -> None:
    assert names(("Baikal", Point(50, 50)), ("Shore", Point(1, 1)), ("Away", Point(5000, 0))) == ["Baikal", ""]
    assert names(("Point", Point(50, 50)), ("Polygon", box(0, 0, 100, 100))) == ["Polygon", ""]


def test_no_file_no_names() -> None:
    assert names_of([LAKE, RIVER], ["lake", "river"], None) == ["", ""]


def write(path: Path, column: str = "name", values: tuple[object, ...] = ("a", "b"), crs: object = CRS) -> Path:
    shapes = [box(500_000, 5_000_000, 500_100, 5_000_100), Point(500_300, 5_000_300)]
    table = geopandas.GeoDataFrame({column: list(values)}, geometry=shapes, crs=crs)
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_file(path)
    return path


@pytest.mark.parametrize("name", ["a.gpkg", "a.geojson", "a.parquet", "a.fgb"])
def test_every_format_is_read_in_the_maps_crs(tmp_path, name) -> None:
    crs = pyproj.CRS("EPSG:4326") if name == "a.geojson" else CRS
    path = tmp_path / name
    shapes = geopandas.GeoSeries([box(500_000, 5_000_000, 500_100, 5_000_100)], crs=CRS).to_crs(crs)
    table = geopandas.GeoDataFrame({"name": ["Lake"], "other": [1]}, geometry=shapes, crs=crs)
    table.to_parquet(path) if path.suffix == ".parquet" else table.to_file(path)
    read = read_vectors("bodies.names", path, "name", CRS)
    assert read["name"].tolist() == ["Lake"] and read.crs == CRS and list(read.columns) == ["name", "geometry"]
    assert read.geometry[0].area == pytest.approx(10_000, rel=1e-3)


def test_features_without_a_name_or_a_shape_are_passed_over_and_crossings_mended(tmp_path) -> None:
    bow = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    table = geopandas.GeoDataFrame({"name": ["bow", None, "  ", "none"]}, geometry=[bow, bow, bow, None], crs=CRS)
    table.to_file(tmp_path / "a.gpkg")
    read = read_vectors("bodies.names", tmp_path / "a.gpkg", "name", CRS)
    assert read["name"].tolist() == ["bow"] and read.geometry.is_valid.all()


def several(path: Path) -> Path:
    for layer in ("one", "two"):
        geopandas.read_file(write(path.with_name("x.gpkg"))).to_file(path, layer=layer)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


BAD = {
    "absent": (lambda folder: folder / "nowhere.gpkg", "does not exist"),
    "empty": (lambda folder: text(folder / "a.gpkg", ""), "is empty; name a file of vector data"),
    "no vector data": (lambda folder: text(folder / "a.geojson", "hello"), "cannot be read"),
    "no parquet": (lambda folder: text(folder / "a.parquet", "hello"), "cannot be read"),
    "a table": (lambda folder: text(folder / "a.csv", "name\nLake\n"), "has no geometry"),
    "no such column": (lambda folder: write(folder / "a.gpkg", "lake"), "has no column name; it has lake"),
    "no names": (lambda folder: write(folder / "a.gpkg", values=(None, "")), "has no feature with a geometry and a"),
    "no crs": (lambda folder: write(folder / "a.gpkg", crs=None), "has no crs"),
    "several layers": (lambda folder: several(folder / "a.gpkg"), "has the layers one, two"),
    "a folder": (lambda folder: folder, "cannot be read"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_used_is_refused_in_one_line(tmp_path, case) -> None:
    make, why = BAD[case]
    with pytest.raises(ConfigError, match=why) as caught:
        read_vectors("bodies.names", make(tmp_path), "name", CRS)
    assert str(caught.value).startswith("bodies.names: ") and "\n" not in str(caught.value)

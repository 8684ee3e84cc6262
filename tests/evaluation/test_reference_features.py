"""References as polygons and points: pixel by pixel what a raster of the same truth says, or one line."""

import json
from pathlib import Path

import numpy as np
import pyogrio
import pyproj
import pytest
import shapely
from rasterio import Affine
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box, mapping
from shapely.ops import transform

from water_gee.config.reference import ReferenceSettings
from water_gee.errors import ConfigError
from water_gee.evaluation import Reference
from water_gee.study import Grid, Window, inside
from water_gee.tiles import write_raster

CRS = "EPSG:32648"
GRID = Grid(CRS, 30.0)
WINDOW = Window(20_000, -193_300, 80, 70)
HERE = GRID.transform(WINDOW)
SHAPE = (WINDOW.height, WINDOW.width)
X, Y = HERE.c, HERE.f
LAKE = Polygon(
    [(X + 190, Y - 210), (X + 1310, Y - 333), (X + 1433, Y - 1510), (X + 707, Y - 1777), (X + 101, Y - 1003)],
    [[(X + 500, Y - 600), (X + 900, Y - 700), (X + 810, Y - 1100)]],
)
POND = box(X + 1600.0, Y - 350.0, X + 1900.0, Y - 150.0)
TRUTH = inside(MultiPolygon([LAKE, POND]), GRID, WINDOW).astype(np.uint8)


def store(path: Path, shapes, values=None, crs: str = CRS, column: str = "class", **options) -> Path:
    """Write shapes of the study's crs in another, straight edges of many parts so that they stay where they are."""
    if crs != CRS:
        change = pyproj.Transformer.from_crs(CRS, crs, always_xy=True)
        shapes = [transform(change.transform, shapely.segmentize(one, 30.0)) for one in shapes]
    columns = [] if values is None else [np.array(values)]
    kinds = {one.geom_type for one in shapes}
    pyogrio.raw.write(
        path, shapely.to_wkb(np.array(shapes, dtype=object)), columns, [column] if columns else [], crs=crs,
        geometry_type=kinds.pop() if len(kinds) == 1 else "Unknown", **options,
    )  # fmt: skip
    return path


def reference(path: Path, **options) -> Reference:
    return Reference.of("truth", ReferenceSettings(path=str(path), **options), path.parent)


def sample(path: Path, window: Window = WINDOW, grid: Grid = GRID, **options) -> np.ndarray:
    found = reference(path, **options)
    found.check([2020])
    return found.sample(2020, grid.crs, grid.transform(window), (window.height, window.width))


def refusal(path: Path, **options) -> str:
    with pytest.raises(ConfigError) as caught:
        sample(path, **options)
    text = str(caught.value)
    assert text.startswith("study.references.truth") and "\n" not in text and str(path) in text
    return text


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326", "EPSG:4284", "EPSG:32649"])
@pytest.mark.parametrize("suffix", ["gpkg", "geojson", "shp", "fgb"])
def test_polygons_say_what_a_raster_of_the_same_truth_says(tmp_path, crs, suffix) -> None:
    write_raster(tmp_path / "truth.tif", TRUTH[None], ["water"], crs=CRS, transform=HERE)
    raster = sample(tmp_path / "truth.tif")
    cover = box(X - 500, Y - 2500, X + 3000, Y + 500)
    path = store(tmp_path / f"truth.{suffix}", [LAKE, POND, cover - LAKE - POND], [1, 1, 0], crs)
    found = sample(path, column="class")
    assert {0, 1} == set(np.unique(raster)) and found.dtype == np.uint8
    np.testing.assert_array_equal(found, raster)
    part = Window(WINDOW.left + 17, WINDOW.top + 5, 40, 33)
    np.testing.assert_array_equal(sample(path, part, column="class"), raster[5:38, 17:57])


def test_a_whole_lot_of_formats(tmp_path) -> None:
    import geopandas

    table = geopandas.GeoDataFrame({"class": ["Water", "water"]}, geometry=[LAKE, POND], crs=CRS)
    table.to_parquet(tmp_path / "truth.parquet")
    table.to_crs(4326).to_file(tmp_path / "truth.kml", driver="KML")
    parquet = sample(tmp_path / "truth.parquet", column="class", outside="land")
    within = inside(box(*MultiPolygon([LAKE, POND]).bounds), GRID, WINDOW)
    np.testing.assert_array_equal(parquet, np.where(within, TRUTH, 255))
    np.testing.assert_array_equal(sample(tmp_path / "truth.kml", outside="unknown") == 1, TRUTH == 1)


def test_without_a_column_polygons_are_water_and_what_lies_outside_is_said(tmp_path) -> None:
    path = store(tmp_path / "lakes.gpkg", [LAKE, POND])
    within = inside(box(*MultiPolygon([LAKE, POND]).bounds), GRID, WINDOW)
    np.testing.assert_array_equal(sample(path, outside="land"), np.where(within, TRUTH, 255))
    np.testing.assert_array_equal(sample(path, outside="unknown"), np.where(TRUTH, 1, 255))
    assert "set study.references.truth.outside=land, or unknown" in refusal(path)


def test_elsewhere_all_is_unknown_and_not_land(tmp_path) -> None:
    path = store(tmp_path / "lakes.gpkg", [LAKE])
    assert (sample(path, Window(WINDOW.left + 500, WINDOW.top, 20, 20), outside="land") == 255).all()


def test_values_have_the_class_that_they_are_given(tmp_path, capsys) -> None:
    rest = box(X, Y - 2100, X + 2400, Y) - LAKE - POND
    path = store(tmp_path / "cover.gpkg", [LAKE, POND, rest], ["lake", "cloud", None])
    values = {"water": ["Lake"], "unknown": ["cloud"]}
    np.testing.assert_array_equal(sample(path, column="class", values=values) == 1, inside(LAKE, GRID, WINDOW))
    assert "1 of 3 features have nothing in the column class, and are unknown" in capsys.readouterr().err
    assert "the values cloud, lake; say by values" in refusal(path, column="class")
    assert "the value cloud; say by values" in refusal(path, column="class", values={"water": ["lake"]})
    text = refusal(path, column="kind")
    assert text.startswith("study.references.truth.column: ") and "has no column kind; it has class" in text


def test_where_unlike_polygons_overlap_nothing_is_known_and_that_is_said(tmp_path, capsys) -> None:
    island = box(X + 950, Y - 900, X + 1200, Y - 600)
    path = store(tmp_path / "cover.gpkg", [LAKE, island, LAKE], [1, 0, 1])
    found = sample(path, column="class")
    np.testing.assert_array_equal(
        found, np.where(inside(island, GRID, WINDOW), 255, np.where(inside(LAKE, GRID, WINDOW), 1, 255))
    )
    assert capsys.readouterr().err.count("polygons of unlike classes overlap") == 1


@pytest.mark.parametrize("crs", [CRS, "EPSG:4326", "EPSG:4284"])
def test_points_label_the_pixel_that_holds_them(tmp_path, crs) -> None:
    random = np.random.default_rng(3)
    rows, columns = random.integers(0, 70, 200), random.integers(0, 80, 200)
    shift = random.uniform(0.01, 0.99, (200, 2))
    points = [Point(*(HERE @ (c + a, r + b))) for r, c, (a, b) in zip(rows, columns, shift, strict=True)]
    expected = np.full(SHAPE, 255)
    expected[rows, columns] = TRUTH[rows, columns]
    path = store(tmp_path / "points.geojson", points, TRUTH[rows, columns].astype(np.int64), crs)
    np.testing.assert_array_equal(sample(path, column="class"), expected)
    assert list(reference(path, column="class").remarks([2020], CRS, HERE)) == []


def test_unlike_points_of_one_pixel(tmp_path) -> None:
    at = [HERE @ one for one in ((3.2, 4.5), (3.9, 4.1), (3.5, 4.2), (9.5, 9.5), (9.6, 9.6))]
    path = store(tmp_path / "points.gpkg", [Point(*one) for one in at], ["water", "land", "water", "land", "land"])
    found = sample(path, column="class")
    assert found[4, 3] == 255 and found[9, 9] == 0 and (found != 255).sum() == 1
    (said,) = reference(path, column="class").remarks([2020], CRS, HERE)
    assert "points.gpkg: 1 pixel holds points of unlike classes" in said


def collection(*shapes, **members):
    features = [{"type": "Feature", "properties": {"class": 1}, "geometry": mapping(one)} for one in shapes]
    return {"type": "FeatureCollection", **members, "features": features}


@pytest.mark.parametrize("way", ["past 180", "cut", "jumping"])
def test_across_the_antimeridian(tmp_path, way) -> None:
    whole = box(179.96, 65.2, 180.05, 65.3)
    shapes = {
        "past 180": [whole],
        "cut": [box(179.96, 65.2, 180, 65.3), box(-180, 65.2, -179.95, 65.3)],
        "jumping": [Polygon([(179.96, 65.2), (-179.95, 65.2), (-179.95, 65.3), (179.96, 65.3)])],
    }[way]
    path = tmp_path / "sea.geojson"
    path.write_text(json.dumps(collection(*shapes)), encoding="utf-8")
    grid = Grid("EPSG:32601", 30.0)
    change = pyproj.Transformer.from_crs("EPSG:4326", grid.crs, always_xy=True)
    x, y = change.transform(180.0, 65.25)
    window = Window(round(x / 30) - 200, round(-y / 30) - 250, 400, 500)
    found = sample(path, window, grid, outside="land")
    across, up = np.meshgrid((window.left + np.arange(400) + 0.5) * 30, -(window.top + np.arange(500) + 0.5) * 30)
    longitude, latitude = change.transform(across, up, direction="INVERSE")
    longitude %= 360
    expected = (longitude >= 179.96) & (longitude <= 180.05) & (latitude >= 65.2) & (latitude <= 65.3)
    assert 0.05 < expected.mean() < 0.95
    np.testing.assert_array_equal(found, np.where(expected, 1, 255))


@pytest.mark.parametrize("east", [True, False], ids=["from the east", "from the west"])
def test_a_study_in_degrees_across_the_antimeridian(tmp_path, east) -> None:
    grid, sign = Grid("EPSG:4326", 0.01), 1 if east else -1
    window = Window(17_990 if east else -18_010, -6530, 20, 10)  # 180 degrees pass through its middle
    path, points = tmp_path / "sea.geojson", tmp_path / "points.geojson"
    path.write_text(json.dumps(collection(box(179.953, 65.2, 180.052, 65.3))), encoding="utf-8")
    found = sample(path, window, grid, outside="unknown")
    np.testing.assert_array_equal((found == 1)[5], (np.arange(20) >= 5) & (np.arange(20) < 15))
    points.write_text(json.dumps(collection(Point(sign * -179.951, 65.255))), encoding="utf-8")
    found = sample(points, window, grid, column="class")
    assert np.argwhere(found == 1).tolist() == [[4, 14 if east else 5]]


def test_what_cannot_be_a_reference_is_refused(tmp_path) -> None:
    assert "holds points; name the column" in refusal(store(tmp_path / "a.gpkg", [Point(X, Y)]))
    points = store(tmp_path / "b.gpkg", [Point(X, Y)], [1])
    assert "say nothing of what lies between" in refusal(points, column="class", outside="land")
    both = store(tmp_path / "c.gpkg", [Point(X, Y), LAKE], [1, 0])
    assert "holds points and polygons" in refusal(both, column="class")
    lines = store(tmp_path / "d.gpkg", [LineString(LAKE.exterior)], [1])
    assert "holds no polygon and no point" in refusal(lines, column="class")
    (tmp_path / "e.gpkg").touch()
    assert "is empty" in refusal(tmp_path / "e.gpkg", outside="land")
    (tmp_path / "f.geojson").write_text('{"type": "Feat', encoding="utf-8")
    assert "cannot be read" in refusal(tmp_path / "f.geojson", outside="land")
    (tmp_path / "g.parquet").write_bytes(b"PAR1 and no more")
    assert "cannot be read" in refusal(tmp_path / "g.parquet", outside="land")
    shape = store(tmp_path / "h.shp", [LAKE])
    shape.with_suffix(".prj").unlink()
    assert "has no crs (its .prj file is missing)" in refusal(shape, outside="land")
    layers = store(tmp_path / "i.gpkg", [LAKE], layer="lakes")
    store(layers, [LAKE], layer="land", append=True)
    assert "name one as study.references.truth.layer" in refusal(layers, outside="land")
    assert (sample(layers, layer="lakes", outside="unknown") == 1).any()
    far = tmp_path / "j.geojson"
    far.write_text(json.dumps(collection(LAKE)), encoding="utf-8")
    assert "no longitude and latitude" in refusal(far, outside="land")


def test_a_file_that_changed_is_read_again_and_all_its_parts_count(tmp_path) -> None:
    path = store(tmp_path / "lakes.shp", [LAKE], ["water"])
    assert {one.suffix for one in reference(path, column="class").parts(2020)} == {
        ".shp", ".shx", ".dbf", ".prj", ".cpg",
    }  # fmt: skip
    marks = {
        reference(path, **one).mark([2020])
        for one in ({"outside": "land"}, {"outside": "unknown"}, {"column": "class"})
    }
    assert len(marks) == 3  # the same file, understood in other ways
    assert (sample(path, column="class") == 1).any()
    store(path, [LAKE], ["land "])
    assert not (sample(path, column="class") == 1).any()


def test_files_of_a_year_complete_each_other(tmp_path) -> None:
    store(tmp_path / "a_2020.gpkg", [LAKE])
    store(tmp_path / "b_2020.gpkg", [POND])
    store(tmp_path / "a_2021.gpkg", [box(X, Y - 3000, X + 3000, Y)])
    found = reference(tmp_path / "?_{year}.gpkg", outside="land")
    np.testing.assert_array_equal(found.sample(2020, CRS, HERE, SHAPE) == 1, TRUTH == 1)
    assert (found.sample(2021, CRS, HERE, SHAPE) == 1).all()
    assert list(found.remarks([2020, 2021, 2022], CRS, HERE)) == [
        "study.references.truth: no file for 2022, which is measured without it"
    ]


def test_a_city_of_polygons_and_a_single_row(tmp_path) -> None:
    """Pixel by pixel as `inside` says, of polygons that share edges, whatever the window."""
    side = np.arange(0, 2400, 37.5)
    cells = [box(X + a, Y - b - 37.5, X + a + 37.5, Y - b) for a in side for b in side]
    random = np.random.default_rng(0)
    classes = random.integers(0, 2, len(cells))
    found = sample(store(tmp_path / "cells.fgb", cells, classes), column="class")
    at = [((np.arange(size) + 0.5) * 30 // 37.5).astype(int) for size in SHAPE]
    expected = classes.reshape(len(side), len(side))[at[1][None, :], at[0][:, None]]
    on_edge = [((np.arange(size) + 0.5) * 30 % 37.5) == 0 for size in SHAPE]
    sure = ~(on_edge[0][:, None] | on_edge[1][None, :])
    np.testing.assert_array_equal(found[sure], expected[sure])
    row = sample(tmp_path / "cells.fgb", Window(WINDOW.left, WINDOW.top + 7, 80, 1), column="class")
    np.testing.assert_array_equal(row, found[7:8])
    shifted = Affine(30, 0, X + 30 * 33, 0, -30, Y)
    again = reference(tmp_path / "cells.fgb", column="class").sample(2020, CRS, shifted, (70, 1))
    np.testing.assert_array_equal(again, found[:, 33:34])

"""Regions as people's files have them: formats, crs, heights, broken shapes; one area, or a line that says why not."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pyogrio
import pyproj
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box, mapping
from shapely.ops import transform

from water_gee.errors import ConfigError
from water_gee.study import Grid, from_region, to_lonlat

CRS = "EPSG:32648"
GRID = Grid(CRS, 30.0)
GROUND = Polygon(
    box(600_960, 5_796_000, 604_800, 5_799_000).exterior, [box(602_010, 5_797_020, 603_000, 5_798_010).exterior]
)
LONLAT = to_lonlat(GROUND, CRS)
ELSEWHERE = box(106.0, 52.0, 106.01, 52.01)


def collection(*shapes, **members):
    geometries = [shape if shape is None or isinstance(shape, dict) else mapping(shape) for shape in shapes]
    features = [{"type": "Feature", "properties": {}, "geometry": geometry} for geometry in geometries]
    return {"type": "FeatureCollection", **members, "features": features}


def named(crs: str):
    return {"type": "name", "properties": {"name": crs}}


def in_crs(shape, crs: str):
    change = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return transform(change.transform, shape)


def write(folder: Path, content, encoding: str = "utf-8") -> Path:
    path = folder / "region.geojson"
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding=encoding)
    return path


def read(path: Path, layer: str | None = None, grid: Grid = GRID):
    return from_region("map", path, grid, layer).geometry


def refusal(path: Path, layer: str | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, layer)
    text = str(caught.value)
    assert text.startswith("study.areas.map.") and str(path) in text and "\n" not in text
    return text


HIGH = shapely.force_3d(LONLAT, 455.0)
GATHERED = {
    "type": "GeometryCollection",
    "geometries": [{"type": "GeometryCollection", "geometries": [mapping(LONLAT)]}],
}
SAME = {
    "plain": collection(LONLAT),
    "one feature": collection(LONLAT)["features"][0],
    "a bare polygon": mapping(LONLAT),
    "heights": collection(HIGH),
    "some heights": collection(HIGH, LONLAT),
    "a null geometry": collection(None, LONLAT),
    "an empty one": collection({"type": "Polygon", "coordinates": []}, LONLAT),
    "a collection of geometries": collection(GATHERED),
    "metres": collection(GROUND, crs=named("urn:ogc:def:crs:EPSG::32648")),
    "metres of the next zone": collection(in_crs(LONLAT, "EPSG:32649"), crs=named("EPSG:32649")),
    "Pulkovo's degrees": collection(in_crs(LONLAT, "EPSG:4284"), crs=named("urn:ogc:def:crs:EPSG::4284")),
    "CRS84": collection(LONLAT, crs=named("urn:ogc:def:crs:OGC:1.3:CRS84")),
    "a point beside it": collection(shapely.Point(106, 52), LONLAT),
    "two halves": collection(LONLAT & box(0, 0, 106.5, 90), LONLAT - box(0, 0, 106.5, 90)),
}


@pytest.mark.parametrize("name", SAME)
def test_however_it_is_written_it_is_the_same_ground(tmp_path, name) -> None:
    found = read(write(tmp_path, SAME[name]))
    assert found.symmetric_difference(GROUND).area < 2_000  # of 9,900,000 m2: the outline is off by some 0.1 m


def test_a_mark_of_the_byte_order_is_nothing(tmp_path) -> None:
    plain = read(write(tmp_path, SAME["plain"]))
    assert read(write(tmp_path, SAME["plain"], "utf-8-sig")) == plain


def test_geopackage_and_shapefile_and_layers(tmp_path) -> None:
    def store(path: Path, shape, crs: str | None, **options) -> Path:
        pyogrio.raw.write(
            path, np.array([shapely.to_wkb(shape)], dtype=object), [], np.array([], dtype=object), crs=crs,
            geometry_type=shape.geom_type, **options,
        )  # fmt: skip
        return path

    shape = store(tmp_path / "land.shp", GROUND, CRS)
    assert read(shape).equals(GROUND)
    package = store(tmp_path / "land.gpkg", LONLAT, "EPSG:4326", layer="lake")
    assert read(package).symmetric_difference(GROUND).area < 2_000
    styles = pd.DataFrame({"styleQML": ["<qgis/>"]})
    pyogrio.write_dataframe(styles, package, layer="layer_styles", append=True)  # as QGIS does
    assert read(package).symmetric_difference(GROUND).area < 2_000
    store(package, ELSEWHERE, "EPSG:4326", layer="other", append=True)
    assert read(package, "lake").symmetric_difference(GROUND).area < 2_000
    assert "has the layers lake, other; name one as study.areas.map.layer" in refusal(package)
    assert refusal(package, "sea").startswith("study.areas.map.layer: ")
    assert "has no layer sea; it has lake, other" in refusal(package, "sea")
    shape.with_suffix(".prj").unlink()
    assert "has no crs (its .prj file is missing)" in refusal(shape)
    table = tmp_path / "table.csv"
    table.write_text("name\nLake\n", encoding="utf-8")
    assert "table.csv has no geometry; write it with geometry and crs" in refusal(table)


BOW = Polygon([(106.48, 52.30), (106.53, 52.33), (106.53, 52.30), (106.48, 52.33)])


def test_a_polygon_that_crosses_itself_is_mended_and_said(tmp_path, capsys) -> None:
    bow = read(write(tmp_path, collection(LONLAT, BOW)))
    assert bow.is_valid and bow.area > GROUND.area
    assert "region.geojson: feature 2 is not valid (self-intersection) and was mended" in capsys.readouterr().err


def test_a_ring_that_is_not_closed_is_closed(tmp_path) -> None:
    ring = [[106.48, 52.30], [106.53, 52.33], [106.53, 52.30]]
    found = read(write(tmp_path, collection({"type": "Polygon", "coordinates": [ring]})))
    assert found.area == pytest.approx(read(write(tmp_path, collection(Polygon(ring)))).area)


def test_what_is_passed_over_is_said(tmp_path, capsys) -> None:
    read(write(tmp_path, collection(None, LONLAT, *[shapely.Point(106, 52)] * 9)))
    said = capsys.readouterr().err
    assert "feature 1 has no geometry and is passed over" in said
    assert "feature 3, 4, 5, 6, 7 and 4 more holds a Point, which is passed over" in said


METRES = mapping(GROUND)
METRES_ALONE = collection(GROUND)["features"][0]
REFUSED = {
    "no json": ("hello", "cannot be read"),
    "nothing": ("", "is empty"),
    "half a file": ('{"type":"FeatureCollection","features":[', "cannot be read"),
    "other json": ({"a": 1}, "cannot be read"),
    "a list": ([], "cannot be read"),
    "no feature": (collection(), "holds no polygon"),
    "points": (collection(shapely.Point(106, 52)), "holds no polygon"),
    "nulls": (collection(None), "holds no polygon"),
    "metres without a crs": (collection(METRES), "feature 1 holds (600960, 5.796e+06), which is no longitude"),
    "an unknown crs": (collection(METRES, crs=named("mine")), "names a crs that is not known (mine)"),
    "a crs that there is not": (collection(LONLAT, crs=named("EPSG:999999")), "not known (EPSG:999999)"),
    "a feature's crs": (
        {**collection(), "features": [{**collection(METRES)["features"][0], "crs": named(CRS)}]},
        "single",
    ),
    "no number": (collection({"type": "Polygon", "coordinates": [[["a", "b"]]]}, LONLAT), "feature 1 has a geometry"),
    "two points": (collection(LONLAT, {"type": "Polygon", "coordinates": [[[106, 52], [107, 52]]]}), "feature 2"),
    "a line": (collection({"type": "Polygon", "coordinates": [[[106, 52], [107, 52], [106, 52]]]}), "feature 1"),
    "not a number": ('{"type":"Polygon","coordinates":[[[NaN,52],[107,52],[107,53],[NaN,52]]]}', "feature 1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_an_area_is_refused_in_one_line(tmp_path, name) -> None:
    content, said = REFUSED[name]
    assert said in refusal(write(tmp_path, content))


def test_a_file_that_is_not_there(tmp_path) -> None:
    assert "does not exist; name a GeoJSON, GeoPackage or Shapefile" in refusal(tmp_path / "absent.gpkg")


def test_a_long_edge_stays_where_the_file_has_it(tmp_path) -> None:
    """A parallel is no straight line in metres: between two corners 5 degrees apart it bends by 3 km."""
    wide = read(write(tmp_path, collection(box(103, 52, 108, 53))))
    dense = in_crs(shapely.segmentize(box(103, 52, 108, 53), 0.001), CRS)
    assert wide.hausdorff_distance(dense) < 0.1 * GRID.scale
    assert shapely.get_num_coordinates(wide) < 1500


def test_across_the_antimeridian_every_way_of_writing_is_one_area(tmp_path, capsys) -> None:
    grid = Grid("EPSG:32601", 30.0)
    halves = MultiPolygon([box(179.5, 65, 180, 65.4), box(-180, 65, -179.6, 65.4)])
    ways = [halves, box(179.5, 65, 180.4, 65.4), box(-180.5, 65, -179.6, 65.4)]
    split, east, west = (read(write(tmp_path, collection(way)), grid=grid) for way in ways)
    assert split.geom_type == "Polygon" and split.area == pytest.approx(east.area, rel=1e-6)
    assert east.symmetric_difference(west).area < 1 and split.hausdorff_distance(east) < 0.1 * grid.scale
    assert "antimeridian" not in capsys.readouterr().err
    ring = Polygon([(179.5, 65), (-179.6, 65), (-179.6, 65.4), (179.5, 65.4)])
    jumping = read(write(tmp_path, collection(ring)), grid=grid)
    assert jumping.symmetric_difference(east).area < 1
    assert "feature 1 is taken to cross the antimeridian" in capsys.readouterr().err


def test_in_a_crs_of_degrees_an_area_across_the_antimeridian_is_cut_there(tmp_path) -> None:
    found = read(write(tmp_path, collection(box(179.5, 65, 180.4, 65.4))), grid=Grid("EPSG:4326", 0.00025))
    assert found.equals(MultiPolygon([box(179.5, 65, 180, 65.4), box(-180, 65, -179.6, 65.4)]))

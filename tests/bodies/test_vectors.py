"""Files of names and ids are read as regions are: what a region may be, they may be too, and what is mended is said."""

import json
from pathlib import Path

import geopandas
import pyogrio
import pyproj
import pytest
import shapely
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from water_gee.bodies.vectors import read_vectors
from water_gee.errors import ConfigError

UTM, FAR_EAST, DEGREES = pyproj.CRS("EPSG:32648"), pyproj.CRS("EPSG:32660"), pyproj.CRS("EPSG:4326")
LAKE = box(500_000, 5_000_000, 500_100, 5_000_100)


def table(*shapes: object, crs: object = UTM, **columns: list[object]) -> geopandas.GeoDataFrame:
    return geopandas.GeoDataFrame(
        {"name": [f"n{one}" for one in range(len(shapes))], **columns}, geometry=[*shapes], crs=crs
    )


def read(path: Path, crs: pyproj.CRS = UTM, column: str = "name", **more: object) -> geopandas.GeoDataFrame:
    found = read_vectors("bodies.names", path, column, crs, **more)
    assert found.geometry.is_valid.all() and found.crs == crs
    return found


def refusal(path: Path, crs: pyproj.CRS = UTM) -> str:
    with pytest.raises(ConfigError) as caught:
        read(path, crs)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def geojson(path: Path, *geometries: object, **more: object) -> Path:
    features = [{"type": "Feature", "properties": {"name": f"n{number}"}, "geometry": one}
                for number, one in enumerate(geometries)]  # fmt: skip
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features, **more}), encoding="utf-8")
    return path


def test_geometry_may_be_called_otherwise_and_have_heights(tmp_path) -> None:
    table(shapely.force_3d(LAKE, 455.0)).rename_geometry("shape").to_parquet(tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found["name"].tolist() == ["n0"] and found.geometry[0].equals(LAKE) and not found.geometry[0].has_z


def test_a_crs_with_heights_is_taken_for_its_plane(tmp_path) -> None:
    table(LAKE, crs="EPSG:32648+5773").to_file(tmp_path / "a.gpkg")
    assert read(tmp_path / "a.gpkg").geometry[0].equals(LAKE)


def test_a_shapefile_says_in_which_letters_it_is_written(tmp_path) -> None:
    table(LAKE).assign(name="Озеро").to_file(tmp_path / "a.shp", encoding="cp1251")
    assert read(tmp_path / "a.shp")["name"].tolist() == ["Озеро"]
    (tmp_path / "a.prj").unlink()
    assert "a.shp has no crs (its .prj file is missing)" in refusal(tmp_path / "a.shp")


def test_of_several_layers_the_only_one_with_the_column_is_taken(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    table(LAKE).rename(columns={"name": "ref"}).to_file(path, layer="roads")
    table(LAKE).to_file(path, layer="lakes")
    assert read(path)["name"].tolist() == ["n0"]
    table(LAKE, LAKE).to_file(path, layer="rivers")
    assert "has the layers roads, lakes, rivers; write one with a single layer" in refusal(path)
    assert len(read(path, layer="rivers")) == 2


def test_the_table_in_which_qgis_keeps_styles_is_no_layer(tmp_path) -> None:
    path = tmp_path / "a.gpkg"
    table(LAKE).to_file(path, layer="lakes")
    styles = geopandas.pd.DataFrame({"name": ["default"], "styleQML": ["<qgis/>"]})
    pyogrio.write_dataframe(styles, path, layer="layer_styles", append=True)
    assert len(pyogrio.list_layers(path)) == 2 and read(path)["name"].tolist() == ["n0"]


def test_a_geojson_of_a_crs_that_gdal_does_not_know_is_not_taken_for_degrees(tmp_path) -> None:
    square = shapely.geometry.mapping(box(105, 45, 105.1, 45.1))
    named = {"crs": {"type": "name", "properties": {"name": "urn:of:nobody"}}}
    assert len(read(geojson(tmp_path / "a.geojson", square))) == 1
    assert "names a crs that is not known (urn:of:nobody)" in refusal(geojson(tmp_path / "b.geojson", square, **named))


def test_a_geometry_that_cannot_be_read_and_degrees_that_are_none_are_refused(tmp_path) -> None:
    square = shapely.geometry.mapping(box(105, 45, 105.1, 45.1))
    broken = {"type": "Polygon", "coordinates": "none"}
    assert "feature 2 has a geometry that cannot be read" in refusal(geojson(tmp_path / "a.geojson", square, broken))
    for metres in (box(5e5, 5e6, 5.1e5, 5.1e6), Point(5e5, 5e6), LineString([(5e5, 5e6), (6e5, 5e6)])):
        path = geojson(tmp_path / "b.geojson", shapely.geometry.mapping(metres))
        assert "feature 1 holds (500000, 5e+06), which is no longitude and latitude" in refusal(path)


def test_what_is_mended_is_said_and_members_that_overlap_are_one_water(tmp_path, capsys) -> None:
    bow = Polygon([(0, 0), (10, 10), (10, 0), (0, 10)])
    overlapping = MultiPolygon([box(0, 0, 10, 10), box(5, 0, 15, 10)])
    table(bow, overlapping, bow).assign(name=["bow", "both", None]).to_file(tmp_path / "a.gpkg")
    found = read(tmp_path / "a.gpkg")
    assert found["name"].tolist() == ["bow", "both"]
    assert [one.area for one in found.geometry] == [50, 150]
    said = capsys.readouterr().err
    assert "feature 1 is not valid (self-intersection) and was mended" in said and "feature 3" not in said


def test_features_keep_their_order_and_their_kinds(tmp_path) -> None:
    parts = MultiPolygon([box(0, 0, 1, 1), box(5, 5, 6, 6)])
    shapes = [Point(3, 3), parts, LineString([(0, 0), (9, 9)]), LAKE]
    table(*shapes).to_parquet(tmp_path / "a.parquet")
    found = read(tmp_path / "a.parquet")
    assert found["name"].tolist() == ["n0", "n1", "n2", "n3"]
    assert all(one.equals(known) for one, known in zip(found.geometry, shapes, strict=True))


ACROSS = {
    "longitudes run on": box(179.9, 50, 180.1, 50.2),
    "they jump": Polygon([(179.9, 50), (-179.9, 50), (-179.9, 50.2), (179.9, 50.2)]),
}


@pytest.mark.parametrize("lake", ACROSS.values(), ids=ACROSS)
def test_a_lake_across_the_antimeridian_is_whole_however_it_is_written(tmp_path, lake) -> None:
    path = geojson(tmp_path / "a.geojson", shapely.geometry.mapping(lake))
    here = read(path, FAR_EAST).geometry[0]
    assert here.area == pytest.approx(0.2 * 0.2 * 111_320**2 * 0.64, rel=0.02)
    there = read(path, DEGREES).geometry[0]
    assert there.area == pytest.approx(0.04) and there.bounds == pytest.approx((-180, 50, 180, 50.2))


def test_ids_are_the_same_where_some_are_missing(tmp_path) -> None:
    """A column of whole numbers, some of them missing, comes as one of floating ones."""
    table(LAKE, LAKE, LAKE, id=[101, None, 7]).to_file(tmp_path / "a.gpkg")
    found = read(tmp_path / "a.gpkg", column="id", optional=("formerly", "name"))
    assert found["id"].tolist() == ["101", "7"] and found["formerly"].tolist() == ["", ""]
    assert found["name"].tolist() == ["n0", "n2"]


def test_a_file_beyond_the_reach_of_the_maps_crs_is_told(tmp_path) -> None:
    path, crs = geojson(tmp_path / "a.geojson", {"type": "Point", "coordinates": [80, -45]}), pyproj.CRS("EPSG:2163")
    assert f"lies where {crs.name} does not reach; correct the file, or study.crs" in refusal(path, crs)

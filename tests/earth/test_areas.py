"""Areas by strips, bounding box and GeoJSON; a place or season without scenes is said."""

import json

import pytest
from shapely.geometry import box, mapping

from scenes import STRIPS, YEARS
from water_gee.earth import composite_spec, resolve_areas, scene_versions
from water_gee.errors import EarthError
from water_gee.study import Area, to_lonlat


def test_a_strips_area_is_the_outline_of_its_scenes(session, settings):
    areas = resolve_areas(session, settings(), ["train", "test", "map"])
    for name, strip in zip(("train", "test"), STRIPS, strict=True):
        outline = box(*strip.bounds)
        assert areas[name].geometry.symmetric_difference(outline).area < 1
        assert areas[name].strips == ((strip.path, 23),)
    both = box(*STRIPS[0].bounds).union(box(*STRIPS[1].bounds))
    assert areas["map"].geometry.symmetric_difference(both).area < 2


def test_bounding_boxes_and_regions(session, settings, tmp_path):
    left, bottom, right, top = STRIPS[0].bounds
    region = tmp_path / "region.geojson"
    region.write_text(json.dumps(mapping(to_lonlat(box(*STRIPS[1].bounds), "EPSG:32648"))), encoding="utf-8")
    own = settings(
        "~study.areas.train.strips",
        f"+study.areas.train.bbox=[{left},{bottom},{right},{top}]",
        "~study.areas.test.strips",
        "+study.areas.test.region=region.geojson",
    )
    areas = resolve_areas(session, own, ["train", "test"])
    assert areas["train"].geometry.bounds == STRIPS[0].bounds
    assert areas["test"].geometry.symmetric_difference(box(*STRIPS[1].bounds)).area < 1


def test_scenes_are_those_of_the_season(session, settings):
    spec = composite_spec(settings())
    area = Area("train", box(*STRIPS[0].bounds), ((131, 23),))
    found = scene_versions(session, spec, area, YEARS)
    ids = ["COPERNICUS/DEM/GLO30/", "LC08_131023_20190611", "LC08_131023_20190713", "LC08_131023_20190829"]
    assert [one.partition("@")[0][: len(id)] for one, id in zip(found[2019], ids, strict=True)] == ids
    assert all(int(one.partition("@")[2]) > 0 for one in found[2019]), "each has its version"


@pytest.mark.parametrize(
    ("override", "parts"),
    [
        ("study.months=[3,4]", ("study.areas.train.strips", "months 3-4", "2019, 2020", "LANDSAT/LC08")),
        ("study.areas.train.strips=[[99,9]]", ("the strip [99, 9]", "months 6-8")),
    ],
)
def test_a_strip_without_scenes(session, settings, override, parts):
    with pytest.raises(EarthError) as raised:
        resolve_areas(session, settings(override), ["train"])
    assert all(part in str(raised.value) for part in parts), raised.value


def test_a_year_without_scenes(session, settings):
    area = Area("train", box(*STRIPS[0].bounds), ((131, 23),))
    with pytest.raises(EarthError, match=r"study\.areas\.train has no scene .* in 2015, .* drop that year"):
        scene_versions(session, composite_spec(settings()), area, [2015, 2020])

"""Numbers, lists, dates and geometries."""

import ee
import numpy as np
import pytest
import shapely
from pyproj import Geod

from eelocal.errors import EEError
from memory_catalog import MemoryCatalog, MemoryImage, value

RANDOM = np.random.default_rng(7)
V = RANDOM.integers(0, 9, (30, 40)).astype(np.uint8)
M = RANDOM.random(V.shape) < 0.8
CATALOG = MemoryCatalog(MemoryImage("m", {"v": V}, {"v": M}, {"a": 1, "system:time_start": 1_592_179_200_000}))


def get(thing):
    return value(CATALOG, thing)


def test_numbers():
    assert get(ee.Number(7).divide(2)) == 3.5
    assert get(ee.Number(7).mod(-4)) == 3
    assert get(ee.Number(1).divide(0)) == 0
    assert get(ee.Number(2.5).round()) == 3
    assert get(ee.Number(3.7).toInt()) == 3
    assert get(ee.Number(5).gt(3)) == 1


def test_lists():
    numbers = ee.List([3, 1, 2])
    assert get(numbers.map(lambda n: ee.Number(n).multiply(2))) == [6, 2, 4]
    assert get(ee.List.sequence(0, 1, None, 3)) == [0, 0.5, 1]
    assert get(ee.List.sequence(1, 7, 2)) == [1, 3, 5, 7]
    assert get(numbers.get(-1)) == 2
    assert get(numbers.contains(1)) and not get(numbers.containsAll([1, 4]))
    assert get(numbers.iterate(lambda n, total: ee.Number(n).add(total), 10)) == 16
    with pytest.raises(EEError, match="index"):
        get(numbers.get(3))


def test_dictionaries_and_conditions():
    d = ee.Dictionary({"b": 1, "a": 2})
    assert get(d.keys()) == ["a", "b"]
    assert get(d.get("a")) == get(d.getNumber("a")) == 2
    assert get(ee.Algorithms.If(d.contains("a"), "yes", ee.Image("missing").get("b"))) == "yes"
    with pytest.raises(EEError, match="does not contain key: 'q'"):
        get(d.get("q"))


def test_dates():
    date = ee.Date("2020-01-31T06:30")
    assert get(date) == {"type": "Date", "value": 1580452200000}
    assert get(date.advance(1, "month").format("yyyy-MM-dd HH:mm")) == "2020-02-29 06:30"
    assert get(date.get("month")) == 1
    assert get(date.getRelative("day", "year")) == 30
    assert get(ee.Date("2020-03-01").difference("2020-02-01", "day")) == 29
    assert get(date.getRange("month").end().format("yyyy-MM-dd")) == "2020-02-01"
    with pytest.raises(EEError, match="Invalid date"):
        get(ee.Date("yesterday").millis())


def test_properties():
    image = ee.Image("m")
    assert get(image.set("b", ee.Number(2).add(1)).toDictionary()) == {"a": 1, "b": 3}
    assert get(image.get("missing")) is None
    assert get(image.id()) == "m"
    info = get(image)
    assert info["bands"][0]["dimensions"] == [40, 30]
    assert info["properties"]["system:footprint"]["type"] == "LinearRing"


def test_geometries():
    ring = [[105, 51], [106, 51.2], [105.5, 52], [105, 51]]
    shape = ee.Geometry.Polygon([ring])
    expected = abs(Geod(ellps="WGS84").geometry_area_perimeter(shapely.Polygon(ring))[0])
    assert get(shape.area()) == pytest.approx(expected, rel=1e-9)
    assert get(shape.type()) == "Polygon"
    assert get(shape.bounds().coordinates())[0][2] == [106, 52]
    assert get(shape.intersects(ee.Geometry.Point([105.5, 51.5])))
    assert not get(shape.contains(ee.Geometry.Point([105.01, 51.9])))
    box = ee.Geometry.Rectangle([500_000, 5_700_000, 501_000, 5_702_000], "EPSG:32648", False)
    assert get(box.area()) == pytest.approx(2e6 / 0.9996**2, rel=1e-5)
    assert get(box.area(1, "EPSG:32648")) == pytest.approx(2e6)
    left, bottom, right, top = shapely.Polygon(get(box.transform("EPSG:4326", 1).coordinates())[0]).bounds
    assert 104.99 < left < right < 105.03 and 51.4 < bottom < top < 51.5
    grown = get(ee.Geometry.Point([105, 51]).buffer(1000).area())
    assert grown == pytest.approx(np.pi * 1e6, rel=0.01)
    wider = box.union(ee.Geometry.Rectangle([500_500, 5_700_000, 502_000, 5_702_000], "EPSG:32648", False))
    assert get(wider.area(1, "EPSG:32648")) == pytest.approx(4e6)

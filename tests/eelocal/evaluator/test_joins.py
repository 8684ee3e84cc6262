"""Joins, and what finds the images that belong together."""

import ee
import numpy as np
import pytest

from eelocal.errors import EEError
from memory_catalog import MemoryCatalog, MemoryImage, grid, pixels, value

DAYS = {"a": 15, "b": 16, "c": 15, "d": 15}
CATALOG = MemoryCatalog(
    *(
        MemoryImage(f"L/{name}", {"v": np.full((2, 2), number)}, properties={"day": day, "rank": -number})
        for number, (name, day) in enumerate(DAYS.items())
    ),
    *(MemoryImage(f"S/{name}", {"s": np.full((2, 2), ord(name))}) for name in "ac"),
)
SAME_DAY = {"leftField": "day", "rightField": "day"}


def images():
    return ee.ImageCollection("L")


def names(collection):
    return value(CATALOG, collection.aggregate_array("system:index"))


def joined(join, first, second, test):
    return ee.ImageCollection(join.apply(first, second, test))


def test_distinct_keeps_the_first_of_each():
    assert names(ee.ImageCollection(images().distinct("day"))) == ["a", "b"]
    assert names(ee.ImageCollection(images().distinct(["day", "rank"]))) == list("abcd")
    assert names(ee.ImageCollection(images().distinct("nothing"))) == ["a"]


@pytest.mark.parametrize(("ordering", "top"), [(None, 3), ("system:index", 3), ("rank", 0)])
def test_all_matches_are_saved_in_an_order(ordering, top):
    days = images().distinct("day")
    found = joined(ee.Join.saveAll("all", ordering), days, images(), ee.Filter.equals(**SAME_DAY))
    sizes = found.map(lambda image: image.set("n", ee.List(image.get("all")).size())).aggregate_array("n")
    assert value(CATALOG, sizes) == [3, 1]
    first = ee.ImageCollection.fromImages(ee.List(found.first().get("all"))).mosaic()
    assert (pixels(CATALOG, first, grid(2, 2)).bands[0].values == top).all()


def test_images_without_a_match_are_left_out():
    same = ee.Filter.equals(leftField="system:index", rightField="system:index")
    other = ee.ImageCollection("S")
    found = joined(ee.Join.saveFirst("s"), images(), other, same)
    assert names(found) == ["a", "c"]
    scores = found.map(lambda image: image.addBands(ee.Image(image.get("s")))).toBands()
    assert [int(band.values[0, 0]) for band in pixels(CATALOG, scores, grid(2, 2)).bands] == [0, 97, 2, 99]
    assert names(joined(ee.Join.saveFirst("s", outer=True), images(), other, same)) == list("abcd")
    assert names(joined(ee.Join.saveAll("s"), images(), other, ee.Filter.equals(**SAME_DAY))) == []


def test_joins_that_are_not_implemented_are_refused():
    same = ee.Filter.equals(**SAME_DAY)
    for join, test, words in (
        (ee.Join.saveAll("all", measureKey="m"), same, "measures"),
        (ee.Join.simple(), same, "does not implement 'Join.simple'"),
        (ee.Join.saveAll("all"), ee.Filter.And(same, same), "comparisons of properties alone"),
    ):
        with pytest.raises(EEError, match=words):
            names(joined(join, images(), images(), test))


def test_lists_are_joined_to_text():
    assert value(CATALOG, ee.List(["LANDSAT_8", 131, 23.0, 0.5]).join(" ")) == "LANDSAT_8 131 23 0.5"
    with pytest.raises(EEError, match="texts and numbers"):
        value(CATALOG, ee.List([[1]]).join(" "))

"""Collections: filters, maps and composites against numpy.ma."""

import warnings

import ee
import numpy as np
import pytest

from eelocal.errors import EEError
from memory_catalog import NORTH_UP, MemoryCatalog, MemoryImage, grid, pixels, value

RANDOM = np.random.default_rng(6)
SIZE = (12, 15)
DAY = 86_400_000
START = 1_592_179_200_000  # 2020-06-15
SCENES = []
for number in range(7):
    moved = (30.0, 0.0, NORTH_UP[2] + (30_000.0 if number == 6 else 0.0), 0.0, -30.0, NORTH_UP[5])
    SCENES.append(
        MemoryImage(
            f"L/scene_{number}",
            {"v": RANDOM.integers(0, 30, SIZE).astype(np.uint16), "w": RANDOM.normal(size=SIZE).astype(np.float32)},
            {"v": RANDOM.random(SIZE) < 0.6, "w": RANDOM.random(SIZE) < 0.6},
            {
                "WRS_PATH": 130 + number % 2,
                "CLOUD": float(number * 10),
                "system:time_start": START + number * 30 * DAY,
                "name": f"n{number}",
            },
            transform=moved,
        )
    )
CATALOG = MemoryCatalog(*SCENES)
STACK = {
    band: np.ma.stack([np.ma.array(s.data[band], mask=~s.masks[band]) for s in SCENES[:6]]) for band in ("v", "w")
}  # fmt: skip


def collection():
    return ee.ImageCollection("L")


def ids(made):
    return [name[-1] for name in value(CATALOG, made.aggregate_array("system:index"))]


def check(image, expected, index=0):
    out = pixels(CATALOG, image, grid(SIZE[1], SIZE[0])).bands[index]
    np.testing.assert_array_equal(out.mask, ~np.ma.getmaskarray(expected))
    np.testing.assert_allclose(out.values, np.ma.filled(expected.astype(float), 0), rtol=1e-6)
    return out


@pytest.mark.parametrize("name", ["median", "mean", "max", "min", "sum"])
def test_composites(name):
    image = getattr(collection(), name)()
    for index, band in enumerate("vw"):
        function = getattr(np.ma, name)
        check(image, function(STACK[band].astype(float), axis=0), index)
    assert value(CATALOG, image.bandNames()) == ["v", "w"]


def test_types_of_composites():
    out = pixels(CATALOG, collection().median(), grid(2, 2)).bands
    assert [band.values.dtype for band in out] == [np.float64, np.float32]
    assert pixels(CATALOG, collection().max(), grid(2, 2)).bands[0].values.dtype == np.uint16


def test_count_is_valid_where_nothing_is_seen():
    out = pixels(CATALOG, collection().count(), grid(SIZE[1] + 3, SIZE[0])).bands[0]
    assert out.mask.all()
    np.testing.assert_array_equal(out.values[:, : SIZE[1]], STACK["v"].count(axis=0))
    assert not out.values[:, SIZE[1] :].any()


def test_reducers_name_their_bands():
    reducer = (
        ee.Reducer.mean().combine(ee.Reducer.stdDev(), "", True).combine(ee.Reducer.percentile([25, 90]), "", True)
    )
    image = collection().reduce(reducer)
    assert value(CATALOG, image.bandNames()) == [
        f"{band}_{name}" for band in "vw" for name in ("mean", "stdDev", "p25", "p90")
    ]
    data = STACK["v"].astype(float)
    check(image, data.mean(axis=0))
    check(image, data.std(axis=0), 1)
    filled = np.where(np.ma.getmaskarray(data), np.nan, data.data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # pixels without a value
        p90 = np.nanpercentile(filled, 90, axis=0)
    check(image, np.ma.masked_invalid(p90), 3)


def test_first_last_mode_and_logic():
    v = collection().select("v")
    valid = ~np.ma.getmaskarray(STACK["v"])
    seen = valid.any(axis=0)
    first = np.take_along_axis(STACK["v"].data, valid.argmax(axis=0)[None], 0)[0]
    last = np.take_along_axis(STACK["v"].data, (5 - valid[::-1].argmax(axis=0))[None], 0)[0]
    check(v.reduce(ee.Reducer.firstNonNull()), np.ma.array(first, mask=~seen))
    check(v.reduce(ee.Reducer.lastNonNull()), np.ma.array(last, mask=~seen))
    few = v.map(lambda image: image.mod(3))
    mod = np.ma.array(STACK["v"].data % 3, mask=~valid)
    counts = np.ma.stack([(mod == k).filled(False).sum(axis=0) for k in range(3)])
    check(few.mode(), np.ma.array(counts.argmax(axis=0), mask=~seen))
    check(few.And(), np.ma.array((mod != 0).filled(True).all(axis=0), mask=~seen))
    check(few.Or(), np.ma.array((mod != 0).filled(False).any(axis=0), mask=~seen))


def test_image_reduce():
    image = ee.Image("L/scene_0")
    both = np.ma.stack([STACK["v"][0].astype(float), STACK["w"][0]])
    check(image.reduce(ee.Reducer.max()), both.max(axis=0))
    assert value(CATALOG, image.reduce(ee.Reducer.max()).bandNames()) == ["max"]


def test_quality_mosaic():
    image = collection().qualityMosaic("w")
    scores = STACK["w"].filled(-np.inf)
    best = scores.argmax(axis=0)[None]
    mask = np.take_along_axis(np.ma.getmaskarray(STACK["v"]), best, 0)[0] | np.ma.getmaskarray(STACK["w"]).all(axis=0)
    check(image, np.ma.array(np.take_along_axis(STACK["v"].data, best, 0)[0], mask=mask))


def test_filters():
    f = ee.Filter
    assert ids(collection().filter(f.eq("WRS_PATH", 131))) == ["1", "3", "5"]
    assert ids(collection().filter(f.lt("CLOUD", 25))) == ["0", "1", "2"]
    assert ids(collection().filter(f.Or(f.gte("CLOUD", 50), f.inList("name", ["n1"])))) == ["1", "5", "6"]
    assert ids(collection().filter(f.And(f.neq("WRS_PATH", 131), f.eq("CLOUD", 20).Not()))) == ["0", "4", "6"]
    assert ids(collection().filter(f.stringContains("name", "4"))) == ["4"]
    assert ids(collection().filter(f.notNull(["missing"]))) == []
    assert ids(collection().filter(f.lt("missing", 1))) == []
    assert ids(collection().filter(f.neq("missing", 1))) == list("0123456")  # the client sends not(equals)


def test_dates():
    assert ids(collection().filterDate("2020-07-01", "2020-09-01")) == ["1", "2"]
    assert ids(collection().filterDate("2020-06-15", "2020-07-15")) == ["0"]
    assert ids(collection().filterDate(ee.Date("2020-07-20").getRange("month"))) == ["1"]
    assert ids(collection().filter(ee.Filter.calendarRange(6, 8, "month"))) == ["0", "1", "2"]
    assert ids(collection().filter(ee.Filter.calendarRange(11, 6, "month"))) == ["0", "5", "6"]
    assert ids(collection().filter(ee.Filter.calendarRange(2020, 2020, "year"))) == list("0123456")


def test_bounds():
    inside = ee.Geometry.Point([NORTH_UP[2] + 100, NORTH_UP[5] - 100], "EPSG:32648")
    assert ids(collection().filterBounds(inside)) == list("012345")
    east = ee.Geometry.Point([NORTH_UP[2] + 30_100, NORTH_UP[5] - 100], "EPSG:32648")
    assert ids(collection().filterBounds(east.buffer(50))) == ["6"]
    assert ids(collection().filterBounds(ee.Geometry.Rectangle([105, 51.4, 105.6, 51.6]))) == list("0123456")


def test_order_and_lists():
    assert ids(collection().sort("CLOUD", False)) == list("6543210")
    assert ids(collection().limit(2, "CLOUD", False)) == ["6", "5"]
    assert ids(collection().sort("WRS_PATH")) == list("0246135")
    assert value(CATALOG, collection().size()) == 7
    assert value(CATALOG, collection().first().get("name")) == "n0"
    assert value(CATALOG, ee.Image(collection().toList(2, 3).get(1)).get("name")) == "n4"
    assert value(CATALOG, collection().merge(collection()).size()) == 14
    assert value(CATALOG, collection().aggregate_max("CLOUD")) == 60
    assert value(CATALOG, collection().aggregate_histogram("WRS_PATH")) == {"130": 4, "131": 3}


def test_map_keeps_the_index_and_arithmetic_drops_properties():
    made = collection().map(lambda image: image.add(1))
    assert ids(made) == list("0123456")
    assert value(CATALOG, made.first().get("name")) is None
    kept = collection().map(lambda image: image.add(1).copyProperties(image, ["name", "system:time_start"]))
    assert value(CATALOG, kept.first().toDictionary()) == {"name": "n0"}
    assert value(CATALOG, ee.Image(kept.first()).date().format("yyyy-MM-dd")) == "2020-06-15"


def test_map_over_outer_values_and_iterate():
    offsets = ee.List([1, 10]).map(lambda n: collection().select("v").map(lambda image: image.add(ee.Number(n))).max())
    check(ee.Image(offsets.get(1)), STACK["v"].max(axis=0) + 10)
    total = (
        collection()
        .select("v")
        .iterate(lambda image, so_far: ee.Image(so_far).add(ee.Image(image).unmask(0, False)), ee.Image(0))
    )
    check(ee.Image(total), np.ma.array(STACK["v"].filled(0).sum(axis=0)))


def test_to_bands():
    assert value(CATALOG, collection().limit(2).toBands().bandNames()) == [
        "scene_0_v",
        "scene_0_w",
        "scene_1_v",
        "scene_1_w",
    ]


def test_an_empty_collection_gives_an_image_without_bands():
    empty = collection().filter(ee.Filter.eq("WRS_PATH", 1))
    assert value(CATALOG, empty.median().bandNames()) == []
    with pytest.raises(EEError, match=r"Band pattern 'v' did not match any bands. Available bands: \[\]"):
        pixels(CATALOG, empty.median().select("v"), grid(2, 2))


def test_an_error_in_a_map_names_the_element():
    with pytest.raises(EEError, match=r"Error in map\(ID=scene_0\):\nImage.select: Band pattern 'q' did not match"):
        value(CATALOG, collection().map(lambda image: image.select("q")).size())

"""A look is a pass of the satellite: what comes in several scenes or processings counts once."""

from dataclasses import replace
from datetime import UTC, datetime

import ee
import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from shapely.geometry import box

from memory_catalog import MemoryCatalog, MemoryImage, client, grid, pixels
from scenes import ASSET_BANDS, GLO30, LANDSAT
from water_gee.earth import composite, composite_spec, label_image
from water_gee.earth.spec import LabelSpec
from water_gee.study import Area

SIZE = 12
LEFT, TOP = 600_000.0, 5_800_020.0  # in zone 48; 105 degrees and some east
CLOUD, WATER, CLEAR, FILL = 1 << 3, 1 << 7, 1 << 6, 1
PLACE = box(LEFT, TOP - 30 * SIZE, LEFT + 30 * SIZE, TOP)
AREA = Area("train", PLACE)
LANDSAT9 = LANDSAT.replace("LC08", "LC09")


@pytest.fixture(autouse=True, scope="module")
def graphs():
    with client():
        yield


@pytest.fixture
def spec(settings):
    return composite_spec(settings())


def scene(name, number=10_000, quality=CLEAR, at="2020-07-15T03:51:00", rows=slice(None), **properties):
    """A scene whose bands all hold one number, in some rows of the place, and fill in the others."""
    numbers, bits = np.zeros((SIZE, SIZE), "uint16"), np.full((SIZE, SIZE), FILL, "uint16")
    numbers[rows], bits[rows] = number, quality
    told = {"SPACECRAFT_ID": "LANDSAT_8", "WRS_PATH": 131, "WRS_ROW": 23, **properties}
    time = datetime.fromisoformat(at).replace(tzinfo=UTC).timestamp() * 1000
    return MemoryImage(
        name if "/" in name else f"{LANDSAT}/{name}",
        {**dict.fromkeys(ASSET_BANDS, numbers), "QA_PIXEL": bits},
        {band: numbers > 0 for band in ASSET_BANDS},
        {key: value for key, value in told.items() if value is not None} | {"system:time_start": int(time)},
        transform=(30.0, 0.0, LEFT, 0.0, -30.0, TOP),
    )


def bands(image, *images, crs="EPSG:32648", left=LEFT, top=TOP):
    """Pixels of the place by band, NaN where masked."""
    made = pixels(MemoryCatalog(*images), image, grid(SIZE, SIZE, base=(30.0, 0.0, left, 0.0, -30.0, top), crs=crs))
    return {band.name: np.where(band.mask, band.values.astype(float), np.nan) for band in made.bands}


def labels(spec, *images, area=AREA, **places):
    return bands(label_image(spec, area, 2020), *images, **places)


def test_the_later_of_two_processings_decides(spec):
    old = scene("LC08_131023_20200715_old", 9_000, WATER)
    new = scene("LC08_131023_20200715_two", 11_000)
    made = labels(spec, new, old)
    assert (made["clear_looks"] == 1).all() and (made["water_share"] == 0).all()
    nir = bands(composite(spec, AREA, 2020), new, old)["nir"]
    np.testing.assert_allclose(nir, 11_000 * 2.75e-5 - 0.2)


def test_a_pixel_that_the_later_processing_calls_cloud_is_not_seen(spec):
    old = scene("LC08_131023_20200715_old", 9_000)
    new = scene("LC08_131023_20200715_two", 11_000, CLOUD, rows=slice(6))
    made = labels(spec, old, new)
    np.testing.assert_array_equal(made["clear_looks"][:, 0], [0] * 6 + [1] * 6)


def test_rows_of_one_pass_are_one_look_where_they_overlap(spec):
    north = scene("LC08_131023_20200715", 9_000, rows=slice(8))
    south = scene("LC08_131024_20200715", 11_000, WATER, "2020-07-15T03:51:24", slice(4, None), WRS_ROW=24)
    other = scene("LC08_131023_20200731", 13_000, at="2020-07-31T03:51:00")
    made = labels(spec, north, south, other)
    assert (made["clear_looks"] == 2).all()
    np.testing.assert_array_equal(made["water_share"][:, 0], [0] * 4 + [0.5] * 8)
    nir = bands(composite(spec, AREA, 2020), north, south, other)["nir"][:, 0]
    expected = np.array([11_000] * 4 + [12_000] * 8) * 2.75e-5 - 0.2
    np.testing.assert_allclose(nir, expected)


def test_other_satellites_paths_and_days_are_other_looks(spec):
    both = replace(spec, sensor=spec.sensor.model_copy(update={"collections": [LANDSAT, LANDSAT9]}))
    images = [
        scene("LC08_131023_20200715"),
        scene(f"{LANDSAT9}/LC09_131023_20200715", SPACECRAFT_ID="LANDSAT_9"),
        scene("LC08_132023_20200715", WRS_PATH=132),
        scene("LC08_131023_20200716", at="2020-07-16T03:51:00"),
    ]
    assert (labels(both, *images)["clear_looks"] == 4).all()


def test_scenes_that_do_not_tell_their_pass_are_one_look_a_day(spec):
    images = [
        scene(f"any{number}", at=f"2020-07-{day}T03:51:00", WRS_PATH=None, SPACECRAFT_ID=None)
        for number, day in enumerate((15, 15, 16))
    ]
    assert (labels(spec, *images)["clear_looks"] == 2).all()


@pytest.mark.parametrize("area", [AREA, Area("train", PLACE, ((90, 83), (90, 84)))], ids=["box", "strips"])
def test_a_pass_over_midnight_is_one_look(spec, area):
    """Where the sun stands as in eastern Australia the UTC day ends within a pass."""
    south = replace(spec, grid=replace(spec.grid, crs="EPSG:32755"))
    images = [
        scene("LC08_090083_20200714", at="2020-07-14T23:59:50", WRS_PATH=90, WRS_ROW=83),
        scene("LC08_090084_20200715", at="2020-07-15T00:00:14", WRS_PATH=90, WRS_ROW=84),
    ]
    for image in images:
        image.crs = "EPSG:32755"
    made = labels(south, *images, area=area, crs="EPSG:32755")
    assert (made["clear_looks"] == 1).all()


def test_scenes_of_one_pass_in_two_utm_zones_meet_on_the_lattice(spec):
    """The west of the place is in the scene of zone 48, all of it in that of zone 49, which comes last."""
    left, top = 699_990.0, TOP
    lonlat = Transformer.from_crs("EPSG:32648", "EPSG:32649", always_xy=True).transform(left, top)
    corner = round(lonlat[0] / 30) * 30 - 3_000.0, round(lonlat[1] / 30) * 30 + 3_000.0
    west = scene("LC08_131023_20200715", 9_000)
    west.transform = (30.0, 0.0, left - 180.0, 0.0, -30.0, top)
    east = scene("LC08_131024_20200715", 11_000, WRS_ROW=24)
    rows, columns = np.mgrid[:240, :240]
    numbers = (5_000 + 7 * rows + 31 * columns).astype("uint16")
    numbers[:, 104:] = 0  # fill from here on: about the middle of the place
    east.data = {**dict.fromkeys(ASSET_BANDS, numbers), "QA_PIXEL": np.where(numbers, CLEAR, FILL).astype("uint16")}
    east.masks, east.crs, east.transform = {}, "EPSG:32649", (30.0, 0.0, corner[0], 0.0, -30.0, corner[1])
    area = Area("train", box(left, top - 30 * SIZE, left + 30 * SIZE, top))
    looks = labels(spec, west, east, area=area, left=left, top=top)["clear_looks"]
    nir = bands(composite(spec, area, 2020), west, east, left=left, top=top)["nir"]
    x, y = np.meshgrid(left + 15 + 30 * np.arange(SIZE), top - 15 - 30 * np.arange(SIZE))
    x, y = Transformer.from_crs("EPSG:32648", "EPSG:32649", always_xy=True).transform(x, y)
    column, row = (np.floor(part).astype(int) for part in (~Affine(*east.transform) @ (x, y)))
    seen = numbers[row, column].astype(float)
    assert (seen > 0).any() and (seen == 0).any()
    there = np.where(seen > 0, seen, np.where(np.arange(SIZE) < SIZE - 6, 9_000, np.nan))
    np.testing.assert_array_equal(looks, ~np.isnan(there))
    np.testing.assert_allclose(nir, there * 2.75e-5 - 0.2)


def test_a_pixel_is_lit_by_the_sun_of_the_scene_that_it_is_of(spec):
    low = scene("LC08_131023_20200715", SUN_AZIMUTH=150.0, SUN_ELEVATION=30.0)
    high = scene("LC08_131024_20200715", rows=slice(6, None), SUN_AZIMUTH=150.0, SUN_ELEVATION=60.0, WRS_ROW=24)
    flat = MemoryImage(f"{GLO30}/flat", {"DEM": np.full((40, 40), 500.0, "float32")})
    flat.transform = (30.0, 0.0, LEFT - 300.0, 0.0, -30.0, TOP + 300.0)
    image = label_image(spec, AREA, 2020, LabelSpec(beside=("illumination",)))
    lit = bands(image, low, high, flat)["illumination"]
    np.testing.assert_allclose(lit[:, 0], [0.5] * 6 + [np.sqrt(0.75)] * 6, rtol=1e-6)


def test_an_expression_does_not_change_with_the_outline_that_strips_have(spec):
    one, other = (label_image(spec, Area("a", place, ((131, 23),)), 2020) for place in (PLACE, PLACE.buffer(9_000)))
    assert ee.serializer.toJSON(one) == ee.serializer.toJSON(other)


def test_an_area_may_be_one_scene_of_its_strip(spec):
    area = Area("test", PLACE, ((131, 23),), ("LC08_131023_20200731",))
    images = scene("LC08_131023_20200715", 9_000), scene("LC08_131023_20200731", 11_000, at="2020-07-31T03:51:00")
    assert (labels(spec, *images, area=area)["clear_looks"] == 1).all()
    np.testing.assert_allclose(bands(composite(spec, area, 2020), *images)["nir"], 11_000 * 2.75e-5 - 0.2)

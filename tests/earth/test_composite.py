"""The composite, its features and its labels are what the scenes' files say, pixel by pixel."""

from dataclasses import replace

import numpy as np
import pytest
from shapely.geometry import Polygon, box

import scenes
from scenes import STRIPS, WINTER, Strip, direct_features, direct_leb
from water_gee.earth import LabelSpec, composite, composite_spec, feature_image, fetch, label_image, within
from water_gee.study import Area, Window
from water_gee.tiles import cut

STRIP = STRIPS[0]
ALL = ("blue", "green", "red", "nir", "swir1", "swir2", "ndvi", "ndwi", "mndwi", "leb", "elevation")
AREA = Area("train", box(*STRIP.bounds), ((131, 23),))


@pytest.fixture
def spec(settings):
    return composite_spec(settings(f"features.names=[{','.join(ALL)}]"))


def whole(spec, strip: Strip = STRIP) -> Window:
    return spec.grid.window(strip.bounds)


@pytest.mark.parametrize("strip", STRIPS, ids=["131", "135"])
def test_features_and_labels_equal_a_direct_computation(session, spec, scene_catalog, strip):
    area = Area("any", box(*strip.bounds), ((strip.path, 23),))
    expected = direct_features(scene_catalog, strip, 2020)
    features = fetch(feature_image(spec, area, 2020), spec.grid, whole(spec, strip), ALL)
    for name, values in zip(ALL, features, strict=True):
        np.testing.assert_allclose(values, expected[name], atol=2e-6, err_msg=name)
    share, looks = fetch(label_image(spec, area, 2020), spec.grid, whole(spec, strip), ("water_share", "clear_looks"))
    np.testing.assert_allclose(share, expected["water_share"], atol=1e-7)
    np.testing.assert_array_equal(looks, expected["clear_looks"])


def test_a_pixel_masked_in_one_band_is_masked_in_all(session, spec):
    features = fetch(feature_image(spec, AREA, 2019), spec.grid, whole(spec).buffer(5), ALL)
    masked = np.isnan(features)
    assert masked.any() and not masked.all()
    assert (masked.all(axis=0) == masked.any(axis=0)).all()


def test_pixels_do_not_depend_on_how_the_area_is_cut(session, spec):
    bands = ("mndwi", "leb", "slope")
    image = feature_image(replace(spec, features=bands), AREA, 2019)
    outer = whole(spec).buffer(4)
    piece = fetch(image, spec.grid, outer, bands)
    random = np.random.default_rng(1)
    for _ in range(4):
        left, top = random.integers(0, 140), random.integers(0, 100)
        window = Window(outer.left + int(left), outer.top + int(top), 37, 41)
        y, x = window.within(outer)
        np.testing.assert_array_equal(fetch(image, spec.grid, window, bands), piece[:, y, x])


def test_slope_is_that_of_the_elevation(session, spec):
    bands = ("elevation", "slope")
    window = whole(spec)
    elevation, slope = fetch(feature_image(replace(spec, features=bands), AREA, 2019), spec.grid, window, bands)
    rise, run = np.gradient(elevation * 4000.0, scenes.SCALE)
    expected = np.degrees(np.arctan(np.hypot(rise, run))) / 90
    inside = np.zeros(slope.shape, bool)
    inside[1:-1, 1:-1] = ~np.isnan(expected[1:-1, 1:-1])
    assert inside.sum() > 10_000
    np.testing.assert_allclose(slope[inside], expected[inside], atol=1e-4)


def test_the_season_leaves_out_the_winter(session, spec, scene_catalog):
    winter = replace(spec, months=(1, 1), features=("nir",))
    values = fetch(feature_image(winter, AREA, 2020), spec.grid, whole(spec), ("nir",))[0]
    np.testing.assert_allclose(values, direct_features(scene_catalog, STRIP, 2020, (WINTER,))["nir"], atol=2e-6)


@pytest.mark.parametrize(
    ("months", "season"),
    [
        ((6, 8), ("2020-06-01", "2020-09-01")),
        ((12, 12), ("2020-12-01", "2021-01-01")),
        ((12, 2), ("2019-12-01", "2020-03-01")),
        ((1, 12), ("2020-01-01", "2021-01-01")),
    ],
)
def test_a_season_that_passes_the_new_year_belongs_to_the_year_in_which_it_ends(spec, months, season):
    assert replace(spec, months=months).season(2020) == season


SLANTED = Polygon([(600_455, 5_799_800), (605_111.5, 5_799_303), (605_700, 5_795_444), (601_205, 5_796_105)])
BANDS = ("blue", "elevation", "water_share", "clear_looks", "share_mndwi", "illumination")


@pytest.mark.parametrize(
    "outline",
    [box(601_200, 5_795_220, 602_700, 5_800_020), box(601_215, 5_796_015, 603_015, 5_798_985), SLANTED],
    ids=["on the lattice", "through the centres of pixels", "slanted"],
)
def test_what_is_masked_here_is_what_earth_engine_would_clip(session, spec, outline):
    area, labels = Area("train", outline), LabelSpec(sources=("mndwi",), beside=("illumination",))
    image = feature_image(spec, area, 2020).addBands(label_image(spec, area, 2020, labels)).select(list(BANDS))
    clipped = within(spec, area, image)
    clipped = clipped.addBands(clipped.select("clear_looks").unmask(0, False), None, True)
    window = whole(spec).buffer(3)
    expected = fetch(clipped, spec.grid, window, BANDS)
    there = ~np.isnan(expected[0])
    assert 0.1 < there.mean() < 0.9
    found = cut(fetch(image, spec.grid, window, BANDS), BANDS, area, spec.grid, window)
    np.testing.assert_array_equal(found, expected)
    assert (found[BANDS.index("clear_looks")][~area.inside(spec.grid, window)] == 0).all()
    light = fetch(within(spec, area.within(spec.grid, window), image), spec.grid, window, BANDS[:1])
    np.testing.assert_array_equal(np.isnan(light[0]), ~there)


def test_scenes_off_the_lattice_are_taken_from_their_nearest_pixel(session, spec, scene_catalog):
    shifted = replace(spec, grid=replace(spec.grid, origin=(10.0, 10.0)), features=("nir",))
    window = Window(20_000, -193_334, 50, 50)
    values = fetch(feature_image(shifted, AREA, 2020), shifted.grid, window, ("nir",))[0]
    expected = direct_features(scene_catalog, STRIP, 2020)["nir"][:50, :50]
    np.testing.assert_allclose(values, expected, atol=2e-6)


def test_the_mean_is_there_for_who_wants_it(session, spec):
    mean = replace(spec, sensor=spec.sensor.model_copy(update={"reducer": "mean"}))
    one = fetch(composite(spec, AREA, 2020), spec.grid, whole(spec), ("nir",))
    other = fetch(composite(mean, AREA, 2020), spec.grid, whole(spec), ("nir",))
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
    assert np.nanmax(np.abs(one - other)) > 1e-3


def test_line_enhancement_of_a_line_is_largest_on_the_line():
    index = np.full((11, 11), -0.5)
    index[5] = 0.8
    assert (direct_leb(index).argmax(axis=0) == 5).all()


def test_scenes_that_two_collections_share_count_once(session, spec):
    twice = replace(spec, sensor=spec.sensor.model_copy(update={"collections": spec.sensor.collections * 2}))
    looks = [fetch(label_image(one, AREA, 2020), spec.grid, whole(spec), ("clear_looks",))[0] for one in (spec, twice)]
    np.testing.assert_array_equal(*looks)

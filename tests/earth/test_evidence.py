"""What each label source says is what the scenes' numbers say, look by look, on awkward pixels."""

from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path

import ee
import numpy as np
import pytest
from shapely.geometry import box

import scenes
from earth.said import CLASS_OF, DSWE, Numbers, codes, says
from eelocal import Server
from local_earth import earth_at
from scenes import ASSET_BANDS, BANDS, GLO30, LANDSAT, STRIPS, milliseconds, write_asset
from water_gee.config.settings import Settings
from water_gee.earth import (
    Session,
    composite_spec,
    connect,
    feature_image,
    fetch,
    history_versions,
    label_image,
    label_spec,
    possible_ranges,
)
from water_gee.earth.evidence import SOURCES, Look
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.study import Area, Window

HEIGHT, WIDTH = 40, 50
STRIP = STRIPS[0]
PLACE = (STRIP.left, STRIP.top - HEIGHT * 30, STRIP.left + WIDTH * 30, STRIP.top)
AREA = Area("train", box(*PLACE), ((131, 23),))
MONTHLY = "JRC/GSW1_4/MonthlyHistory"
# Where the sun stands, by day: the first lights the slope, the second stands behind it, the third is not known.
SUNS = {"0611": {"SUN_AZIMUTH": 140.0, "SUN_ELEVATION": 50.0}, "0713": {"SUN_AZIMUTH": 0.0, "SUN_ELEVATION": 10.0}}
DAYS = (*SUNS, "0829")
EAST, NORTH = -0.3, 0.4  # metres that the ground rises a metre to the east and to the north
ALL = "labels.sources=[qa,cfmask,mndwi,awei,wi2015,ndwi,dswe,fmask]"
SHARES = ("cfmask", "mndwi", "awei", "wi2015", "ndwi", "dswe", "dswe_partial", "fmask")


def scene(random: np.random.Generator) -> np.ndarray:
    """Digital numbers and quality band [band, y, x]: dark and bright pixels, negative ones, clouds and fill."""
    dark = random.uniform(-0.03, 0.12, (6, HEIGHT, WIDTH))
    spectra = np.where(random.random((HEIGHT, WIDTH)) < 0.6, dark, random.uniform(-0.05, 0.5, dark.shape))
    spectra[:, :2, :2] = -0.01  # no reflectance in any band: all differences are 0
    quality = np.where(random.random((HEIGHT, WIDTH)) < 0.4, 1 << 7, 0) | 1 << 6
    quality[random.random((HEIGHT, WIDTH)) < 0.25] |= 1 << 3
    quality[random.random((HEIGHT, WIDTH)) < 0.2] |= 1 << 5
    quality[random.random((HEIGHT, WIDTH)) < 0.15] |= 1 << 4
    numbers = np.round((spectra + 0.2) / 2.75e-5)
    fill = random.random((HEIGHT, WIDTH)) < 0.1
    numbers[:, fill], quality[fill] = 0, 1
    numbers[3, random.random((HEIGHT, WIDTH)) < 0.03] = 0  # one band alone
    quality[0, 5] = numbers[:, 0, 5] = 0
    return np.concatenate([numbers, quality[None]]).astype("uint16")


def plane() -> np.ndarray:
    """The ground's height [y, x] in metres."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] * 30.0
    return (500 + EAST * x - NORTH * y).astype("float32")


@pytest.fixture(scope="module")
def looks() -> list[tuple[Numbers, np.ndarray, np.ndarray]]:
    """The scenes' reflectance by band, where each is seen clearly, and its water bit."""
    found = []
    for seed, _ in enumerate(DAYS):
        numbers = scene(np.random.default_rng(seed)).astype(np.int64)
        quality = numbers[-1]
        clear = (quality & (scenes.CLOUD_BITS | 1) == 0) & (numbers[:6] >= 1).all(axis=0)
        reflectance = dict(zip(BANDS, numbers[:6] * 2.75e-5 - 0.2, strict=True))
        found.append((reflectance, clear, quality >> 7 & 1 == 1))
    return found


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """A session on a catalog of those scenes, a tilted plane and three months of JRC's history."""
    catalog: Path = tmp_path_factory.mktemp("evidence")
    write_asset(catalog / GLO30 / "DEM.tif", plane()[None], ("DEM",), STRIP, {})
    for seed, day in enumerate(DAYS):
        properties = {"WRS_PATH": 131, "WRS_ROW": 23, "system:time_start": milliseconds(2020, day)}
        path = catalog / LANDSAT / f"LC08_131023_2020{day}.tif"
        numbers = scene(np.random.default_rng(seed))
        write_asset(path, numbers, (*ASSET_BANDS, "QA_PIXEL"), STRIP, {**properties, **SUNS.get(day, {})}, nodata=0)
    for day, values in history().items():
        path = catalog / MONTHLY / f"2020_{day[:2]}.tif"
        write_asset(path, values[None], ("water",), STRIP, {"system:time_start": milliseconds(2020, day)})
    with (
        Server(catalog) as server,
        connect(earth_at(server.url), Layout(catalog)) as connected,
    ):
        yield connected


def history() -> dict[str, np.ndarray]:
    """JRC's months by day: 0 no data, 1 not water, 2 water. May is not of the season."""
    random = np.random.default_rng(9)
    return {day: random.integers(0, 3, (HEIGHT, WIDTH)).astype("uint8") for day in ("0501", "0601", "0701", "0801")}


@pytest.fixture
def labels(service: Session, settings: Callable[..., Settings]) -> Callable[..., Numbers]:
    """A function from overrides to the label bands by name, [y, x]."""

    def get(*overrides: str, area: Area = AREA) -> Numbers:
        chosen = settings(*overrides)
        spec, wanted = composite_spec(chosen), label_spec(chosen)
        image = label_image(spec, area, 2020, wanted)
        values = fetch(image, spec.grid, spec.grid.window(PLACE), wanted.bands)
        return dict(zip(wanted.bands, values, strict=True))

    return get


def shares(looks: list[tuple[Numbers, np.ndarray, np.ndarray]], name: str) -> np.ndarray:
    """The share of clear looks that a source calls water, NaN where there is none."""
    count = np.sum([clear for _, clear, _ in looks], axis=0)
    water = np.sum([clear & says(reflectance, bit)[name] for reflectance, clear, bit in looks], axis=0)
    return np.where(count > 0, water / np.maximum(count, 1), np.nan)


def test_the_scenes_are_awkward(looks) -> None:
    count = np.sum([clear for _, clear, _ in looks], axis=0)
    assert set(np.unique(count)) == {0, 1, 2, 3}
    assert all((reflectance["nir"][clear] < 0).any() for reflectance, clear, _ in looks)
    found = {code for reflectance, clear, _ in looks for code in codes(reflectance)[clear]}
    assert {CLASS_OF[code] for code in found} == set(DSWE) and len(found) > 20


def test_every_source_is_what_the_numbers_say(labels, looks) -> None:
    bands = labels(ALL)
    for name in SHARES:
        expected = shares(looks, name)
        np.testing.assert_allclose(bands[f"share_{name}"], expected, atol=1e-6, err_msg=name)
        assert len(np.unique(expected[~np.isnan(expected)])) == 5, f"{name}: thirds and halves"
    np.testing.assert_allclose(bands["water_share"], shares(looks, "fmask"), atol=1e-6)
    np.testing.assert_array_equal(bands["clear_looks"], np.sum([clear for _, clear, _ in looks], axis=0))


def test_cfmasks_rule_can_stand_in_for_the_quality_band(labels, looks) -> None:
    bands = labels("labels.bit=cfmask", "labels.sources=[fmask]")
    np.testing.assert_allclose(bands["water_share"], shares(looks, "cfmask"), atol=1e-6)
    np.testing.assert_allclose(bands["share_fmask"], shares(looks, "fmask"), atol=1e-6)
    assert np.nanmax(np.abs(bands["water_share"] - bands["share_fmask"])) == 1


def test_the_table_of_dswe_is_whole() -> None:
    assert sorted(CLASS_OF) == ["".join(digits) for digits in product("01", repeat=5)]


@pytest.mark.parametrize(
    ("pixel", "code", "water", "partial"),
    [
        # Clear deep water passes all five: MNDWI .6, .07 > .02, AWEI .12.
        ((0.05, 0.04, 0.03, 0.01, 0.01, 0.005), "11111", 1, 1),
        # Turbid water, bright in the near infrared: MNDWI .2, .16 < .19, AWEI -.02; 4 and 5 pass.
        ((0.05, 0.09, 0.07, 0.13, 0.06, 0.03), "11001", 1, 1),
        # Dark ground: MNDWI -.2, .09 < .14, AWEI -.09; 4 and 5 pass.
        ((0.03, 0.04, 0.05, 0.08, 0.06, 0.05), "11000", 0, 1),
        # Reeds in water: MNDWI -.25, AWEI -.28; SWIR1 .1 fails 4, and 5 passes alone.
        ((0.03, 0.06, 0.05, 0.20, 0.10, 0.05), "10000", 0, 1),
        # Haze over land: MNDWI .5 alone.
        ((0.30, 0.30, 0.30, 0.90, 0.10, 0.10), "00001", 0, 0),
        # Forest: MNDWI -.6.
        ((0.02, 0.04, 0.03, 0.30, 0.16, 0.07), "00000", 0, 0),
        # Negative reflectance as 0 in the differences: MNDWI 1, NDVI 0; .02 > -.02, AWEI .09.
        ((0.02, 0.01, 0.01, -0.01, -0.01, -0.02), "11111", 1, 1),
    ],
)
def test_a_hand_worked_pixel_has_its_class(service, settings, pixel, code, water, partial) -> None:
    assert codes({name: np.array([value]) for name, value in zip(BANDS, pixel, strict=True)}).item() == code
    look = Look(ee.Image.constant(list(pixel)).rename(list(BANDS)), None)
    image = ee.Image.cat(SOURCES["dswe"].build(look)).rename(["dswe", "dswe_partial"])
    found = fetch(image, composite_spec(settings()).grid, Window(20_000, -193_334, 1, 1), ("dswe", "dswe_partial"))
    assert found.ravel().tolist() == [water, partial]


def test_illumination_is_the_suns_on_a_tilted_plane(labels, looks) -> None:
    normal = np.array([-EAST, -NORTH, 1]) / np.linalg.norm([EAST, NORTH, 1])
    lit = []
    for day in DAYS:
        azimuth, height = (np.radians(SUNS.get(day, {}).get(f"SUN_{name}", 0)) for name in ("AZIMUTH", "ELEVATION"))
        sun = [np.sin(azimuth) * np.cos(height), np.cos(azimuth) * np.cos(height), np.sin(height)]
        lit.append(max(normal @ np.array(sun), 0) if day in SUNS else 1.0)
    assert 0.8 < lit[0] < 1 and lit[1] == 0 and lit[2] == 1
    clear = np.array([clear for _, clear, _ in looks])
    count = clear.sum(axis=0)
    expected = np.where(count > 0, np.tensordot(lit, clear, 1) / np.maximum(count, 1), np.nan)
    found = labels("labels.sources=[]", "labels.beside=[illumination]")["illumination"]
    inside = slice(1, -1), slice(1, -1)  # the plane's border has no slope
    np.testing.assert_allclose(found[inside], expected[inside], atol=1e-5)


def test_snow_is_the_share_of_the_clear_looks_with_its_bit(labels, looks) -> None:
    clear = np.array([clear for _, clear, _ in looks])
    bits = [scene(np.random.default_rng(seed))[-1] >> 5 & 1 for seed, _ in enumerate(DAYS)]
    count = clear.sum(axis=0)
    expected = np.where(count > 0, (clear * bits).sum(axis=0) / np.maximum(count, 1), np.nan)
    assert 0.1 < np.nanmean(expected) < 0.3
    np.testing.assert_allclose(labels("labels.beside=[snow]")["snow"], expected, atol=1e-6)


def test_ground_beyond_the_elevation_model_is_flat(labels, looks) -> None:
    found = labels("labels.beside=[illumination]")["illumination"]
    only_first = looks[0][1] & ~looks[1][1] & ~looks[2][1]
    border = np.ones((HEIGHT, WIDTH), bool)
    border[1:-1, 1:-1] = False
    assert (only_first & border).any()
    np.testing.assert_allclose(found[only_first & border], np.sin(np.radians(50)), atol=1e-6)


def test_bands_beside_are_those_of_the_features_that_bear_their_names(service, labels, settings) -> None:
    names = (*BANDS, "elevation", "slope")
    chosen = settings(f"features.names=[{','.join(names)}]")
    spec = composite_spec(chosen)
    features = fetch(feature_image(spec, AREA, 2020), spec.grid, spec.grid.window(PLACE), names)
    bands = labels("features.names=[ndvi]")
    for name, expected in zip(names, features, strict=True):
        np.testing.assert_array_equal(bands[name], expected, err_msg=name)


def test_all_is_masked_where_there_is_no_clear_look(labels) -> None:
    bands = labels(ALL, "features.names=[ndvi]")
    looks = bands.pop("clear_looks")
    assert (looks == 0).any() and (looks > 0).any()
    for name, values in bands.items():
        np.testing.assert_array_equal(np.isnan(values), looks == 0, err_msg=name)


def test_the_history_is_the_share_of_the_seasons_months(labels, looks) -> None:
    months = np.stack([values for day, values in history().items() if day != "0501"])
    seen = (months > 0).sum(axis=0)
    expected = np.where(seen > 0, (months == 2).sum(axis=0) / np.maximum(seen, 1), np.nan)
    expected[np.sum([clear for _, clear, _ in looks], axis=0) == 0] = np.nan
    np.testing.assert_allclose(labels("labels.sources=[ndwi,jrc]")["share_jrc"], expected, atol=1e-6)


def test_the_history_belongs_to_what_the_pixels_are_made_of(service, settings) -> None:
    spec = composite_spec(settings())
    assert [name.split("/")[-1] for name in history_versions(service, spec, [2020])[2020]][:3] == [
        "2020_06", "2020_07", "2020_08",
    ]  # fmt: skip
    with pytest.raises(EarthError, match=r"labels.sources: jrc has no month of the season of 2019 .* leave jrc out"):
        history_versions(service, spec, [2019, 2020])


def test_values_lie_in_the_ranges_that_are_possible(labels, settings) -> None:
    chosen = settings(ALL, "features.names=[ndvi]")
    ranges = possible_ranges(composite_spec(chosen), label_spec(chosen))
    for name, values in labels(ALL, "features.names=[ndvi]").items():
        low, high = ranges[name]
        assert low - 1e-6 <= np.nanmin(values) and np.nanmax(values) <= high + 1e-6, name


def test_every_source_says_where_it_comes_from() -> None:
    assert all(source.build.__doc__ for source in SOURCES.values())


def test_a_look_is_judged_alike_whatever_else_is_asked_for(labels) -> None:
    alone, together = labels("labels.sources=[dswe]", "labels.beside=[]"), labels(ALL)
    for name in ("water_share", "clear_looks", "share_dswe", "share_dswe_partial"):
        np.testing.assert_array_equal(alone[name], together[name])


def test_a_window_of_the_lattice_holds_the_same_pixels(service, settings) -> None:
    chosen = settings(ALL)
    spec, wanted = composite_spec(chosen), label_spec(chosen)
    image, whole = label_image(spec, AREA, 2020, wanted), spec.grid.window(PLACE)
    values = fetch(image, spec.grid, whole, wanted.bands)
    window = Window(whole.left + 7, whole.top + 11, 13, 17)
    y, x = window.within(whole)
    np.testing.assert_array_equal(fetch(image, spec.grid, window, wanted.bands), values[:, y, x])

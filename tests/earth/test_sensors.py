"""Every sensor of `conf/sensor`: reflectance worked out by hand for each band role, and what its quality band says."""

from datetime import UTC, datetime

import numpy as np
import pytest
from shapely.geometry import box

from memory_catalog import MemoryCatalog, MemoryImage, client, grid, pixels
from scenes import GLO30
from water_gee.config.compose import compose, repository
from water_gee.config.settings import load
from water_gee.earth import composite, composite_spec, label_image, label_spec
from water_gee.study import Area

LEFT, TOP = 600_000.0, 5_800_020.0
AREA = Area("train", box(LEFT, TOP - 30, LEFT + 180, TOP))
OLI = {
    "SR_B1": 7_000,
    "SR_B2": 8_000,
    "SR_B3": 9_000,
    "SR_B4": 10_000,
    "SR_B5": 11_000,
    "SR_B6": 12_000,
    "SR_B7": 13_000,
}
TM = {"SR_B1": 8_000, "SR_B2": 9_000, "SR_B3": 10_000, "SR_B4": 11_000, "SR_B5": 12_000, "SR_B7": 13_000}
L30 = {"B1": 0.01, "B2": 0.02, "B3": 0.0475, "B4": 0.075, "B5": 0.1025, "B6": 0.13, "B7": 0.1575, "B9": 0.9}
S30 = {
    "B1": 0.01, "B2": 0.02, "B3": 0.0475, "B4": 0.075, "B5": 0.91, "B6": 0.92, "B7": 0.93, "B8": 0.94, "B8A": 0.1025,
    "B9": 0.95, "B10": 0.96, "B11": 0.13, "B12": 0.1575,
}  # fmt: skip
MSI = {"B1": 100, "B2": 200, "B3": 475, "B4": 750, "B5": 9_100, "B8": 9_400, "B8A": 1_025, "B11": 1_300, "B12": 1_575}
# Of all scenes above, by hand: 8,000 x 2.75e-5 - 0.2 = 0.02, 200 x 1e-4 = 0.02, and so on.
GOLDEN = {"blue": 0.02, "green": 0.0475, "red": 0.075, "nir": 0.1025, "swir1": 0.13, "swir2": 0.1575}
# The pixels of a scene: land, water, cloud, cloud shadow, snow, fill.
QA_PIXEL = 64, 128 + 64, 8, 16, 32, 1
FMASK = 0, 32, 2, 8, 16, 255
SCL = 4, 6, 9, 3, 11, 0
SEEN = [1, 1, 0, 0, 1, 0]
LANDSAT_SUN = {"SUN_AZIMUTH": 150.0, "SUN_ELEVATION": 30.0}
HLS_SUN = {"MEAN_SUN_AZIMUTH_ANGLE": 150.0, "MEAN_SUN_ZENITH_ANGLE": 60.0}
MSI_SUN = {"MEAN_SOLAR_AZIMUTH_ANGLE": 150.0, "MEAN_SOLAR_ZENITH_ANGLE": 60.0}


def image(asset, numbers, quality, codes, at="2020-07-15", dtype="uint16", **properties):
    time = datetime.fromisoformat(f"{at}T03:51:00").replace(tzinfo=UTC).timestamp() * 1000
    codes = np.array([codes])
    data = {band: np.full(codes.shape, number, dtype) for band, number in numbers.items()}
    kept = np.array([[True] * 5 + [False]])
    return MemoryImage(
        asset, {**data, quality: codes.astype("uint16")}, dict.fromkeys(data, kept),
        {"system:time_start": int(time), **properties}, transform=(30.0, 0.0, LEFT, 0.0, -30.0, TOP),
    )  # fmt: skip


def landsat(number, bands, at="2020-07-15", codes=QA_PIXEL):
    name = f"{'LC' if number > 7 else 'LE' if number == 7 else 'LT'}{number:02d}"
    asset = f"LANDSAT/{name}/C02/T1_L2/{name}_131023_{at.replace('-', '')}"
    told = {"SPACECRAFT_ID": f"LANDSAT_{number}", "WRS_PATH": 131, "WRS_ROW": 23, **LANDSAT_SUN}
    return image(asset, bands, "QA_PIXEL", codes, at, **told)


def hls(kind, bands, codes=FMASK):
    return image(f"NASA/HLS/HLS{kind}/v002/T48UXA", bands, "Fmask", codes, dtype="float64", **HLS_SUN)


def sentinel2(tile="T48UXA", codes=SCL, numbers=MSI, orbit=4):
    told = {"SPACECRAFT_NAME": "Sentinel-2A", "SENSING_ORBIT_NUMBER": orbit, **MSI_SUN}
    return image(f"COPERNICUS/S2_SR_HARMONIZED/{tile}", numbers, "SCL", codes, **told)


def score(*values, tile="T48UXA"):
    data = {"cs": np.zeros((1, 6)), "cs_cdf": np.array([values])}
    return MemoryImage(
        f"GOOGLE/CLOUD_SCORE_PLUS/V1/S2_HARMONIZED/{tile}", data, properties=sentinel2().properties,
        transform=(30.0, 0.0, LEFT, 0.0, -30.0, TOP),
    )  # fmt: skip


SCORE = score(0.9, 0.9, 0.3, 0.59, 0.6, 0.9)
SCENES = {
    "landsat8": [landsat(8, OLI)],
    "landsat89": [landsat(8, OLI), landsat(9, OLI, "2020-07-23")],
    "landsat57": [landsat(5, TM), landsat(7, TM, "2020-07-23")],
    "landsat578": [landsat(5, TM), landsat(7, TM, "2020-07-23"), landsat(8, OLI, "2020-07-31")],
    "hls": [hls("L30", L30), hls("S30", S30)],
    "sentinel2": [sentinel2(), SCORE],
    "sentinel2_scl": [sentinel2()],
}
LOOKS = {"landsat89": 2, "landsat57": 2, "landsat578": 3, "hls": 2}
BOXES = "name: boxes\ncrs: EPSG:32648\nscale: 30\nyears: [2020]\nmonths: [6, 8]\ncatalog: none\nareas:\n" + "\n".join(
    f"  {name}: {{bbox: [{left}, 0, {left + 1}, 1]}}" for name, left in (("train", 0), ("test", 2), ("map", 0))
)


@pytest.fixture(autouse=True, scope="module")
def graphs():
    with client():
        yield


@pytest.fixture
def made(tmp_path):
    """A function from a sensor and overrides to its settings, for areas that are boxes."""
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "boxes.yaml").write_text(BOXES, encoding="utf-8")

    def settings(sensor, *overrides):
        return load(compose(["study=boxes", f"sensor={sensor}", *overrides], str(tmp_path)))

    return settings


def bands(picture, *images):
    flat = MemoryImage(f"{GLO30}/flat", {"DEM": np.full((40, 40), 500.0, "float32")})
    flat.transform = (30.0, 0.0, LEFT - 300.0, 0.0, -30.0, TOP + 300.0)
    place = grid(6, 1, base=(30.0, 0.0, LEFT, 0.0, -30.0, TOP))
    out = pixels(MemoryCatalog(*images, flat), picture, place)
    return {band.name: np.where(band.mask, band.values.astype(float), np.nan)[0] for band in out.bands}


def test_every_sensor_is_measured_here():
    assert set(SCENES) == {path.stem for path in (repository() / "conf" / "sensor").glob("*.yaml")}


@pytest.mark.parametrize("sensor", SCENES)
def test_reflectance_is_the_one_worked_out_by_hand(made, sensor):
    found = bands(composite(composite_spec(made(sensor)), AREA, 2020), *SCENES[sensor])
    assert list(found) == list(GOLDEN)
    for role, value in GOLDEN.items():
        np.testing.assert_allclose(found[role], np.where(SEEN, value, np.nan), rtol=1e-6, err_msg=role)


@pytest.mark.parametrize("sensor", SCENES)
def test_what_the_quality_band_says_and_how_the_sun_stood(made, sensor):
    settings = made(sensor)
    labels = label_spec(settings)
    found = bands(label_image(composite_spec(settings), AREA, 2020, labels), *SCENES[sensor])
    np.testing.assert_array_equal(found["clear_looks"], np.array(SEEN) * LOOKS.get(sensor, 1))
    np.testing.assert_array_equal(found["water_share"], [0, 1, np.nan, np.nan, 0, np.nan])
    np.testing.assert_array_equal(found["snow"], [0, 0, np.nan, np.nan, 1, np.nan])
    np.testing.assert_allclose(found["illumination"], np.where(SEEN, 0.5, np.nan))
    assert {"share_mndwi", "share_dswe"} <= set(found)


def test_cirrus_hides_the_ground_of_landsat_8_alone(made):
    images = [
        landsat(5, TM, codes=(68,) * 6),
        landsat(7, TM, "2020-07-23", (68,) * 6),
        landsat(8, OLI, codes=(68,) * 6),
    ]
    found = bands(label_image(composite_spec(made("landsat578")), AREA, 2020), *images)
    np.testing.assert_array_equal(found["clear_looks"], [2] * 5 + [0])


def test_granules_of_one_sentinel_2_pass_are_one_look_and_those_of_two_are_two(made):
    spec = composite_spec(made("sentinel2_scl"))
    for orbit, looks in ((4, 1), (47, 2)):
        images = sentinel2(), sentinel2("T48UXB", orbit=orbit)
        found = bands(label_image(spec, AREA, 2020), *images)
        np.testing.assert_array_equal(found["clear_looks"], np.array(SEEN) * looks)


def test_a_sentinel_2_scene_without_a_score_is_not_seen(made):
    images = sentinel2(), sentinel2("T48UXB", numbers={**MSI, "B2": 9_999}, orbit=47), SCORE
    found = bands(composite(composite_spec(made("sentinel2")), AREA, 2020), *images)
    np.testing.assert_allclose(found["blue"], np.where(SEEN, 0.02, np.nan))


def test_dark_ground_of_number_0_is_seen_by_sentinel_2(made):
    found = bands(composite(composite_spec(made("sentinel2_scl")), AREA, 2020), sentinel2(numbers={**MSI, "B12": 0}))
    np.testing.assert_allclose(found["swir2"], np.where(SEEN, 0, np.nan))


def test_sources_of_other_scales_are_brought_to_one(made):
    also = {
        "collections": "[COPERNICUS/S2_SR_HARMONIZED]", "multiply": "1e-4", "add": "0", "valid": "[0,65535]",
        "bands": "{blue: B2, green: B3, red: B4, nir: B8A, swir1: B11, swir2: B12}", "quality": "SCL",
        "cloud_bits": "[]", "water_bit": "null", "snow_bit": "null",
        "classes": "{fill: 0, cloud: [3, 9], water: 6, snow: 11}",
    }  # fmt: skip
    spec = composite_spec(
        made("landsat8", f"+sensor.also={{s2: {{{', '.join(f'{k}: {v}' for k, v in also.items())}}}}}")
    )
    double = {band: 2 * number for band, number in MSI.items()}
    found = bands(composite(spec, AREA, 2020), landsat(8, OLI), sentinel2(numbers=double))
    for role, value in GOLDEN.items():
        np.testing.assert_allclose(found[role], np.where(SEEN, 1.5 * value, np.nan), rtol=1e-6, err_msg=role)


@pytest.mark.parametrize(
    ("reducer", "expected"),
    [("median", 10_000), ("mean", 11_000), ("p25", 9_000), ("p0", 8_000), ("least_cloudy", 15_000)],
)
def test_a_season_becomes_one_image(made, reducer, expected):
    images = []
    for day, number, cloud in (("01", 8_000, 40.0), ("17", 10_000, 70.0), ("25", 15_000, 5.0)):
        one = landsat(8, dict.fromkeys(OLI, number), f"2020-07-{day}")
        images.append(one)
        one.properties["CLOUD_COVER"] = cloud
    images[2].data["QA_PIXEL"][0, 1] = 8  # the least cloudy scene has its cloud here
    found = bands(composite(composite_spec(made("landsat8", f"sensor.reducer={reducer}")), AREA, 2020), *images)
    assert list(found) == list(GOLDEN)
    np.testing.assert_allclose(found["nir"][[0, 4]], expected * 2.75e-5 - 0.2)
    if reducer == "least_cloudy":
        np.testing.assert_allclose(found["nir"][1], 8_000 * 2.75e-5 - 0.2)


def test_of_equally_cloudy_scenes_the_latest_is_on_top_and_one_that_tells_none_is_below(made):
    days = (9_000, "25"), (8_000, "01"), (7_000, "29")
    images = [landsat(8, dict.fromkeys(OLI, number), f"2020-07-{day}") for number, day in days]
    for one in images[:2]:
        one.properties["CLOUD_COVER"] = 5.0
    found = bands(composite(composite_spec(made("landsat8", "sensor.reducer=least_cloudy")), AREA, 2020), *images)
    np.testing.assert_allclose(found["nir"][0], 9_000 * 2.75e-5 - 0.2)

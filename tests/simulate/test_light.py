"""Sun, air, water colour and the quality band behave as physics and CFMask's rule say."""

from datetime import UTC, datetime

import numpy as np
import pytest

from water_gee.simulate.atmosphere import clear_sky
from water_gee.simulate.clouds import make_sky
from water_gee.simulate.illumination import direct_light, sun_position
from water_gee.simulate.optics import glint, water_reflectance
from water_gee.simulate.quality import (
    CIRRUS,
    CLEAR,
    CLOUD,
    DILATED,
    FILL,
    SHADOW,
    WATER,
    is_water,
    quality_band,
)
from water_gee.simulate.sensor import LEVELS, to_numbers, to_reflectance
from water_gee.simulate.spectra import BANDS, GREEN, NIR, RED, Material, reflectance_table
from water_gee.simulate.surface import normals


def _cells(value: float) -> np.ndarray:
    return np.array([value], np.float32)


def _water(turbidity: float, *, bloom: float = 0.0, depth: float = 30.0, reeds: float = 0.0) -> np.ndarray:
    return water_reflectance(_cells(turbidity), _cells(bloom), _cells(depth), _cells(reeds), 200)[:, 0]


def test_the_sun_at_a_known_place_and_time() -> None:
    # At Greenwich, on the June solstice at noon, the sun stands at 90 - 51.48 + 23.44 degrees in the south.
    elevation, azimuth = sun_position(datetime(2020, 6, 21, 12, 2, tzinfo=UTC), 0.0, 51.48)
    assert elevation == pytest.approx(61.96, abs=0.05)
    assert azimuth == pytest.approx(180.0, abs=0.5)


def test_a_wall_throws_its_shadow_away_from_the_sun() -> None:
    ground = np.zeros((120, 120), np.float32)
    ground[:, 60:63] = 200.0
    light = direct_light(ground, normals(ground), (45.0, 90.0))  # from the east
    assert light[60, 45] < 0.1  # 170 m behind a wall of 200 m
    assert light[60, 20] == pytest.approx(1.0, abs=1e-3)
    assert light[60, 90] == pytest.approx(1.0, abs=1e-3)


def test_the_air_adds_blue_and_gives_back_what_it_took() -> None:
    air = clear_sky(50.0, 0.1)
    assert np.all(np.diff(air.path) < 0)
    surface = np.random.default_rng(0).random((6, 5, 5), dtype=np.float32)
    np.testing.assert_allclose(air.to_surface(air.to_top(surface)), surface, atol=1e-5)


def test_sediment_algae_depth_and_wind_colour_the_water() -> None:
    clear, turbid = _water(1.0), _water(150.0)
    assert np.all(turbid > clear)
    assert turbid[RED] > turbid[GREEN]
    green = _water(5.0, bloom=0.5)
    assert green[GREEN] > 1.5 * green[RED]
    assert _water(1.0, depth=0.5)[GREEN] > 2 * clear[GREEN]
    calm, windy = glint(np.array([2.0, 10.0]), (38.0, 135.0), (5.0, 100.0))
    assert calm < windy < 0.1


def test_water_is_called_water_and_its_doubles_too() -> None:
    air = clear_sky(52.0, 0.1)
    table = reflectance_table(200)

    def called(reflectance: np.ndarray) -> bool:
        return bool(is_water(air.to_top(reflectance.astype(np.float32))))

    assert called(_water(1.0)) and called(_water(150.0))
    assert called(table[Material.LAVA]) and called(table[Material.CHAR])
    assert not called(_water(5.0, bloom=1.0)) and not called(_water(5.0, reeds=0.8)) and not called(_water(1500.0))
    assert not any(called(table[name]) for name in (Material.CONIFERS, Material.STEPPE, Material.SNOW, Material.TOWN))
    assert not called(0.6 * _water(1.0) + 0.4 * table[Material.MEADOW])  # a mixed pixel, mostly water


def test_the_quality_band_is_consistent() -> None:
    generator = np.random.default_rng(4)
    sky = make_sky(192, 0.2, (50.0, 135.0), generator)
    top = np.full((6, 192, 192), 0.03, np.float32)
    top[NIR, :, 96:] = 0.35
    fill = np.zeros((192, 192), np.bool_)
    fill[:, :5] = True
    quality = quality_band(top, sky, fill, generator)
    seen = quality[~fill].astype(int)
    assert np.all(quality[fill] == FILL)
    assert not np.any(seen & FILL)
    cloud, dilated, clear = (seen & bit > 0 for bit in (CLOUD, DILATED, CLEAR))
    assert np.array_equal(clear, ~cloud & ~dilated)
    assert not np.any(cloud & ((seen & (WATER | DILATED)) > 0))
    for shift, bit in ((8, CLOUD), (10, SHADOW), (14, CIRRUS)):
        level = (seen >> shift) & 3
        assert np.all(level >= 1)
        assert np.array_equal(level == 3, (seen & bit) > 0)
    expected = np.broadcast_to(np.arange(192) < 96, (192, 192))[~fill] & ~cloud
    assert np.array_equal((seen & WATER) > 0, expected)
    assert 0.05 < cloud.mean() < 0.3
    assert set(np.unique(seen)) <= {  # combinations seen in real products, and those with water or cirrus alone
        value | extra | (2 << 14 if extra & CIRRUS else 0)
        for value in (21824, 21952, 22280, 23888, 24016, 21762, 21890, 23826, 23954, 22018, 22146, 22080, 22208,
                      24082, 24210, 24144, 24272)
        for extra in (0, CIRRUS)
    }  # fmt: skip


def test_shadows_lie_away_from_the_sun() -> None:
    sky = make_sky(192, 0.1, (45.0, 135.0), np.random.default_rng(1))
    assert sky.offset[0] < 0 and sky.offset[1] < 0  # the sun is in the south-east, rows count southwards
    assert abs(sky.offset[0]) == pytest.approx(sky.height / 30 * np.cos(np.radians(45)), abs=1)


def test_numbers_are_landsats_and_steps_keep_their_order() -> None:
    fill = np.array([[False, True]])
    reflectance = np.array([[[-0.4, 0.1]], *[[[value, 0.1]] for value in (0.004, 0.05, 0.2, 0.4, 1.9)]], np.float32)
    numbers = to_numbers(reflectance, fill)
    assert numbers.dtype == np.uint16
    assert np.all(numbers[:, 0, 1] == 0) and np.all(numbers[:, 0, 0] >= 1) and np.all(numbers <= 65455)
    back = to_reflectance(numbers)
    assert np.isnan(back[:, 0, 1]).all()
    np.testing.assert_allclose(back[1:5, 0, 0], reflectance[1:5, 0, 0], rtol=0.04, atol=0.001)
    assert LEVELS.shape == (len(BANDS), 65536)
    assert np.all(np.diff(LEVELS[:, 1:].astype(int), axis=1) >= 0)

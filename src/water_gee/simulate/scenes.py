"""One look at a landscape: what Landsat would have recorded over a strip on a day."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.atmosphere import Atmosphere, clear_sky
from water_gee.simulate.clouds import Sky, make_sky
from water_gee.simulate.covers import snow_line
from water_gee.simulate.illumination import direct_light, sun_position
from water_gee.simulate.landscape import Landscape, Year
from water_gee.simulate.noise import Floats, fractal
from water_gee.simulate.optics import glint, water_reflectance
from water_gee.simulate.quality import CLOUD, quality_band
from water_gee.simulate.sensor import NOISE, flatten, to_numbers
from water_gee.simulate.spec import FINE
from water_gee.simulate.spectra import BANDS, Material, reflectance_table, spreads
from water_gee.simulate.surface import block_mean

OVERPASS = (3, 20)  # hours and minutes UTC, some 10:10 local solar time
_CLOUD_WHITE = np.array([0.95, 0.95, 0.95, 0.95, 0.75, 0.62], np.float32)  # how white thick cloud is (assumption)
_VIGOUR = np.array([-0.05, -0.02, -0.07, 0.06, -0.05, -0.08], np.float32)  # by one standard deviation (assumption)
_SPREAD = 0.39  # pixels: with the pixel's own square 30 % of the contrast at Nyquist is left (typical of OLI)
_CLOUD_LIGHT = 0.10  # of the direct light, comes through or from the sides of a cloud to the ground below
_VIEW = (5.5, 100.0)  # zenith and azimuth of the sensor seen from the western side of the swath, degrees


@dataclass(frozen=True)
class Look:
    """A scene and what is known of it besides, [y, x] at 30 m."""

    numbers: NDArray[np.uint16]  # [band, y, x]
    quality: NDArray[np.uint16]
    sun: tuple[float, float]  # elevation and azimuth, degrees
    lit: Floats  # direct light as a share of that on level open ground
    shade: Floats  # share of the direct light that clouds keep away
    glint: Floats  # reflectance
    snow: Floats  # share of the pixel


@dataclass(frozen=True)
class _Weather:
    aerosol: float  # optical depth at 550 nm
    wind: float  # m/s
    flow: float  # the rivers' sediment, relative to its mean
    heat: float  # the algae, relative to their late-summer mean


def take_look(
    landscape: Landscape,
    day: date,
    place: tuple[float, float],
    cloud_share: float,
    generator: np.random.Generator,
    *,
    cut: bool = False,
) -> Look:
    """Return the look at `landscape` on `day`.

    Args:
        landscape: the strip.
        day: one of the landscape's years.
        place: longitude and latitude of the strip's middle, degrees.
        cloud_share: mean share of clouds; the day's own is drawn around it.
        generator: the day's weather and noise.
        cut: the scene's edge cuts a corner of the strip off, which is then fill.
    """
    year = landscape.years[day.year]
    number = day.timetuple().tm_yday
    sun = sun_position(datetime(day.year, day.month, day.day, *OVERPASS, tzinfo=UTC), *place)
    season = float(np.clip((number - 150) / 80.0, 0.3, 1.0))
    weather = _Weather(
        aerosol=float(generator.uniform(0.05, 0.16)),
        wind=float(generator.uniform(2.0, 11.0)),
        flow=float(np.exp(generator.normal(0.35 - 0.5 * season, 0.3))),
        heat=season * float(generator.uniform(0.8, 1.1)),
    )
    size = landscape.vigour.shape[0]
    sky = make_sky(size, float(min(cloud_share * generator.gamma(2.0, 0.5), 0.6)), sun, generator)
    air = clear_sky(sun[0], weather.aerosol)
    ground, lit, gleam, snow = _ground(landscape, year, air, sun, weather, number, generator)
    ground = _blur(_vary(ground, landscape, year, generator))
    top = _through(ground, sky, air)
    for band in range(len(BANDS)):
        top[band] += NOISE[band] * generator.standard_normal(top.shape[1:], dtype=np.float32)
    fill = _fill(size, generator) if cut else np.zeros((size, size), np.bool_)
    quality = quality_band(top, sky, fill, generator)
    # The correction knows the haze only roughly: it leaves a smooth error of a quarter of the haze's own light.
    error = 0.15 * fractal((size, size), generator, exponent=3.5, longest=size / 2) + 0.2 * generator.standard_normal()
    reflectance = air.to_surface(top - air.haze[:, None, None] * error.astype(np.float32))
    numbers = flatten(to_numbers(reflectance, fill), (quality & CLOUD) > 0)
    return Look(numbers, quality, sun, lit, sky.shade, gleam, snow)


def _ground(
    landscape: Landscape,
    year: Year,
    air: Atmosphere,
    sun: tuple[float, float],
    weather: _Weather,
    number: int,
    generator: np.random.Generator,
) -> tuple[Floats, Floats, Floats, Floats]:
    """Return reflectance seen under a clear sky [band, y, x], direct light, glint and snow [y, x], at 30 m."""
    waters = year.waters
    snow = (landscape.land.snow_wish > snow_line(number)) & (waters.coverage < 0.5)
    material = np.where(snow, np.uint8(Material.SNOW), year.material)
    light = direct_light(year.surface, year.normals, sun)
    open_sky = (np.float32(1.0) + year.normals[2]) * np.float32(0.5)
    bright = spreads()[material]
    bright *= landscape.texture
    bright += 1.0
    np.clip(bright, 0.3, 2.0, out=bright)

    cells = np.flatnonzero(waters.coverage > 0)
    wet = waters.coverage.ravel()[cells]
    bloom = np.clip(waters.bloom.ravel()[cells] * np.float32(weather.heat), 0.0, 1.0)
    sediment = waters.turbidity.ravel()[cells] * np.float32(weather.flow)
    water = water_reflectance(sediment, bloom, waters.depth.ravel()[cells], waters.reeds.ravel()[cells], number)
    gusts = fractal(landscape.vigour.shape, generator, exponent=3.0, longest=90.0)
    gleam = glint(np.maximum(weather.wind + 2.0 * gusts, 1.0), (90.0 - sun[0], sun[1]), _VIEW)
    rows, columns = np.divmod(cells, material.shape[1])
    shining = gleam[rows // FINE, columns // FINE] * (np.float32(1.0) - waters.reeds.ravel()[cells])
    water_light = light.ravel()[cells]

    table = reflectance_table(number)
    size = landscape.vigour.shape[0]
    seen = np.empty((len(BANDS), size, size), np.float32)
    for band in range(len(BANDS)):
        diffuse = air.diffuse[band]
        cell = light * (np.float32(1.0) - diffuse)
        cell += open_sky * diffuse
        cell *= bright
        cell *= np.take(table[:, band], material)
        flat = cell.reshape(-1)
        lake = (water[band] + shining) * (water_light * (np.float32(1.0) - diffuse) + diffuse)
        flat[cells] += wet * (lake - flat[cells])
        seen[band] = block_mean(cell)
    return seen, block_mean(light), gleam, block_mean(snow.astype(np.float32))


def _vary(ground: Floats, landscape: Landscape, year: Year, generator: np.random.Generator) -> Floats:
    """Vary land within its classes: greener and moister places, which stay, and the day's own differences."""
    today = fractal(landscape.vigour.shape, generator, exponent=2.8, longest=40.0)
    change = (landscape.vigour + np.float32(0.35) * today) * (np.float32(1.0) - year.fraction)
    return np.asarray(ground * (np.float32(1.0) + _VIGOUR[:, None, None] * change), np.float32)


def _blur(ground: Floats) -> Floats:
    """Spread each pixel over its neighbours as the sensor's optics do."""
    return np.stack([ndimage.gaussian_filter(band, _SPREAD, mode="nearest") for band in ground])


def _through(ground: Floats, sky: Sky, air: Atmosphere) -> Floats:
    """Return top-of-atmosphere reflectance [band, y, x] of `ground` under clouds and in their shade."""
    cloud = sky.reflectance
    clear = (np.float32(1.0) - cloud) ** 2
    top = np.empty_like(ground)
    for band in range(len(BANDS)):
        kept = np.float32((1.0 - air.diffuse[band]) * (1.0 - _CLOUD_LIGHT))
        below = ground[band] * (np.float32(1.0) - sky.shade * kept)
        above = air.path[band] + air.transmittance[band] * below
        top[band] = above * clear + cloud * _CLOUD_WHITE[band] + sky.cirrus * np.float32(1.0 if band < 4 else 0.6)
    return top


def _fill(size: int, generator: np.random.Generator) -> NDArray[np.bool_]:
    """Return the corner that the scene does not reach, beyond an edge that leans as Landsat's orbit does."""
    y, x = np.mgrid[:size, :size] / size
    return np.asarray(x < float(generator.uniform(0.05, 0.09)) - 0.17 * y)

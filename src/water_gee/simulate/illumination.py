"""The sun, and how much of its light falls on each slope."""

from datetime import UTC, datetime

import numpy as np
from scipy import ndimage

from water_gee.simulate.noise import Floats, smoothstep
from water_gee.simulate.spec import FINE, SCALE
from water_gee.simulate.surface import block_mean

_ACROSS = 3.0  # m that a shadow's edge is blurred over, measured in height


def sun_position(moment: datetime, longitude: float, latitude: float) -> tuple[float, float]:
    """Return the sun's elevation and azimuth (degrees, from north over east), after Meeus (1998, ch. 25), shortened."""
    days = (moment - datetime(2000, 1, 1, 12, tzinfo=UTC)).total_seconds() / 86400.0
    anomaly = np.radians(357.529 + 0.98560028 * days)
    mean = 280.459 + 0.98564736 * days
    ecliptic = np.radians(mean + 1.915 * np.sin(anomaly) + 0.020 * np.sin(2 * anomaly))
    tilt = np.radians(23.439 - 0.00000036 * days)
    declination = np.arcsin(np.sin(tilt) * np.sin(ecliptic))
    ascension = np.arctan2(np.cos(tilt) * np.sin(ecliptic), np.cos(ecliptic))
    sidereal = np.radians(15.0 * (18.697374558 + 24.06570982441908 * days) + longitude)
    hour = sidereal - ascension
    north = np.radians(latitude)
    elevation = np.arcsin(np.sin(north) * np.sin(declination) + np.cos(north) * np.cos(declination) * np.cos(hour))
    azimuth = np.arctan2(-np.sin(hour), np.tan(declination) * np.cos(north) - np.sin(north) * np.cos(hour))
    return float(np.degrees(elevation)), float(np.degrees(azimuth) % 360.0)


def direct_light(ground: Floats, normals: tuple[Floats, Floats, Floats], sun: tuple[float, float]) -> Floats:
    """Return the direct sunlight on each 10 m cell as a share of that on level open ground, [y, x].

    The cosine law on the slope, and nothing where higher ground stands before the sun (`sun`: elevation, azimuth).
    """
    elevation, azimuth = np.radians(sun)
    east = np.float32(np.cos(elevation) * np.sin(azimuth))
    north = np.float32(np.cos(elevation) * np.cos(azimuth))
    up = np.float32(np.sin(elevation))
    light = normals[0] * east
    light += normals[1] * north
    light += normals[2] * up
    np.maximum(light, 0.0, out=light)
    light *= _in_sun(ground, sun)
    light /= up
    return light


def _in_sun(ground: Floats, sun: tuple[float, float]) -> Floats:
    """Return 1 where the sun is seen and 0 in cast shadow, [y, x]; rays are followed at 30 m."""
    coarse = block_mean(ground)
    elevation, azimuth = np.radians(sun)
    relief = float(coarse.max() - coarse.min())
    rise = SCALE * np.tan(elevation)
    steps = min(int(np.ceil(relief / rise)), coarse.shape[0] - 1)
    rows, columns = coarse.shape
    barrier = np.full_like(coarse, -np.inf)  # how far the highest obstacle stands above the ray
    for step in range(1, steps + 1):
        down, right = round(-step * np.cos(azimuth)), round(step * np.sin(azimuth))
        to_rows = slice(max(-down, 0), rows - max(down, 0))
        to_columns = slice(max(-right, 0), columns - max(right, 0))
        from_rows = slice(max(down, 0), rows - max(-down, 0))
        from_columns = slice(max(right, 0), columns - max(-right, 0))
        excess = coarse[from_rows, from_columns] - np.float32(step * rise) - coarse[to_rows, to_columns]
        np.maximum(barrier[to_rows, to_columns], excess, out=barrier[to_rows, to_columns])
    seen = smoothstep(np.nan_to_num(barrier, neginf=-1e3), _ACROSS, -_ACROSS)
    if float(seen.min()) == 1.0:
        return np.ones_like(ground)
    fine: Floats = ndimage.zoom(seen, FINE, order=1, mode="nearest", grid_mode=True)
    return fine

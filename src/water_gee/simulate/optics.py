"""Surface reflectance of water from what it holds, how deep it is and how rough its surface is."""

import numpy as np

from water_gee.simulate.noise import Floats
from water_gee.simulate.spectra import BANDS, Material, reflectance_table

# Clear deep water: the 5th to 25th percentile over the lake of the Landsat 8 product LC08_L2SP_043024_20200802,
# measured here; NIR is lower than that (0.0067), since forest around the lake brightens it (assumption).
_CLEAR = np.array([0.0075, 0.0185, 0.0080, 0.0050, 0.0026, 0.0018])
# Turbidity T adds T / (A + T / C). Red and NIR: A and C of Dogliotti et al. (2015) at 645 and 859 nm. Blue and green:
# the same form, C set to the 95th percentile of the water of the real chips. SWIR: A from the absorption of pure
# water (assumption).
_A = np.array([260.0, 185.0, 228.1, 3078.9, 60000.0, 150000.0])
_C = np.array([0.056, 0.110, 0.1641, 0.2112, 0.25, 0.25])
# Attenuation of clear lake water and its growth with turbidity, 1/m and 1/(m FNU): pure water, rounded from Pope and
# Fry (1997) and Kou et al. (1993), plus a little dissolved matter; the growth is an assumption.
_ATTENUATION = np.array([0.16, 0.15, 0.45, 4.8, 600.0, 2000.0])
_ATTENUATION_GROWTH = np.array([0.09, 0.07, 0.06, 0.06, 0.0, 0.0])
# A bed of sand and silt (assumption: half the reflectance of dry sand).
_BED = np.array([0.08, 0.11, 0.14, 0.17, 0.20, 0.18])
# Dense algae in the water: dark blue and red, bright green (assumption, shaped like the spectra of GLORIA, Lehmann et
# al. 2023, at some 100 mg/m3 of chlorophyll).
_ALGAE = np.array([0.012, 0.052, 0.022, 0.026, 0.004, 0.003])
# Scum of the same algae on the surface: the red edge of a plant (assumption, shaped like the floating algae of Hu
# 2009).
_SCUM = np.array([0.030, 0.075, 0.040, 0.240, 0.070, 0.035])
_REFRACTED = 0.02  # Fresnel reflectance of water near the vertical
_BOTTOM_SHARE = 0.54  # of light that enters, leaves and is not reflected within (Lee et al. 1998)


def water_reflectance(turbidity: Floats, bloom: Floats, depth: Floats, reeds: Floats, day_of_year: int) -> Floats:
    """Return the reflectance of water cells without glint, [band, cell].

    Args:
        turbidity: FNU, [cell].
        bloom: 0 to 1, [cell]; above 0.65 the algae come to the surface as scum.
        depth: m, [cell]; sets how much of the bed is seen.
        reeds: share of the surface under plants, [cell].
        day_of_year: the plants' season.
    """
    plants = reflectance_table(day_of_year)[Material.REEDS]
    scum = np.float32(0.65) * np.clip((bloom - 0.65) / 0.35, 0.0, 1.0)
    algae = np.clip(bloom / 0.65, 0.0, 1.0)
    result = np.empty((len(BANDS), turbidity.size), np.float32)
    for band in range(len(BANDS)):
        column = np.float32(_CLEAR[band]) + turbidity / (np.float32(_A[band]) + turbidity / np.float32(_C[band]))
        column += algae * np.float32(0.9) * (np.float32(_ALGAE[band]) - column)
        fade = np.exp(
            -2.0 * depth * (np.float32(_ATTENUATION[band]) + np.float32(_ATTENUATION_GROWTH[band]) * turbidity)
        )
        column += np.float32(_BOTTOM_SHARE) * fade * np.float32(_BED[band])
        column += scum * (np.float32(_SCUM[band]) - column)
        result[band] = column + reeds * (plants[band] - column)
    return result


def glint(wind: Floats, sun: tuple[float, float], view: tuple[float, float]) -> Floats:
    """Return the reflectance of the sun's glint for a `wind` (m/s at 12.5 m), by the slopes of Cox and Munk (1954).

    `sun` and `view` are zenith angle and azimuth in degrees. Landsat's surface reflectance does not remove glint.
    """
    to_sun, to_sensor = _direction(*sun), _direction(*view)
    half = to_sun + to_sensor
    half /= np.linalg.norm(half)
    tilt = float((1.0 - half[2] ** 2) / half[2] ** 2)  # squared tangent of the facet's tilt
    variance = 0.003 + 0.00512 * wind
    density = np.exp(-tilt / variance) / (np.pi * variance)
    reflected: Floats = np.pi * _REFRACTED * density / (4.0 * to_sun[2] * to_sensor[2] * half[2] ** 4)
    return reflected.astype(np.float32)


def _direction(zenith: float, azimuth: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    high, round_ = np.radians(zenith), np.radians(azimuth)
    return np.array([np.sin(high) * np.sin(round_), np.sin(high) * np.cos(round_), np.cos(high)])

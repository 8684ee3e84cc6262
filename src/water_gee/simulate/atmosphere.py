"""The clear atmosphere over a scene: what it adds to and takes from the light, in single scattering.

Rayleigh optical depths of the OLI bands as tabulated in PMC6020680, table 2 (SWIR2 by the fourth power of
wavelength); a continental aerosol with Angstrom exponent 1.3, single-scattering albedo 0.94 and a Henyey-Greenstein
phase function of asymmetry 0.65 (assumptions, of the size seen at AERONET's inland sites). Gas absorption and the
light that goes back and forth between ground and sky are left out: over dark pixels both are small.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_WAVELENGTH = np.array([482.0, 562.0, 655.0, 865.0, 1610.0, 2200.0])  # nm
_RAYLEIGH = np.array([0.168, 0.090, 0.048, 0.015, 0.001, 0.0004])
_ANGSTROM, _ALBEDO, _ASYMMETRY = 1.3, 0.94, 0.65


@dataclass(frozen=True)
class Atmosphere:
    """Per band: the path's reflectance, the transmittance down and up, and the diffuse share of the light below."""

    path: NDArray[np.float32]
    transmittance: NDArray[np.float32]
    diffuse: NDArray[np.float32]
    haze: NDArray[np.float32]  # the part of `path` that the aerosol makes

    def to_top(self, surface: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return top-of-atmosphere reflectance for surface reflectance, both [band, ...]."""
        shape = (-1, *[1] * (surface.ndim - 1))
        top: NDArray[np.float32] = self.path.reshape(shape) + self.transmittance.reshape(shape) * surface
        return top

    def to_surface(self, top: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return surface reflectance for top-of-atmosphere reflectance, both [band, ...]."""
        shape = (-1, *[1] * (top.ndim - 1))
        surface: NDArray[np.float32] = (top - self.path.reshape(shape)) / self.transmittance.reshape(shape)
        return surface


def clear_sky(sun_elevation: float, aerosol: float) -> Atmosphere:
    """Return the atmosphere seen from above for a sun at `sun_elevation` (degrees).

    `aerosol` is the optical depth of the haze at 550 nm.
    """
    down = np.sin(np.radians(sun_elevation))
    aerosols = aerosol * (_WAVELENGTH / 550.0) ** -_ANGSTROM
    turn = -down  # cosine of the scattering angle from the sun to the sensor overhead
    rayleigh_phase = 0.75 * (1.0 + turn**2)
    aerosol_phase = (1 - _ASYMMETRY**2) / (1 + _ASYMMETRY**2 - 2 * _ASYMMETRY * turn) ** 1.5
    haze = _ALBEDO * aerosols * aerosol_phase / (4.0 * down)
    path = _RAYLEIGH * rayleigh_phase / (4.0 * down) + haze
    # Half of the Rayleigh-scattered light and most of the aerosol-scattered light goes on in the beam's direction.
    lost = 0.5 * _RAYLEIGH + 0.17 * aerosols
    total_down = np.exp(-lost / down)
    direct_down = np.exp(-(_RAYLEIGH + aerosols) / down)
    parts = (path, total_down * np.exp(-lost), 1.0 - direct_down / total_down, haze)
    return Atmosphere(*(part.astype(np.float32) for part in parts))

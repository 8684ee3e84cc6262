"""Clouds and cirrus over a scene, and the shadows that they cast."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from water_gee.simulate.noise import Floats, fractal, smoothstep
from water_gee.simulate.spec import SCALE

_THICKEST = 30.0  # optical depth
_BACKSCATTER = 0.15  # 1 - asymmetry of water droplets (Hansen and Travis 1974)


@dataclass(frozen=True)
class Sky:
    """What stands between the sun, the ground and the sensor, [y, x] of pixels."""

    thickness: Floats  # optical depth of the clouds
    cirrus: Floats  # reflectance that thin ice clouds add at the top of the atmosphere
    shade: Floats  # share of the direct light that clouds keep from the ground
    height: float  # m, of the clouds over the ground
    offset: tuple[int, int]  # rows and columns from a cloud to its shadow

    @property
    def reflectance(self) -> Floats:
        """The clouds' own reflectance (two streams): thin ones are grey, thick ones white."""
        scaled = np.float32(_BACKSCATTER) * self.thickness
        return scaled / (2.0 + scaled)


def make_sky(size: int, share: float, sun: tuple[float, float], generator: np.random.Generator) -> Sky:
    """Return clouds over a `share` of `size` x `size` pixels, and shadows away from the `sun` (elevation, azimuth)."""
    shape = (size, size)
    height = float(generator.uniform(900.0, 2400.0))
    elevation, azimuth = np.radians(sun)
    throw = height / np.tan(elevation) / SCALE
    offset = (round(throw * np.cos(azimuth)), round(-throw * np.sin(azimuth)))
    field = fractal(shape, generator, exponent=float(generator.uniform(2.6, 3.3)), longest=size * 0.35)
    field += 0.12 * fractal(shape, generator, exponent=2.2, longest=20.0)
    limit = float(np.quantile(field[::2, ::2], 1.0 - share)) if share > 0 else np.inf
    thickness = np.minimum(9.0 * np.maximum(field - limit, 0.0), _THICKEST).astype(np.float32)
    # The field is periodic: what leaves on one side casts its shadow on the other, as clouds beyond the edge do.
    shade = 1.0 - np.exp(-0.8 * np.roll(ndimage.gaussian_filter(thickness, 0.7), offset, axis=(0, 1)))
    wisps = fractal(shape, generator, exponent=3.2, longest=size * 0.5)
    amount = float(generator.choice([0.0, 0.0, 0.03]))
    cirrus = np.float32(amount) * smoothstep(wisps, 0.8, 2.6)
    return Sky(thickness, cirrus, shade.astype(np.float32), height, offset)

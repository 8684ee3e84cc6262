"""Random fields with a chosen spatial correlation."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Floats = NDArray[np.float32]


@lru_cache(maxsize=24)
def _amplitude(rows: int, columns: int, exponent: float, longest: float, shortest: float) -> Floats:
    """Return the amplitude of each frequency, [row frequency, column frequency]."""
    vertical = fft.fftfreq(rows).astype(np.float32)[:, None]
    horizontal = fft.rfftfreq(columns).astype(np.float32)[None, :]
    frequency = np.sqrt(vertical**2 + horizontal**2)
    frequency[0, 0] = 1.0
    amplitude: Floats = (np.maximum(frequency, 1.0 / longest) ** np.float32(-exponent / 2)).astype(np.float32)
    amplitude[frequency > 1.0 / shortest] = 0.0
    amplitude[0, 0] = 0.0
    amplitude.setflags(write=False)
    return amplitude


def fractal(
    shape: tuple[int, int],
    generator: np.random.Generator,
    *,
    exponent: float,
    longest: float,
    shortest: float = 2.0,
) -> Floats:
    """Return a Gaussian random field [y, x] of mean 0 and standard deviation 1.

    Spectral synthesis (Voss 1985): white noise whose power falls as frequency ** -exponent. Power is level for
    wavelengths above `longest` and nil below `shortest`, both in cells. 0 is white noise, 3 to 4 the roughness of
    real relief. The field is periodic.
    """
    rows, columns = shape
    half = (rows, columns // 2 + 1)
    spectrum = np.empty(half, np.complex64)
    spectrum.real = generator.standard_normal(half, dtype=np.float32)
    spectrum.imag = generator.standard_normal(half, dtype=np.float32)
    spectrum *= _amplitude(rows, columns, exponent, longest, shortest)
    field: Floats = fft.irfft2(spectrum, s=shape, overwrite_x=True)
    field -= field.mean()
    field /= max(float(field.std()), 1e-12)
    return field


def smoothstep(values: Floats, low: float, high: float) -> Floats:
    """Return 0 below `low`, 1 above `high` and a smooth rise between; `low` may be the larger one."""
    share = np.clip((values - low) / (high - low), 0.0, 1.0)
    return np.asarray(share * share * (3.0 - 2.0 * share), np.float32)

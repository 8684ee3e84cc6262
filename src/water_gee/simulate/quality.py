"""`QA_PIXEL`: what CFMask would say of a pixel, mistakes included.

Water by its rule on top-of-atmosphere reflectance (Zhu and Woodcock 2012, eq. 5): NDVI < 0.01 and NIR < 0.11, or NDVI
< 0.1 and NIR < 0.05. Snow by NDSI > 0.15, NIR > 0.11 and green > 0.1 (eq. 20). Clouds are found where they are thick,
shadows where found clouds are thought to throw them. The combinations of bits are those seen in two real Collection 2
products.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from water_gee.simulate.clouds import Sky
from water_gee.simulate.noise import Floats
from water_gee.simulate.spectra import GREEN, NIR, RED, SWIR1

FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, CLEAR, WATER = (1 << bit for bit in range(8))
HIDDEN = DILATED | CIRRUS | CLOUD | SHADOW  # the bits that keep a look out of the composite
_LOW, _MEDIUM, _HIGH = 1, 2, 3
_CLOUD_FOUND, _CLOUD_SUSPECTED = 1.1, 0.5  # optical depth
_CIRRUS_FOUND = 0.012  # reflectance
_SMALL, _OVERLOOKED = 40, 0.25  # pixels; share of the clouds that small which are missed (assumption)
_DILATION = 3  # pixels, as CFMask does

Mask = NDArray[np.bool_]
_ROUND = ndimage.generate_binary_structure(2, 1)


def is_water(top: Floats) -> Mask:
    """Return CFMask's water test for top-of-atmosphere reflectance [band, ...]."""
    ndvi = (top[NIR] - top[RED]) / np.maximum(top[NIR] + top[RED], 1e-4)
    return np.asarray(((ndvi < 0.01) & (top[NIR] < 0.11)) | ((ndvi < 0.1) & (top[NIR] < 0.05)))


def is_snow(top: Floats) -> Mask:
    """Return CFMask's snow test for top-of-atmosphere reflectance [band, ...], its temperature test left out."""
    ndsi = (top[GREEN] - top[SWIR1]) / np.maximum(top[GREEN] + top[SWIR1], 1e-4)
    return np.asarray((ndsi > 0.15) & (top[NIR] > 0.11) & (top[GREEN] > 0.1))


def quality_band(top: Floats, sky: Sky, fill: Mask, generator: np.random.Generator) -> NDArray[np.uint16]:
    """Return `QA_PIXEL` [y, x] for the top-of-atmosphere reflectance `top` [band, y, x] under `sky`.

    A quarter of the small clouds and all thin ones are overlooked, and the clouds' height is guessed within 15 %: so
    some clouds and parts of shadows stay in the "clear" looks.
    """
    cloud = _found(sky.thickness > _CLOUD_FOUND, generator)
    cirrus = sky.cirrus > _CIRRUS_FOUND
    dilated = ndimage.binary_dilation(cloud, _ROUND, iterations=_DILATION) & ~cloud
    error = float(generator.uniform(0.85, 1.15))
    guess = (round(sky.offset[0] * error), round(sky.offset[1] * error))
    shadow = np.roll(ndimage.binary_dilation(cloud, _ROUND), guess, axis=(0, 1))
    shadow &= ~cloud & (top[NIR] < 0.22)  # CFMask looks for shadows among what is dark in NIR
    snow = is_snow(top) & ~cloud
    water = is_water(top) & ~cloud

    quality = np.zeros(cloud.shape, np.uint16)
    flags = ((DILATED, dilated), (CIRRUS, cirrus), (CLOUD, cloud), (SHADOW, shadow), (SNOW, snow), (WATER, water))
    for bit, mask in (*flags, (CLEAR, ~cloud & ~dilated)):
        quality |= np.uint16(bit) * mask
    suspected = sky.thickness > _CLOUD_SUSPECTED
    quality |= _confidence(8, np.where(cloud, _HIGH, np.where(suspected, _MEDIUM, _LOW)))
    quality |= _confidence(10, np.where(shadow, _HIGH, _LOW))
    quality |= _confidence(12, np.where(snow, _HIGH, _LOW))
    quality |= _confidence(14, np.where(cirrus, _HIGH, _LOW))
    quality[fill] = FILL
    return quality


def _found(cloud: Mask, generator: np.random.Generator) -> Mask:
    numbers, count = ndimage.label(cloud)
    sizes = np.bincount(numbers.ravel(), minlength=count + 1)
    missed = (sizes < _SMALL) & (generator.random(count + 1) < _OVERLOOKED)
    missed[0] = True
    return np.asarray(~missed[numbers])


def _confidence(shift: int, level: NDArray[np.int64]) -> NDArray[np.uint16]:
    return (level << shift).astype(np.uint16)

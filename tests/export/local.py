"""Exported graphs in eelocal: an image of features on disk, an expression of the genuine client, pixels."""

import json
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine

from eelocal.catalog import Catalog
from eelocal.evaluator.evaluator import Evaluator
from eelocal.evaluator.grid import PixelGrid

CRS, TRANSFORM = "EPSG:32648", (30.0, 0.0, 600000.0, 0.0, -30.0, 5400000.0)


def write_features(folder: Path, features: np.ndarray, names) -> str:
    """Write features [band, y, x], NaN where masked, as the asset `features`."""
    path = folder / "features.tif"
    bands, height, width = features.shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=bands, dtype="float32", crs=CRS, nodata=np.nan,
        transform=Affine(*TRANSFORM),
    ) as dataset:  # fmt: skip
        for index, name in enumerate(names, 1):
            dataset.write(features[index - 1], index)
            dataset.set_band_description(index, name)
    return "features"


def pixels(folder: Path, image, shape) -> dict[str, np.ndarray]:
    """Evaluate an `ee.Image` on the grid of the features; NaN where masked."""
    return pixels_of(folder, json.loads(image.serialize()), shape)


def pixels_of(folder: Path, expression: dict, shape, left: int = 0, top: int = 0) -> dict[str, np.ndarray]:
    """Evaluate a serialized image."""
    height, width = shape
    a, b, c, d, e, f = TRANSFORM
    grid = PixelGrid(CRS, (a, b, c + a * left, d, e, f + e * top), width, height)
    result = Evaluator(Catalog(folder)).pixels(expression, grid)
    return {band.name: np.where(band.mask, band.values, np.nan) for band in result.bands}

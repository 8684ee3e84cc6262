"""Small GeoTIFFs, a catalog of them, and a server with the genuine client connected to it."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from affine import Affine

import eelocal

CRS = "EPSG:32648"
TRANSFORM = (30.0, 0.0, 400000.0, 0.0, -30.0, 5800000.0)


def _write_tif(path: Path, bands: dict, *, nodata=None, crs=CRS, transform=TRANSFORM, named=True, **options) -> Path:
    """Write bands [row, column] by name as one GeoTIFF."""
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [np.asarray(values) for values in bands.values()]
    height, width = arrays[0].shape
    with rasterio.open(
        path, "w", driver="GTiff", width=width, height=height, count=len(arrays), dtype=arrays[0].dtype.name,
        crs=crs, transform=Affine(*transform), nodata=nodata, **options,
    ) as dataset:  # fmt: skip
        for index, (name, values) in enumerate(zip(bands, arrays, strict=True), 1):
            dataset.write(values, index)
            if named:
                dataset.set_band_description(index, name)
    return path


def _write_scene(root: Path, name: str, seed: int, shape=(40, 50), **properties) -> dict:
    """Write a small Landsat-like scene with fill in one corner, and return its bands."""
    random = np.random.default_rng(seed)
    bands = {f"SR_B{i}": random.integers(1, 40000, shape, dtype=np.uint16) for i in range(1, 8)}
    for values in bands.values():
        values[:5, :7] = 0
    bands["QA_PIXEL"] = random.choice(np.array([64, 64 + 128, 8, 16], np.uint16), shape)
    bands["QA_PIXEL"][:5, :7] = 1
    path = _write_tif(root / f"LANDSAT/LC08/C02/T1_L2/{name}.tif", bands, nodata=0)
    if properties:
        path.with_suffix(".json").write_text(json.dumps(properties), encoding="utf-8")
    return bands


@pytest.fixture(scope="session")
def write_tif():
    """The function that writes bands [row, column] by name as one GeoTIFF."""
    return _write_tif


@pytest.fixture
def folder(tmp_path):
    """A catalog of three scenes and a terrain model."""
    root = tmp_path / "catalog"
    _write_scene(root, "LC08_131023_20200615", 1, CLOUD_COVER=0.1)
    _write_scene(root, "LC08_131023_20200715", 2, CLOUD_COVER=0.2)
    _write_scene(root, "LC08_135023_20200801", 3, CLOUD_COVER=0.3)
    _write_tif(root / "NASA/DEM.tif", {"elevation": np.arange(2000, dtype=np.float32).reshape(40, 50)})
    return root


@pytest.fixture
def server(folder):
    with eelocal.Server(folder) as running:
        yield running


@pytest.fixture
def ee(server):
    return eelocal.connect(server.url, seconds=180)

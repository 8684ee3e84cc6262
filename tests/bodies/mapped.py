"""Maps as `predict` leaves them, made of arrays."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import rasterio
from scipy import ndimage

from water_gee.bodies import read_bodies, read_series
from water_gee.files import sha256
from water_gee.paths import Layout
from water_gee.sealed import write_sealed
from water_gee.study import Grid, Window

UTM = Grid("EPSG:32648", 30.0)


def write_maps(
    root: Path,
    probabilities: Mapping[int, np.ndarray],
    *,
    grid: Grid = UTM,
    corner: tuple[int, int] = (13_600, -193_280),
    study: str = "tiny",
) -> Window:
    """Write the maps of each year's probabilities [y, x], NaN where nothing was seen; return their window."""
    files = {}
    for year, probability in probabilities.items():
        height, width = probability.shape
        window = Window(*corner, width, height)
        water = np.where(np.isnan(probability), 255, probability >= 0.5).astype(np.uint8)
        for layer, values, nodata in (("water", water, 255), ("probability", probability, np.nan)):
            path = root / "maps" / str(year) / f"{layer}.tif"
            path.parent.mkdir(parents=True, exist_ok=True)
            with rasterio.open(
                path, "w", driver="GTiff", width=width, height=height, count=1, dtype=values.dtype, nodata=nodata,
                crs=grid.crs, transform=grid.transform(window), tiled=True, compress="deflate",
            ) as file:  # fmt: skip
                file.write(values, 1)
            files[f"{year}/{layer}.tif"] = sha256(path)
    write_sealed(root / "maps" / "maps.json", {"study": study, "area": "map", "files": files})
    return window


def landscape(size: int = 128) -> np.ndarray:
    """Return the probability of water of a landscape: a lake, a river into it, and a pond."""
    y, x = np.indices((size, size))
    far = np.hypot(y - 40, x - 100) - 20
    far = np.minimum(far, np.where(x < 100, np.abs(y - 40) - 1.5, np.inf))
    far = np.minimum(far, np.hypot(y - 85, x - 20) - 5)
    return (1 / (1 + np.exp(2.5 * far))).astype(np.float32)


def hashes(layout: Layout) -> dict[str, str]:
    return {path.name: sha256(path) for path in sorted(layout.bodies.iterdir())}


def ids(layout: Layout) -> list[str]:
    return sorted({row["id"] for row in read_series(layout, read_bodies(layout))})


def shifted(probability: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    """Return the map of another year: its shores a little elsewhere."""
    return np.clip(ndimage.gaussian_filter(probability, sigma) * 1.4, 0, 1).astype(np.float32)


YEARS = {2019: landscape(), 2020: shifted(landscape())}

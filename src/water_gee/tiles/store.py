"""Tiles on disk: GeoTIFFs of features and labels on their exact pixel grid."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from water_gee.errors import TileError
from water_gee.files import atomic
from water_gee.paths import Layout
from water_gee.tiles.manifest import TileRecord

Float = NDArray[np.float32]
LABEL_BANDS = ("water_share", "clear_looks")
WATER_SHARE = 0.5  # a pixel is labelled water from this share of its clear looks on


@dataclass(frozen=True)
class TileData:
    """A tile in memory, margin included.

    `features` is [band, y, x] float32, NaN in every band of a masked pixel; `share` [y, x] is the share of
    clear looks labelled water, NaN where there was none; `looks` [y, x] counts the clear looks.
    """

    record: TileRecord
    features: Float
    names: tuple[str, ...]
    share: Float
    looks: Float
    transform: Affine

    @property
    def core(self) -> tuple[slice, slice]:
        """The (y, x) slices of the tile's own pixels."""
        own = slice(self.record.margin, self.record.margin + self.record.size)
        return own, own

    @property
    def seen(self) -> NDArray[np.bool_]:
        """Where the composite has a value, [y, x]."""
        seen: NDArray[np.bool_] = ~np.isnan(self.features[0])
        return seen

    @property
    def label(self) -> NDArray[np.uint8]:
        """The raw label [y, x]: 1 water, 0 land, 255 where no clear look was had."""
        label = np.where(self.share >= WATER_SHARE, np.uint8(1), np.uint8(0))
        return np.where(np.isnan(self.share) | ~self.seen, np.uint8(255), label)

    def band(self, name: str) -> Float:
        """Return one feature [y, x] by name.

        Raises:
            TileError: the tile has no such band.
        """
        if name not in self.names:
            raise TileError(
                f"tile {self.record.area}/{self.record.id} has no band {name!r} (it has {', '.join(self.names)}); "
                "add it to features.names and run: water-gee tiles"
            )
        band: Float = self.features[self.names.index(name)]
        return band


def feature_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's features lie."""
    return layout.tiles / area / f"{tile_id}.tif"


def label_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's labels lie."""
    return layout.tiles / area / f"{tile_id}.labels.tif"


def clean_path(layout: Layout, area: str, tile_id: str) -> Path:
    """Return where a tile's denoised labels lie."""
    return layout.clean / area / f"{tile_id}.tif"


def write_raster(
    path: Path,
    values: NDArray[np.float32] | NDArray[np.uint8],
    names: Sequence[str],
    *,
    crs: str,
    transform: Affine,
    nodata: float | None = None,
    tags: dict[str, str] | None = None,
) -> None:
    """Write [band, y, x] as a compressed GeoTIFF, atomically; equal content gives equal bytes."""
    bands, height, width = values.shape
    profile = {
        "driver": "GTiff", "count": bands, "height": height, "width": width, "dtype": values.dtype.name,
        "crs": crs, "transform": transform, "nodata": nodata, "compress": "zstd", "zstd_level": 3,
        "predictor": 3 if values.dtype.kind == "f" else 2, "tiled": True, "blockxsize": 256, "blockysize": 256,
        "interleave": "band",
    }  # fmt: skip
    with atomic(path) as temporary:
        with rasterio.open(temporary, "w", **profile) as file:
            file.write(values)
            file.descriptions = tuple(names)
            if tags:
                file.update_tags(**tags)


def read_raster(path: Path, advice: str) -> tuple[NDArray[np.float32], tuple[str, ...], Affine]:
    """Return ([band, y, x] float32, band names, transform) of a GeoTIFF.

    Raises:
        TileError: the file is absent or broken; `advice` says what to run.
    """
    try:
        with rasterio.open(path) as file:
            values: NDArray[np.float32] = file.read(out_dtype="float32")
            return values, tuple(name or "" for name in file.descriptions), file.transform
    except RasterioError as error:
        state = "is broken" if path.exists() else "is missing"
        raise TileError(f"{path} {state}; {advice}") from error


def load_tile(layout: Layout, record: TileRecord) -> TileData:
    """Read a tile's features and labels.

    Raises:
        TileError: a file is absent or broken, or does not have the manifest's size.
    """
    advice = "run again: water-gee tiles"
    features, names, transform = read_raster(feature_path(layout, record.area, record.id), advice)
    labels, _, _ = read_raster(label_path(layout, record.area, record.id), advice)
    side = record.size + 2 * record.margin
    if features.shape[1:] != (side, side) or labels.shape != (len(LABEL_BANDS), side, side):
        raise TileError(f"tile {record.area}/{record.id} does not have the manifest's size; {advice}")
    return TileData(record, features, names, labels[0], labels[1], transform)

"""Image exports to an asset: evaluated block by block, written beside the catalog, then renamed into it."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from affine import Affine
from rasterio.windows import Window

from eelocal.assets import Store
from eelocal.catalog import asset_name
from eelocal.encode import pixel_dtype
from eelocal.errors import bad_request
from eelocal.evaluator import Evaluator, PixelGrid
from eelocal.operations import Progress
from eelocal.raster import TYPE_TAG
from eelocal.workers import checkpoint

_BLOCK = 1024  # pixels a side that are evaluated at once

# The type a band is stored in: wide enough that one value is left over for "no data".
_STORED = {
    "uint8": "int16", "int8": "int16", "uint16": "int32", "int16": "int32", "uint32": "float64", "int32": "float64",
    "float32": "float32", "float64": "float64",
}  # fmt: skip


class ImageExport:
    """One export: an expression and the asset it becomes."""

    def __init__(
        self, evaluator: Evaluator, store: Store, scratch: Path, expression: dict[str, Any], id: str, *,
        overwrite: bool, max_pixels: int,
    ) -> None:  # fmt: skip
        """Keep what to export and where to; `scratch` is a folder of the catalog's file system."""
        self._evaluator, self._store, self._scratch, self._expression = evaluator, store, scratch, expression
        self._id, self._overwrite, self._max_pixels = id, overwrite, max_pixels

    def __call__(self, progress: Progress) -> list[str]:
        """Write the asset and return its name.

        Raises:
            EEError: the export is too large, the asset exists, or the computation fails.
        """
        info, grid = self._evaluator.export_info(self._expression)
        if grid.width * grid.height > self._max_pixels:
            raise bad_request(
                f"Export too large: specified {grid.width * grid.height} pixels (max: {self._max_pixels})."
                " Specify higher maxPixels value if you intend to export a large area."
            )
        self._store.check_new(self._id, self._overwrite)
        self._scratch.mkdir(parents=True, exist_ok=True)
        temporary = self._scratch / f"{uuid.uuid4().hex}.tif"
        sidecar = temporary.with_suffix(".json")
        try:
            self._write(temporary, info, grid, progress)
            sidecar.write_text(json.dumps(_properties(info), indent=1), encoding="utf-8")
            self._store.adopt(self._id, temporary, sidecar, self._overwrite)
        finally:
            temporary.unlink(missing_ok=True)
            sidecar.unlink(missing_ok=True)
        return [asset_name(self._id)]

    def _write(self, path: Path, info: dict[str, Any], grid: PixelGrid, progress: Progress) -> None:
        names = [band["id"] for band in info["bands"]]
        types = [_asset_type(band) for band in info["bands"]]
        stored = np.result_type(*(_STORED[dtype] for dtype in types))
        nodata = float("nan") if stored.kind == "f" else float(np.iinfo(stored).min)
        with rasterio.open(
            path, "w", driver="GTiff", width=grid.width, height=grid.height, count=len(names), dtype=stored.name,
            crs=grid.crs, transform=Affine(*grid.transform), nodata=nodata, tiled=True, blockxsize=256, blockysize=256,
            compress="deflate", zlevel=1, interleave="band", bigtiff="if_safer",
        ) as dataset:  # fmt: skip
            for index, (name, dtype) in enumerate(zip(names, types, strict=True), 1):
                dataset.set_band_description(index, name)
                dataset.update_tags(index, **{TYPE_TAG: dtype})
            for column, row, columns, rows in _blocks(grid.width, grid.height):
                checkpoint()
                part = _part(grid, column, row, columns, rows)
                result = self._evaluator.pixels(self._expression, part, None)
                window = Window(column, row, columns, rows)
                for index, band in enumerate(result.bands, 1):
                    dataset.write(np.where(band.mask, band.values, nodata).astype(stored), index, window=window)
                progress((row * grid.width + rows * (column + columns)) / (grid.width * grid.height))
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _part(grid: PixelGrid, column: int, row: int, width: int, height: int) -> PixelGrid:
    a, b, c, d, e, f = grid.transform
    return PixelGrid(grid.crs, (a, b, c + a * column + b * row, d, e, f + d * column + e * row), width, height)


def _blocks(width: int, height: int) -> Iterator[tuple[int, int, int, int]]:
    for row in range(0, height, _BLOCK):
        for column in range(0, width, _BLOCK):
            yield column, row, min(_BLOCK, width - column), min(_BLOCK, height - row)


def _asset_type(band: dict[str, Any]) -> str:
    dtype = pixel_dtype(band["data_type"]).name
    if band["data_type"].get("dimensions"):
        raise bad_request(f"Unable to export band '{band['id']}': it is an array; flatten it before the export.")
    if dtype not in _STORED:
        raise bad_request(
            f"Unable to export band '{band['id']}' of type {dtype}; convert it, for example with toDouble."
        )
    return dtype


def _properties(info: dict[str, Any]) -> dict[str, Any]:
    """Return the properties that an exported asset keeps: all but those that follow from the asset itself."""
    derived = ("index", "version", "id", "footprint", "bands", "band_names", "asset_size")
    properties = info.get("properties") or {}
    return {key: value for key, value in properties.items() if key not in {f"system:{name}" for name in derived}}

"""Pixels as the service sends them: NPY and GeoTIFF, masked pixels as zeros."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import rasterio
from affine import Affine

from eelocal.errors import bad_request
from eelocal.evaluator import PixelBand, PixelGrid

_NAMES = {
    "uint8": "Byte", "int8": "Int8", "uint16": "UInt16", "int16": "Int16", "uint32": "UInt32", "int32": "Int32",
    "int64": "Int64", "float32": "Float32", "float64": "Float64",
}  # fmt: skip


def pixel_dtype(data_type: dict[str, Any]) -> np.dtype[Any]:
    """Return the numpy type in which the service sends a band of the pixel type `data_type`.

    Integers take the smallest type that holds their range.
    """
    precision = data_type.get("precision")
    if precision in ("float", "double"):
        return np.dtype("float32" if precision == "float" else "float64")
    low, high = data_type.get("min", -(2**31)), data_type.get("max", 2**31 - 1)
    for name in ("uint8", "int8", "uint16", "int16", "int32", "uint32"):
        limits = np.iinfo(name)
        if limits.min <= low and high <= limits.max:
            return np.dtype(name)
    return np.dtype("int64")


def _dtype(band: PixelBand) -> np.dtype[Any]:
    """Return the little-endian type in which a band is sent."""
    dtype = band.values.dtype
    if dtype.kind == "b":
        return np.dtype(np.uint8)
    if dtype.kind not in "iuf" or band.values.ndim != 2:
        raise bad_request(f"Band '{band.name}' is an array; flatten it before asking for its pixels.")
    return dtype.newbyteorder("<")


def npy(bands: Sequence[PixelBand]) -> bytes:
    """Return a structured array [row, column] with one field a band, in numpy's file format."""
    fields = np.dtype([(band.name, _dtype(band)) for band in bands])
    array = np.zeros(bands[0].values.shape, fields)
    for band in bands:
        np.copyto(array[band.name], band.values, where=band.mask, casting="unsafe")
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def geotiff(bands: Sequence[PixelBand], grid: PixelGrid) -> bytes:
    """Return a GeoTIFF whose band descriptions are the band names; it declares no nodata value.

    Raises:
        EEError: the bands are of different types, or of one that a GeoTIFF of the service cannot have.
    """
    names = list(dict.fromkeys(_NAMES[_dtype(band).name] for band in bands))
    if len(names) > 1:
        raise bad_request(
            f"Exported bands must have compatible data types; found inconsistent types: {' and '.join(names)}."
        )
    if names == ["Int64"]:
        raise bad_request("A GeoTIFF cannot hold bands of the type Int64; convert them, for example with toDouble.")
    with rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff", width=grid.width, height=grid.height, count=len(bands), dtype=_dtype(bands[0]).name,
            crs=grid.crs, transform=Affine(*grid.transform), tiled=True, blockxsize=256, blockysize=256,
            compress="deflate", zlevel=1,
        ) as dataset:  # fmt: skip
            for index, band in enumerate(bands, 1):
                dataset.write(np.where(band.mask, band.values, 0).astype(_dtype(band)), index)
                dataset.set_band_description(index, band.name)
        content: bytes = memory.read()
    return content

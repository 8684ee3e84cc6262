"""GeoTIFFs as bands: headers and windows, where what cannot be read is an error and never zeros."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from eelocal.errors import bad_request
from eelocal.files import File, stamp, unreadable
from eelocal.workers import checkpoint

TYPES = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64")
"""Pixel types that an asset may have, by numpy name."""

TYPE_TAG = "EELOCAL_TYPE"
"""Band tag of a file written by an export: the band's pixel type, where the file's type is wider."""

_OPEN_FILES = 24  # a thread's open datasets; a composite reads its images one after the other


@dataclass(frozen=True)
class BandInfo:
    """A band's name, numpy type and native grid.

    Attributes:
        name: the band's name.
        dtype: numpy name of the pixel type.
        crs: ``EPSG:<code>`` where the system has one, else WKT.
        transform: affine order (a, b, c, d, e, f): x = a*column + b*row + c, y = d*column + e*row + f.
        width: columns.
        height: rows.
    """

    name: str
    dtype: str
    crs: str
    transform: tuple[float, float, float, float, float, float]
    width: int
    height: int


@dataclass(frozen=True)
class BandSource:
    """Where a band's pixels lie: a file, a 1-based band of it, and bits whose presence means fill."""

    file: File
    index: int
    stamp: tuple[int, int]
    fill: int | None = None  # this value is no data, whatever the file says
    fill_bit: int | None = None  # pixels with this bit set are no data

    @property
    def path(self) -> Path:
        """The file on disk that holds them."""
        return self.file.path


def open_tiff(file: File) -> Any:
    """Open a GeoTIFF by itself: no other format under its name, such as a VRT, and no file beside it.

    Other formats, and `.aux.xml`, `.ovr`, `.msk` and world files, may name any file or address for GDAL to read.
    """
    with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):  # it holds for what is read later too
        return rasterio.open(file.for_gdal, driver="GTiff")


def read_bands(file: File) -> list[tuple[BandInfo, BandSource]]:
    """Return the bands of a GeoTIFF, named by their descriptions, or b1, b2, ... without them.

    Raises:
        EEError: the file cannot be opened, has no coordinate reference system, a pixel type that no
            asset can have, or two bands of one name.
    """
    try:
        version = stamp(file.path)
        with open_tiff(file) as dataset:
            if dataset.crs is None:
                raise unreadable(file.label, "it has no coordinate reference system")
            if dataset.transform.is_identity:
                raise unreadable(file.label, "it has no georeference (no transform)")
            code = dataset.crs.to_epsg()
            crs = f"EPSG:{code}" if code else dataset.crs.to_wkt()
            a, b, c, d, e, f = (float(value) for value in dataset.transform[:6])
            bands = []
            for index in dataset.indexes:
                dtype = dataset.tags(index).get(TYPE_TAG, dataset.dtypes[index - 1])
                if dtype not in TYPES:
                    raise unreadable(file.label, f"pixel type {dtype} is not one of {', '.join(TYPES)}")
                name = dataset.descriptions[index - 1] or f"b{index}"
                grid = BandInfo(name, dtype, crs, (a, b, c, d, e, f), dataset.width, dataset.height)
                bands.append((grid, BandSource(file, index, version)))
    except (RasterioError, OSError) as error:
        raise unreadable(file.label, error) from error
    names = [info.name for info, _ in bands]
    for name in names:
        if names.count(name) > 1:
            raise unreadable(file.label, f"two bands are named {name}")
    return bands


class _Datasets(threading.local):
    """A thread's open datasets, newest last: a GDAL dataset must not be shared between threads."""

    def __init__(self) -> None:
        self.open: OrderedDict[tuple[File, tuple[int, int]], Any] = OrderedDict()

    def get(self, source: BandSource) -> Any:
        key = (source.file, source.stamp)
        if key in self.open:
            self.open.move_to_end(key)
            return self.open[key]
        if stamp(source.path) != source.stamp:
            raise unreadable(source.file.label, "it changed while a request was being computed; repeat the request")
        dataset = open_tiff(source.file)
        self.open[key] = dataset
        while len(self.open) > _OPEN_FILES:
            self.open.popitem(last=False)[1].close()
        return dataset


_datasets = _Datasets()


def read_window(
    info: BandInfo, source: BandSource, column: int, row: int, width: int, height: int
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return values and mask [row, column] of a window on the band's native grid.

    The window may reach beyond the raster: there, and where the file has no data (its nodata value,
    internal mask, NaN, or the fill of `source`), the mask is False and the value 0.

    Raises:
        EEError: the file is truncated or damaged, or the computation was stopped.
    """
    checkpoint()
    if width < 0 or height < 0:
        raise bad_request(f"A window cannot have the size {width}x{height}.")
    values = np.zeros((height, width), info.dtype)
    mask = np.zeros((height, width), bool)
    left, top = max(column, 0), max(row, 0)
    right, bottom = min(column + width, info.width), min(row + height, info.height)
    if left >= right or top >= bottom:
        return values, mask
    window = Window(left, top, right - left, bottom - top)
    try:
        dataset = _datasets.get(source)
        raw = dataset.read(source.index, window=window)
        valid = _valid(dataset, source, window, raw)
    except (RasterioIOError, OSError) as error:
        raise unreadable(source.file.label, error.__cause__ or error) from error
    inside = np.s_[top - row : bottom - row, left - column : right - column]
    values[inside] = np.where(valid, raw, 0)
    mask[inside] = valid
    return values, mask


def _valid(dataset: Any, source: BandSource, window: Any, raw: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where a file's pixels hold data."""
    flags = dataset.mask_flag_enums[source.index - 1]
    valid: NDArray[np.bool_] = np.ones(raw.shape, bool)
    if MaskFlags.nodata in flags and MaskFlags.alpha not in flags:
        nodata = dataset.nodatavals[source.index - 1]
        if nodata is not None and _holds(raw.dtype, nodata):
            valid &= raw != raw.dtype.type(nodata)
    elif MaskFlags.all_valid not in flags:
        valid &= dataset.read_masks(source.index, window=window) != 0
    if raw.dtype.kind == "f":
        valid &= ~np.isnan(raw)
    if source.fill is not None:
        valid &= raw != source.fill
    if source.fill_bit is not None:
        valid &= (raw >> source.fill_bit) & 1 == 0
    return valid


def _holds(dtype: np.dtype[Any], nodata: float) -> bool:
    """Return whether a type can hold a nodata value: one that it cannot hold marks no pixel at all."""
    if dtype.kind == "f":
        return not np.isnan(nodata)  # NaN is masked anyway, and never equal
    limits = np.iinfo(dtype)
    return float(nodata).is_integer() and limits.min <= nodata <= limits.max

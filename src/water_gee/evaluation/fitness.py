"""Whether a file can be a reference at all, and what its user should know of it before figures are made with it."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import rasterio
from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError, RasterioError

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.errors import ConfigError, TileError
from water_gee.evaluation.meaning import Meaning

_CLASSES: dict[int | None, str] = {WATER: "water", LAND: "land"}
_NEAR = 0.01  # pixels, and share of a pixel, up to which two grids are one


def check_files(key: str, files: Sequence[tuple[Path, int]], meaning: Meaning) -> bool:
    """Check the heads of a reference's files, each of a year, and return whether any has the band that is meant.

    Raises:
        ConfigError: a file has no crs or not the band, or takes water or land for nodata.
        TileError: a file cannot be read.
    """
    found = False
    for path, year in files:
        with opened(path) as file:
            if not file.crs:
                raise ConfigError(f"{key}: {path} has no crs; give it one: gdal_edit.py -a_srs EPSG:CODE FILE")
            band = meaning.band_of(key, path, file, year)
            if band is None:
                continue
            found, nodata = True, file.nodatavals[band - 1]
            if nodata is None:
                continue
            scaled = nodata * file.scales[band - 1] + file.offsets[band - 1]
            if name := _CLASSES.get(meaning.of_number(scaled)):
                raise ConfigError(
                    f"{key}: {path} names {nodata:g} as its nodata, so that all {name} in it would be unknown; "
                    f"take that off (gdal_edit.py -unsetnodata FILE), and write {UNKNOWN} where nothing is known"
                )
    return found


def opened(path: Path) -> Any:
    """Return an open raster.

    Raises:
        TileError: it cannot be read.
    """
    try:
        return rasterio.open(path)
    except (RasterioError, CRSError) as error:
        raise TileError(f"{path} cannot be read ({error}); replace the file") from error


def remarks(key: str, paths: Sequence[Path], crs: str, transform: Affine) -> Iterator[str]:
    """Yield a line where files have scaled numbers, and where they lie on other pixels than the study's.

    The latter is legitimate, and costs accuracy at shores.
    """
    other: dict[str, list[Path]] = {}
    for path in paths:
        with opened(path) as file:
            if grid := _other_grid(file, crs, transform):
                other.setdefault(grid, []).append(path)
            scaled = dict.fromkeys(one for one in zip(file.scales, file.offsets, strict=True) if one != (1, 0))
        for scale, offset in scaled:
            yield (
                f"{key}: {path.name} has a scale of {scale:g} and an offset of {offset:g}: values and ranges are of "
                "the numbers that these make of those stored"
            )
    for grid, files in other.items():
        more = f" and {len(files) - 1} more" if len(files) > 1 else ""
        yield (
            f"{key}: {files[0].name}{more} has another grid than the study ({grid}): each pixel of the study is judged "
            "by the pixel that holds its centre, and shores are off by up to half a pixel of either"
        )


def _other_grid(file: Any, crs: str, transform: Affine) -> str:
    """Return what is different in a file's grid, in words; empty where it is the study's."""
    if file.crs != CRS.from_user_input(crs):
        return f"{file.crs.to_string()[:40]}, not {crs}"
    own, scale = file.transform, transform.a
    if abs(own.a - scale) > _NEAR * scale or abs(own.e + scale) > _NEAR * scale or own.b or own.d:
        return f"pixels of {abs(own.a):g} and not of {scale:g}"
    shift = [(own.c - transform.c) / scale % 1, (own.f - transform.f) / scale % 1]
    if any(min(part, 1 - part) > _NEAR for part in shift):
        return "the same pixels, moved by " + " and ".join(f"{min(part, 1 - part):.2g}" for part in shift) + " of one"
    return ""

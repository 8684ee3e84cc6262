"""Water references: found by pattern and brought onto the study's pixels."""

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.errors import CRSError, RasterioError
from rasterio.warp import reproject, transform_bounds

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.errors import ConfigError, TileError

_MEANING = "uint8 with 1 water, 0 land, 255 unknown"


@dataclass(frozen=True)
class Reference:
    """A named reference: a glob of GeoTIFFs (1 water, 0 land, 255 unknown), `{year}` standing for the year."""

    name: str
    pattern: str
    root: Path  # a relative pattern is looked for below it, then below the working directory

    def files(self, year: int) -> list[Path]:
        """Return the files of one year, sorted by name."""
        pattern = self.pattern.replace("{year}", str(year))
        for folder in (self.root, Path.cwd()):
            if found := glob.glob(pattern, root_dir=folder, recursive=True):
                return [Path(os.path.join(folder, name)) for name in sorted(found)]
        return []

    def check(self, years: Iterable[int]) -> None:
        """Check that at least one year has a file.

        Raises:
            ConfigError: no year has.
        """
        if not any(self.files(year) for year in years):
            raise ConfigError(
                f"study.references.{self.name}: no file matches {self.pattern} (below {self.root}); "
                "correct the pattern, or take the reference out of the study"
            )

    def sample(self, year: int, crs: str, transform: Affine, shape: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the reference [y, x] of the pixels of `transform`: 1 water, 0 land, 255 unknown.

        A pixel takes the value of the reference pixel that holds its centre (nearest neighbour), whatever
        the offset between the two lattices. Where files overlap, the first by name that knows decides.

        Raises:
            TileError: a file is broken, or holds other values.
        """
        values = np.full(shape, UNKNOWN, dtype=np.uint8)
        for path, part in sample(self.files(year), crs, transform, shape, unknown=UNKNOWN):
            strange = np.setdiff1d(np.unique(part), (LAND, WATER, UNKNOWN))
            if strange.size:
                raise TileError(f"the reference {path} holds the value {strange[0]}; make it {_MEANING}")
            values = np.where(values == UNKNOWN, part, values)
        return values


def sample(
    paths: Sequence[Path], crs: str, transform: Affine, shape: tuple[int, int], *, unknown: int, band: int = 1
) -> Iterator[tuple[Path, NDArray[np.uint8]]]:
    """Yield each file that meets a window and its band [y, x] there, by nearest neighbour; `unknown` elsewhere.

    Raises:
        TileError: a file is broken, lacks the band, or does not hold bytes.
    """
    height, width = shape
    left, top = transform.c, transform.f
    right, bottom = left + width * transform.a, top + height * transform.e
    for path in paths:
        values = np.full(shape, unknown, dtype=np.uint8)
        try:
            with rasterio.open(path) as file:
                if _apart(transform_bounds(crs, file.crs, left, bottom, right, top), file.bounds):
                    continue
                if file.count < band or file.dtypes[band - 1] != "uint8":
                    raise TileError(f"band {band} of {path} is not of type uint8; make it {_MEANING}")
                reproject(
                    rasterio.band(file, band), values, dst_crs=crs, dst_transform=transform, tolerance=0,
                    resampling=Resampling.nearest, src_nodata=unknown if file.nodata is None else file.nodata,
                    dst_nodata=unknown,
                )  # fmt: skip
        except (RasterioError, CRSError) as error:
            raise TileError(f"{path} cannot be read ({error}); replace the file") from error
        yield path, values


def _apart(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]

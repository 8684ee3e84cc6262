"""The finished maps, strip by strip, and where their pixels lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import pyproj
import rasterio
from numpy.typing import NDArray
from rasterio.errors import RasterioError

from water_gee.bodies.strips import Raster
from water_gee.errors import WaterGeeError
from water_gee.maps import map_path, map_years
from water_gee.paths import Layout
from water_gee.study import Grid, Window, pixel_areas

_SLACK = 1e-6  # share of a pixel, from rounding
ADVICE = "run again: water-gee predict"


@dataclass(frozen=True)
class Frame:
    """The maps of some years, which cover one window of one lattice."""

    grid: Grid
    window: Window
    years: tuple[int, ...]
    files: Mapping[tuple[int, str], Path]  # by year and layer

    @classmethod
    def of(cls, layout: Layout, report: Mapping[str, Any]) -> Self:
        """Return the frame of the maps that a report knows, each file checked.

        Raises:
            WaterGeeError: a file is not the one that was written, or lies elsewhere than the others.
        """
        years = map_years(report)
        files = {
            (year, layer): map_path(layout, report, year, layer) for year in years for layer in ("water", "probability")
        }
        places = {path: _place(path) for path in files.values()}
        first = files[years[0], "water"]
        for path, place in places.items():
            if place != places[first]:
                raise WaterGeeError(f"{path} and {first} do not cover the same pixels; {ADVICE}")
        return cls(*places[first], tuple(years), files)

    @property
    def corner(self) -> tuple[int, int]:
        """Column and row of the lattice of the first pixel."""
        return self.window.left, self.window.top

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of a map."""
        return self.window.height, self.window.width

    def layer(self, year: int, layer: str) -> Raster:
        """Return a map [y, x]; reading it raises WaterGeeError where its file cannot be read."""
        path = self.files[year, layer]

        def read(first: int, last: int) -> NDArray[Any]:
            try:
                with rasterio.open(path) as file:
                    return np.asarray(file.read(1, window=((first, last), (0, self.window.width))))
            except RasterioError as error:
                raise WaterGeeError(f"{path} cannot be read ({error}); {ADVICE}") from error

        return Raster(self.shape, read)

    def areas(self) -> Raster:
        """Return the area of each pixel on the ellipsoid, [y, x] in square metres, float32."""

        def read(first: int, last: int) -> NDArray[np.float32]:
            part = Window(self.window.left, self.window.top + first, self.window.width, last - first)
            return pixel_areas(self.grid, part).astype(np.float32)

        return Raster(self.shape, read)

    def sides(self) -> tuple[float, float]:
        """Return the height and width of the pixel in the middle, on the ellipsoid, in metres."""
        column, row = self.window.left + self.window.width // 2, self.window.top + self.window.height // 2
        left, bottom, right, top = self.grid.bounds(Window(column, row, 1, 1))
        across, up = (left + right) / 2, (bottom + top) / 2
        x, y = self.to_degrees.transform([left, right, across, across], [up, up, bottom, top])
        _, _, length = self.ellipsoid.inv([x[0], x[2]], [y[0], y[2]], [x[1], x[3]], [y[1], y[3]])
        return float(length[1]), float(length[0])

    @property
    def crs(self) -> pyproj.CRS:
        """The maps' crs."""
        return pyproj.CRS(self.grid.crs)

    @property
    def to_degrees(self) -> pyproj.Transformer:
        """From the maps' crs to longitude and latitude on its own ellipsoid."""
        return pyproj.Transformer.from_crs(self.crs, self.crs.geodetic_crs or "EPSG:4326", always_xy=True)

    @property
    def ellipsoid(self) -> pyproj.Geod:
        """The crs's ellipsoid."""
        return self.crs.get_geod() or pyproj.Geod(ellps="WGS84")


def _place(path: Path) -> tuple[Grid, Window]:
    """Return the lattice of a map, which passes through the crs's origin but for less than a pixel, and its window."""
    try:
        with rasterio.open(path) as file:
            transform, crs, height, width = file.transform, file.crs, file.height, file.width
    except RasterioError as error:
        raise WaterGeeError(f"{path} cannot be read ({error}); {ADVICE}") from error
    scale = transform.a
    left, top = int(np.floor(transform.c / scale + _SLACK)), int(np.floor(-transform.f / scale + _SLACK))
    grid = Grid(crs.to_string(), scale, (transform.c - left * scale, transform.f + top * scale))
    return grid, Window(left, top, width, height)

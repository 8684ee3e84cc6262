"""Areas of a study as geometries in its crs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import pyproj
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry
from shapely.ops import transform, unary_union

from water_gee.errors import ConfigError
from water_gee.study.antimeridian import joined, wrapped
from water_gee.study.grid import Grid, Window
from water_gee.study.inside import Mask, inside, light, within_window
from water_gee.study.regions import read_region


@dataclass(frozen=True)
class Area:
    """A named area: its geometry in the study's crs; the WRS strips that alone may fill it, and of these the scenes."""

    name: str
    geometry: BaseGeometry
    strips: tuple[tuple[int, int], ...] = ()
    scenes: tuple[str, ...] = ()  # none: all of the strips

    @cached_property
    def light(self) -> BaseGeometry:
        """An outline of at most 100 vertices that holds the area: what every request may carry."""
        return light(self.geometry)

    @property
    def anywhere(self) -> Self:
        """The area at a fixed place: what is asked of it does not change with its outline."""
        return self if self.strips else replace(self, geometry=box(0, 0, 1, 1))

    def inside(self, grid: Grid, window: Window) -> Mask:
        """Return which pixels [y, x] of a window belong to the area; a strips area is bounded by its scenes alone."""
        if self.strips:
            return np.ones((window.height, window.width), dtype=np.bool_)
        return inside(self.geometry, grid, window)

    def within(self, grid: Grid, window: Window) -> Self | None:
        """Return the area with a light outline that holds the same pixels of a window; None: it holds them all."""
        part = None if self.strips else within_window(self.geometry, grid, window)
        return None if part is None else replace(self, geometry=part)


def from_bbox(name: str, bbox: tuple[float, float, float, float], crs: str) -> Area:
    """Return the area of a bounding box (left, bottom, right, top) in the study's crs; degrees may run past 180."""
    return Area(name, wrapped(box(*bbox)) if pyproj.CRS.from_user_input(crs).is_geographic else box(*bbox))


def from_region(name: str, path: Path, grid: Grid, layer: str | None = None) -> Area:
    """Return the area of a file of vector data, every polygon of it together.

    Raises:
        ConfigError: the file or its layer is absent or broken, has no crs or no polygon; a feature cannot be used.
    """
    return Area(name, read_region(f"study.areas.{name}.region", path, layer, grid.crs, grid.scale))


def from_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """Return a longitude/latitude geometry in `crs`, whole across the antimeridian; in degrees it is cut there."""
    if pyproj.CRS.from_user_input(crs).is_geographic:
        geometry = wrapped(geometry)
    elif len(whole := joined(parts := list(getattr(geometry, "geoms", [geometry])))) < len(parts):
        geometry = unary_union(whole)
    projector = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    projected: BaseGeometry = transform(projector.transform, geometry)
    return projected


def to_lonlat(geometry: BaseGeometry, crs: str) -> BaseGeometry:
    """Return a geometry in `crs` as longitude and latitude."""
    projector = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    projected: BaseGeometry = transform(projector.transform, geometry)
    return projected


def check_apart(areas: Mapping[str, Area], grid: Grid, margin: int) -> None:
    """Check that train and test share no pixel, the margins of both included.

    Raises:
        ConfigError: they overlap, or lie nearer than twice the margin.
    """
    if "train" not in areas or "test" not in areas:
        return
    gap = areas["train"].geometry.distance(areas["test"].geometry)
    if gap < 2 * margin * grid.scale or areas["train"].geometry.intersects(areas["test"].geometry):
        raise ConfigError(
            f"study.areas: train and test overlap or lie {gap:g} apart, nearer than twice the margin "
            f"of {margin} pixels; move them apart"
        )

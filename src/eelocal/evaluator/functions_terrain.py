"""Slope, aspect and hillshade of an elevation band."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.functions_neighborhood import ReachNode
from eelocal.evaluator.functions_projection import metre_steps
from eelocal.evaluator.grid import Lattice, Window
from eelocal.evaluator.image import Band, Image
from eelocal.evaluator.node import Node
from eelocal.evaluator.pixeltype import FLOAT, PixelType, cast
from eelocal.evaluator.raster import EMPTY, Mask, Raster, Values
from eelocal.evaluator.registry import implements

_CROSS = [(-1, 0, 1.0), (0, -1, 1.0), (0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0)]


class TerrainNode(ReachNode):
    """A function of the rise to the east and to the north, from the four neighbours."""

    def __init__(self, source: Node, function: Callable[[Values, Values], Values], type_: PixelType = FLOAT) -> None:
        super().__init__(type_, [source], _CROSS)
        self.function = function

    def compute(self, lattice: Lattice, window: Window, rasters: Sequence[Raster]) -> Raster:
        """Central differences in metres; masked where the centre or a neighbour is."""
        (raster,) = rasters
        if raster.values is None:
            return EMPTY
        values, mask = self.full(raster, window)
        heights = values.astype(np.float64)
        across, down = metre_steps(lattice, window)
        east = (self.view(heights, window, 0, 1) - self.view(heights, window, 0, -1)) / (2 * across)
        north = (self.view(heights, window, 1, 0) - self.view(heights, window, -1, 0)) / (2 * down)
        valid: Mask | None = None
        if mask is not None:
            valid = np.logical_and.reduce([self.view(mask, window, row, column) for row, column, _ in _CROSS])
        return Raster(cast(self.function(east, north), self.type), valid)


def slope_of(east: Values, north: Values) -> Values:
    """Return degrees from the horizontal."""
    return np.degrees(np.arctan(np.hypot(east, north)))


def aspect_of(east: Values, north: Values) -> Values:
    """Return degrees clockwise from north of the way down; 0 where flat."""
    return np.where((east == 0) & (north == 0), 0.0, np.degrees(np.arctan2(-east, -north)) % 360)


def _elevation(image: Image) -> Node:
    if not image.bands:
        raise bad_request("The image has no bands.")
    if len(image.bands) == 1:
        return image.bands[0].node
    return next((band.node for band in image.bands if band.name == "elevation"), image.bands[0].node)


@implements("Terrain.slope")
def slope(image: Image) -> Image:
    """Degrees."""
    return image.with_bands([Band("slope", TerrainNode(_elevation(image), slope_of))])


@implements("Terrain.aspect")
def aspect(image: Image) -> Image:
    """Degrees clockwise from north."""
    return image.with_bands([Band("aspect", TerrainNode(_elevation(image), aspect_of))])


@implements("Terrain.hillshade")
def hillshade(image: Image, azimuth: float, elevation: float) -> Image:
    """The cosine of the light's angle to the surface, 0 to 255."""
    zenith, light = np.radians(90 - elevation), np.radians(azimuth)

    def shade(east: Values, north: Values) -> Any:
        steep, way = np.radians(slope_of(east, north)), np.radians(aspect_of(east, north))
        lit = np.cos(zenith) * np.cos(steep) + np.sin(zenith) * np.sin(steep) * np.cos(light - way)
        return np.floor(np.maximum(lit, 0) * 255 + 0.5)

    node = TerrainNode(_elevation(image), shade, PixelType("int", 0, 255))
    return image.with_bands([Band("hillshade", node)])


@implements("Terrain.products")
def products(image: Image) -> Image:
    """The image with slope, aspect and hillshade."""
    added = [slope(image).bands[0], aspect(image).bands[0], hillshade(image, 270.0, 45.0).bands[0]]
    return image.with_bands([*image.bands, *added])

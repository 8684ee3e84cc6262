"""Slope, aspect and hillshade of an elevation band."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from eelocal.errors import bad_request
from eelocal.evaluator.functions_neighborhood import Around, ReachNode
from eelocal.evaluator.functions_projection import metre_steps
from eelocal.evaluator.image import Band, Image
from eelocal.evaluator.node import Node
from eelocal.evaluator.pixeltype import FLOAT, PixelType, cast
from eelocal.evaluator.raster import Raster, Values
from eelocal.evaluator.registry import implements
from eelocal.evaluator.resampling import ReprojectNode, has_projection

_WHERE = "on the pixels of the image's default projection"
_CROSS = [(-1, 0, 1.0), (0, -1, 1.0), (0, 0, 1.0), (0, 1, 1.0), (1, 0, 1.0)]


def _graded(source: Node, function: Callable[[Values, Values], Values], type_: PixelType = FLOAT) -> Node:
    """Return a function of the rise to the east and to the north: central differences of the four neighbours.

    Masked where the centre or a neighbour is. Computed on the pixels of the elevation's default projection, whatever
    grid is asked for; that takes its nearest pixels.
    """

    def grade(around: Around) -> Raster:
        heights = around.values.astype(np.float64)
        across, down = metre_steps(around.lattice, around.window)
        east = (around.part(heights, 0, 1) - around.part(heights, 0, -1)) / (2 * across)
        north = (around.part(heights, 1, 0) - around.part(heights, -1, 0)) / (2 * down)
        mask, valid = around.raster.mask, None
        if mask is not None:
            valid = np.logical_and.reduce([around.part(mask, row, column) for row, column, _ in _CROSS])
        return Raster(cast(function(east, north), type_), valid)

    return ReprojectNode(ReachNode(source, type_, _CROSS, grade), source.projection)


def slope_of(east: Values, north: Values) -> Values:
    """Return degrees from the horizontal."""
    return np.degrees(np.arctan(np.hypot(east, north)))


def aspect_of(east: Values, north: Values) -> Values:
    """Return degrees clockwise from north of the way down; 0 where flat."""
    return np.where((east == 0) & (north == 0), 0.0, np.degrees(np.arctan2(-east, -north)) % 360)


def _elevation(image: Image) -> Node:
    if not image.bands:
        raise bad_request("The image has no bands.")
    node = next((band.node for band in image.bands if band.name == "elevation"), image.bands[0].node)
    if not has_projection(node):
        raise bad_request(
            "eelocal: the elevation has no projection of its own, as a mosaic has none, so that the service computes"
            " on pixels of one degree; give it one with setDefaultProjection or reproject first."
        )
    return node


@implements("Terrain.slope", note=_WHERE)
def slope(image: Image) -> Image:
    """Degrees."""
    return image.with_bands([Band("slope", _graded(_elevation(image), slope_of))])


@implements("Terrain.aspect", note=_WHERE)
def aspect(image: Image) -> Image:
    """Degrees clockwise from north."""
    return image.with_bands([Band("aspect", _graded(_elevation(image), aspect_of))])


@implements("Terrain.hillshade", note=_WHERE)
def hillshade(image: Image, azimuth: float, elevation: float) -> Image:
    """The cosine of the light's angle to the surface, 0 to 255."""
    zenith, light = np.radians(90 - elevation), np.radians(azimuth)

    def shade(east: Values, north: Values) -> Any:
        steep, way = np.radians(slope_of(east, north)), np.radians(aspect_of(east, north))
        lit = np.cos(zenith) * np.cos(steep) + np.sin(zenith) * np.sin(steep) * np.cos(light - way)
        return np.floor(np.maximum(lit, 0) * 255 + 0.5)

    node = _graded(_elevation(image), shade, PixelType("int", 0, 255))
    return image.with_bands([Band("hillshade", node)])


@implements("Terrain.products", note=_WHERE)
def products(image: Image) -> Image:
    """The image with slope, aspect and hillshade."""
    added = [slope(image).bands[0], aspect(image).bands[0], hillshade(image, 270.0, 45.0).bands[0]]
    return image.with_bands([*image.bands, *added])

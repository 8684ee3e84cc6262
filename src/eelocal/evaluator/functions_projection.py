"""Projections, and images that are moved between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from pyproj import Proj

from eelocal.errors import bad_request
from eelocal.evaluator.geometry import LONLAT
from eelocal.evaluator.grid import (
    METRES_PER_DEGREE,
    Lattice,
    Projection,
    Window,
    named_crs,
    parse_crs,
    place,
    transformer,
)
from eelocal.evaluator.image import Band, Image
from eelocal.evaluator.node import LatticeNode, MaskedNode, Node
from eelocal.evaluator.pixeltype import DOUBLE
from eelocal.evaluator.raster import Values
from eelocal.evaluator.registry import implements
from eelocal.evaluator.resampling import ReprojectNode, ResampleNode, has_projection

_SIZE = ('PARAMETER["num_row", 3]', 'PARAMETER["num_col", 3]')
_WGS84_A, _WGS84_E2 = 6378137.0, 0.0066943799901413165


def rescaled(projection: Projection, transform: list[float] | None, scale: float | None) -> Projection:
    """Return a projection with the transform or the scale that was asked for.

    Raises:
        EEError: where both are given, or the transform is not of six numbers.
    """
    if transform is not None and scale is not None:
        raise bad_request("Only one of 'crsTransform' and 'scale' may be specified.")
    if transform is not None:
        if len(transform) != 6:
            raise bad_request(f"The CRS transform must have 6 elements, not {len(transform)}.")
        a, b, c, d, e, f = transform
        return Projection(projection.crs, (a, b, c, d, e, f))
    if scale is None:
        return projection
    if projection.transform == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0):
        # A bare coordinate system has no pixels yet: north is up.
        if not 0 < scale < math.inf:
            raise bad_request("The scale must be positive.")
        size = scale / Projection(projection.crs).nominal_scale
        return Projection(projection.crs, (size, 0.0, 0.0, 0.0, -size, 0.0))
    return projection.at_scale(scale)


@implements("Image.reproject")
def reproject(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """Everything below is computed on this grid; what is above takes its nearest pixels."""
    target = rescaled(crs, transform, scale)
    place(target)
    return image.each(lambda node: ReprojectNode(node, target))


class _Same(MaskedNode):
    """The same pixels under another default projection."""

    def __init__(self, source: Node, projection: Projection) -> None:
        super().__init__(lambda raster: raster, source.type, [source])
        self.projection = projection


@implements("Image.setDefaultProjection")
def set_default(image: Image, crs: Projection, transform: list[float] | None, scale: float | None) -> Image:
    """The pixels stay; `projection()`, `resample()` and `Terrain` see the new projection."""
    target = rescaled(crs, transform, scale)
    place(target)
    return image.each(lambda node: _Same(node, target))


@implements("Image.resample")
def resample(image: Image, mode: str) -> Image:
    """Interpolate where the image is computed on another grid than its own."""
    if mode not in ("bilinear", "bicubic"):
        raise bad_request(f"Unknown resampling mode '{mode}'; it must be 'bilinear' or 'bicubic'.")
    for band in image.bands:
        if not has_projection(band.node):
            raise bad_request(f"eelocal: the band '{band.name}' has no projection of its own to resample from.")
    return image.each(lambda node: ResampleNode(node, mode))


@implements("Projection", note="no transformWkt")
def make_projection(crs: Any, transform: list[Any] | None, wkt: str | None) -> Projection:
    """A coordinate system with a transform."""
    if wkt is not None:
        raise bad_request("eelocal does not implement 'transformWkt'.")
    if isinstance(crs, Projection):
        crs = crs.crs
    elif not isinstance(crs, str):
        raise bad_request("Projection: The CRS must be a string.")
    else:
        named_crs(crs)
    if transform is None:
        return Projection(crs)
    if len(transform) != 6:
        raise bad_request(f"The transform must have 6 elements, not {len(transform)}.")
    a, b, c, d, e, f = (float(v) for v in transform)
    return Projection(crs, (a, b, c, d, e, f))


@implements("Projection.transform", note="the service's digits may be written otherwise")
def transform_text(projection: Projection) -> str:
    """The affine transform as well-known text, without the elements that are those of the identity."""
    a, b, c, d, e, f = projection.transform
    elements = {"0_0": (a, 1), "0_1": (b, 0), "0_2": (c, 0), "1_0": (d, 0), "1_1": (e, 1), "1_2": (f, 0)}
    told = [f'PARAMETER["elt_{place}", {value!r}]' for place, (value, own) in elements.items() if value != own]
    return f'PARAM_MT["Affine", {", ".join([*_SIZE, *told])}]'


@implements("Projection.crs")
def crs_of(projection: Projection) -> str:
    """The coordinate system."""
    return projection.crs


@implements("Projection.nominalScale")
def nominal_scale(projection: Projection) -> float:
    """The pixel size in metres."""
    return projection.nominal_scale


@implements("Projection.atScale")
def at_scale(projection: Projection, metres: float) -> Projection:
    """Pixels of that size."""
    return projection.at_scale(metres)


def _lonlat(lattice: Lattice, window: Window) -> tuple[Values, Values]:
    x, y = np.broadcast_arrays(*lattice.centres(window))
    lon, lat = transformer(lattice.crs, LONLAT).transform(x.ravel(), y.ravel())
    lon = np.where(np.abs(lon) > 180, (lon + 180) % 360 - 180, lon)  # of a lattice that runs on past the antimeridian
    return lon.reshape(x.shape), np.asarray(lat).reshape(x.shape)


@implements("Image.pixelLonLat")
def pixel_lon_lat() -> Image:
    """Degrees at the pixels' centres."""

    def part(index: int) -> Node:
        return LatticeNode(lambda lattice, window: _lonlat(lattice, window)[index], DOUBLE)

    return Image(bands=(Band("longitude", part(0)), Band("latitude", part(1))))


@implements("Image.pixelArea")
def pixel_area() -> Image:
    """Square metres on the ellipsoid."""
    return Image(bands=(Band("area", LatticeNode(areas, DOUBLE)),))


def areas(lattice: Lattice, window: Window) -> Values:
    """Return the ground area of each pixel, by the projection's areal scale at the pixel's centre."""
    parsed = parse_crs(lattice.crs)
    cell = abs(lattice.a * lattice.e - lattice.b * lattice.d)
    lon, lat = _lonlat(lattice, window)
    if parsed.is_geographic:
        phi = np.radians(lat)
        w2 = 1 - _WGS84_E2 * np.sin(phi) ** 2
        # Radii of the meridian and of the prime vertical, per degree each.
        per_degree = np.radians(1.0) ** 2 * _WGS84_A**2 * (1 - _WGS84_E2) / w2**2
        return np.asarray(cell * per_degree * np.cos(phi))
    unit = float(parsed.axis_info[0].unit_conversion_factor)
    factors = Proj(parsed).get_factors(lon, lat, errcheck=False)
    return np.asarray(cell * unit**2 / np.asarray(factors.areal_scale))


def metre_steps(lattice: Lattice, window: Window) -> tuple[Values | float, Values | float]:
    """Return the ground size of a pixel along x and y: nominal, by latitude for geographic systems."""
    parsed = parse_crs(lattice.crs)
    if parsed.is_geographic:
        _, y = lattice.centres(window)
        return lattice.a * METRES_PER_DEGREE * np.cos(np.radians(y)), lattice.e * METRES_PER_DEGREE
    unit = float(parsed.axis_info[0].unit_conversion_factor)
    return lattice.a * unit, lattice.e * unit

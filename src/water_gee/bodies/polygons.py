"""Bodies as polygons along the edges of their pixels."""

from collections.abc import Iterable, Iterator
from functools import cache

import numpy as np
import pyproj
import rasterio.features
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.io import MemoryFile
from shapely.geometry import MultiPolygon, shape

from water_gee.bodies.strips import Raster

_BLOCK = 64  # rows
_EDGE = 16  # pixels of an edge: longer ones are bent as the crs bends them before they are measured on the ellipsoid


def outlines(labels: Raster, count: int, transform: Affine) -> list[MultiPolygon]:
    """Return all polygons of each body, by number - 1, in the crs of the transform; empty where it has no pixel.

    Pixels that meet at a corner are two polygons of one multipolygon, so that each is valid; what lies within a body
    and does not belong to it is a hole. GDAL follows the edges row by row, so what is in memory are the polygons, and
    the labels as a packed file, of some hundredths of a byte a pixel.
    """
    polygons: list[list[object]] = [[] for _ in range(count)]
    height, width = labels.shape
    made = {
        "driver": "GTiff",
        "count": 1,
        "height": height,
        "width": width,
        "blockysize": _BLOCK,
        "transform": transform,
    }
    packed = {"compress": "deflate", "zlevel": 1, "bigtiff": "if_safer"}
    with MemoryFile() as numbers, MemoryFile() as mask:
        with (
            numbers.open(dtype="int32", **made, **packed) as file,
            mask.open(dtype="uint8", **made, **packed) as covered,
        ):
            for first, last in labels.strips():
                part, window = labels.read(first, last), ((first, last), (0, width))
                file.write(part, 1, window=window)
                covered.write((part > 0).astype(np.uint8), 1, window=window)
        with numbers.open() as file, mask.open() as covered:
            bands = rasterio.band(file, 1), rasterio.band(covered, 1)
            for outline, number in rasterio.features.shapes(bands[0], bands[1], connectivity=4, transform=transform):
                polygons[int(number) - 1].append(shape(outline))
    return [MultiPolygon(one) for one in polygons]


def perimeters(bodies: Iterable[MultiPolygon], scale: float, crs: pyproj.CRS) -> list[float]:
    """Return the length of each body's edges, holes included, on the crs's ellipsoid in metres.

    It follows the edges of pixels: a smooth shore that runs in every direction is shorter, by the factor pi / 4.

    Args:
        bodies: in the crs.
        scale: side of a pixel in its units.
        crs: of the polygons.
    """
    ellipsoid = _ellipsoid(crs)
    return [float(sum(ellipsoid.line_length(*ring) for _, ring in _rings(body, scale, crs))) for body in bodies]


def ground_areas(bodies: Iterable[MultiPolygon], scale: float, crs: pyproj.CRS) -> list[float]:
    """Return the area of each body on the crs's ellipsoid, found by its polygons alone, in square metres.

    Args:
        bodies: in the crs.
        scale: side of a pixel in its units.
        crs: of the polygons.
    """
    ellipsoid, areas = _ellipsoid(crs), []
    for body in bodies:
        parts = [(hole, abs(ellipsoid.polygon_area_perimeter(*ring)[0])) for hole, ring in _rings(body, scale, crs)]
        areas.append(float(sum(-area if hole else area for hole, area in parts)))
    return areas


def _ellipsoid(crs: pyproj.CRS) -> pyproj.Geod:
    return crs.get_geod() or pyproj.Geod(ellps="WGS84")


def _rings(
    body: MultiPolygon, scale: float, crs: pyproj.CRS
) -> Iterator[tuple[bool, tuple[NDArray[np.float64], NDArray[np.float64]]]]:
    """Yield each ring of a body, after whether it is a hole, as longitudes and latitudes on the crs's ellipsoid."""
    to_degrees = _to_degrees(crs.to_wkt())
    for polygon in shapely.get_parts(shapely.segmentize(body, _EDGE * scale)):
        for hole, ring in enumerate([polygon.exterior, *polygon.interiors]):
            x, y = shapely.get_coordinates(ring).T
            yield hole > 0, to_degrees.transform(x, y)


@cache
def _to_degrees(crs: str) -> pyproj.Transformer:
    known = pyproj.CRS(crs)
    return pyproj.Transformer.from_crs(known, known.geodetic_crs or "EPSG:4326", always_xy=True)

"""Pixels of a region: reduceRegion, sampleRectangle, painting."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from eelocal.errors import bad_request
from eelocal.evaluator.functions_mask import choose, keep, nonzero
from eelocal.evaluator.functions_projection import reproject, rescaled
from eelocal.evaluator.geometry import GLOBE, Geometry
from eelocal.evaluator.grid import Lattice, Projection, Window, place
from eelocal.evaluator.image import Array, Band, Collection, Feature, Image
from eelocal.evaluator.inside import InsideNode, covering, outline_window
from eelocal.evaluator.node import ConstantNode, MaskedNode, Node
from eelocal.evaluator.pixeltype import of_number, union
from eelocal.evaluator.plan import render
from eelocal.evaluator.raster import EMPTY, Raster
from eelocal.evaluator.reducers import Reducer
from eelocal.evaluator.registry import implements

_RECTANGLE_PIXELS = 262_144
_BORDER_PIXELS = 8


def shares(geometry: Geometry, lattice: Lattice, window: Window) -> NDArray[np.float64]:
    """Return the share `[y, x]` of each pixel's area that a geometry covers."""
    out = np.ones((window[2] - window[0], window[3] - window[1]))
    if geometry.unbounded:
        return out
    region = geometry.to(lattice.crs).shape
    shapely.prepare(region)
    # Quarters are cut until they lie inside or outside as a whole: only the border's pixels are intersected.
    parts = [window]
    while parts:
        part = parts.pop()
        top, left, bottom, right = part
        here = (slice(top - window[0], bottom - window[0]), slice(left - window[1], right - window[1]))
        outline = _cells(lattice, part, bottom - top, right - left)[0]
        if not region.intersects(outline):
            out[here] = 0.0
        elif not region.covers(outline):
            if max(bottom - top, right - left) <= _BORDER_PIXELS:
                out[here] = _border(region, _cells(lattice, part, 1, 1)).reshape(bottom - top, right - left)
            else:
                parts.extend(_quarters(part))
    return out


def _cells(lattice: Lattice, window: Window, height: int, width: int) -> NDArray[np.object_]:
    """Return the outlines of the blocks of height x width pixels that a window is made of, row by row."""
    rows, columns = np.mgrid[window[0] : window[2] : height, window[1] : window[3] : width]
    corners = [(0, 0), (0, width), (height, width), (height, 0)]
    x = np.stack([lattice.c + lattice.a * (columns + right) + lattice.b * (rows + down) for down, right in corners], -1)
    y = np.stack([lattice.f + lattice.d * (columns + right) + lattice.e * (rows + down) for down, right in corners], -1)
    return np.asarray(shapely.polygons(np.stack([x, y], -1).reshape(-1, 4, 2)))


def _border(region: Any, cells: NDArray[np.object_]) -> NDArray[np.float64]:
    inside = shapely.covers(region, cells)
    out = np.asarray(inside, np.float64)
    edge = shapely.intersects(region, cells) & ~inside
    out[edge] = shapely.area(shapely.intersection(region, cells[edge])) / shapely.area(cells[edge])
    return out


def _quarters(window: Window) -> list[Window]:
    top, left, bottom, right = window
    rows = [top, (top + bottom + 1) // 2, bottom]
    columns = [left, (left + right + 1) // 2, right]
    quarters = [(rows[i], columns[j], rows[i + 1], columns[j + 1]) for i in (0, 1) for j in (0, 1)]
    return [part for part in quarters if part[0] < part[2] and part[1] < part[3]]


def region_grid(
    image: Image, geometry: Geometry | None, scale: float | None, crs: Projection | None, transform: list[float] | None
) -> tuple[Geometry, Projection]:
    """Return the region and the projection that a reduction of an image works in.

    Raises:
        EEError: where neither the arguments nor the image say so.
    """
    if not image.bands:
        raise bad_request("The image has no bands.")
    base = crs if crs is not None else image.bands[0].node.projection
    region = geometry if geometry is not None else image.footprint
    if region is None or region.unbounded:
        raise bad_request(
            "Unable to perform this geometry operation. Please specify a region: the image has no bounds."
        )
    if transform is not None and scale is not None:
        raise bad_request("Cannot specify both 'crsTransform' and 'scale'.")
    return region, rescaled(base, transform, scale)


@implements("Image.reduceRegion")
def reduce_region(
    image: Image, reducer: Reducer, geometry: Geometry | None, scale: float | None, crs: Projection | None,
    transform: list[float] | None, best_effort: bool, most: int, tile_scale: float,
) -> dict[str, Any]:  # fmt: skip
    """Weighted reducers count a pixel by the share of it in the region, others by its centre."""
    region, projection = region_grid(image, geometry, scale, crs, transform)
    if reducer.inputs not in (1, len(image.bands)):
        raise bad_request(f"Need {reducer.inputs} input(s), but the image has {len(image.bands)} band(s).")
    lattice, _, _ = place(projection)
    window = outline_window(region, lattice)
    pixels = (window[2] - window[0]) * (window[3] - window[1])
    while pixels > most:
        if not best_effort:
            raise bad_request(f"Too many pixels in the region. Found {pixels}, but maxPixels allows only {most}.")
        projection = projection.at_scale(projection.nominal_scale * max(2.0, math.sqrt(pixels / most)))
        lattice, _, _ = place(projection)
        window = outline_window(region, lattice)
        pixels = (window[2] - window[0]) * (window[3] - window[1])
    if any(node.type.dimensions for node in image.nodes):
        raise bad_request("eelocal does not implement reductions of array pixels.")
    if reducer.weighted:
        weights = shares(region, lattice, window)
        inside = weights > 0
    else:
        found = covering(region, lattice, window)
        inside = np.broadcast_to(np.asarray(found), (window[2] - window[0], window[3] - window[1]))
        weights = np.ones(inside.shape)
    data = [(values[inside], mask[inside]) for values, mask in render(image.nodes, lattice, window)]
    chosen_weights = weights[inside]
    if reducer.inputs == 1:
        out: dict[str, Any] = {}
        single = len(reducer.outputs) == 1
        for band, (values, mask) in zip(image.bands, data, strict=True):
            for output, result in zip(reducer.outputs, reducer.run([values], [mask], chosen_weights), strict=True):
                out[band.name if single else f"{band.name}_{output.name}"] = _plain(*result)
        return out
    results = reducer.run([v for v, _ in data], [m for _, m in data], chosen_weights)
    return {output.name: _plain(*result) for output, result in zip(reducer.outputs, results, strict=True)}


def _plain(value: Any, valid: Any) -> Any:
    if isinstance(value, dict | list):
        return value
    return np.asarray(value).item() if bool(valid) else None


@implements("Image.sampleRectangle", note="scalar bands; at most 262,144 pixels")
def sample_rectangle(
    image: Image, region: Geometry | None, names: list[str] | None, default: float | None, array: Array | None
) -> Feature:
    """Each band as a 2-D array, in the band's own projection."""
    kept = names if names is not None else [name for name in image.properties if not name.startswith("system:")]
    properties: dict[str, Any] = {name: image.properties[name] for name in kept if name in image.properties}
    outline = region if region is not None else image.footprint
    if outline is None:
        raise bad_request("The image has no bounds: a region is required.")
    for band in image.bands:
        if band.node.type.dimensions:
            raise bad_request("eelocal does not implement sampleRectangle of array pixels.")
        lattice, _, _ = place(band.node.projection)
        window = outline_window(outline, lattice)
        pixels = (window[2] - window[0]) * (window[3] - window[1])
        if pixels > _RECTANGLE_PIXELS:
            raise bad_request(f"Too many pixels in sample; must be <= {_RECTANGLE_PIXELS}. Got {pixels}.")
        ((values, mask),) = render([band.node], lattice, window)
        if not mask.all():
            if default is None:
                raise bad_request(
                    f"Fully or partially masked pixels in band '{band.name}'; set defaultValue to fill them."
                )
            values = np.where(mask, values, default)
        properties[band.name] = Array(values, band.node.type)
    return Feature(properties, None, outline)


@implements("Image.paint", note="filled geometries only")
def paint(image: Image, collection: Collection, color: Any, width: Any) -> Image:
    """Every band takes the colour where a pixel's centre is in a geometry."""
    if width is not None:
        raise bad_request("eelocal does not implement painting outlines ('width').")
    for feature in collection.elements:
        if not isinstance(feature, Feature):
            raise bad_request("Only features can be painted.")
        value = feature.properties.get(color) if isinstance(color, str) else color
        if not isinstance(value, int | float):
            raise bad_request(f"The property '{color}' is missing or is no number.")
        brush = ConstantNode(np.asarray(value), of_number(value))
        inside = InsideNode(feature.geometry or GLOBE)
        # Defaults bind this feature's brush and shape; the checker cannot type a lambda that has them.
        image = image.each(lambda node, brush=brush, inside=inside: _painted(node, brush, inside))  # type: ignore[misc]
    return image


def _painted(node: Node, brush: Node, inside: Node) -> Node:
    type_ = union(node.type, brush.type)

    def apply(raster: Raster, color: Raster, where: Raster) -> Raster:
        painted = keep(color, nonzero(where))
        if painted.values is None or raster.values is None:
            return Raster(raster.values, raster.mask, raster.uniform) if raster.values is not None else EMPTY
        out = choose(raster, painted, type_)
        return Raster(out.values, raster.mask, out.uniform)

    return MaskedNode(apply, type_, [node, brush, inside])


@implements("Image.clipToBoundsAndScale", note="clips; of the scales only 'scale'")
def clip_to_bounds(
    image: Image,
    geometry: Geometry | None,
    width: int | None,
    height: int | None,
    most: int | None,
    scale: float | None,
) -> Image:
    """Masked outside of the geometry's bounds."""
    if width is not None or height is not None or most is not None:
        raise bad_request("eelocal implements 'geometry' and 'scale' only.")
    if scale is not None:
        image = reproject(image, image.bands[0].node.projection, None, scale)
    if geometry is None:
        return image
    box = Geometry(shapely.box(*geometry.shape.bounds), geometry.crs, False)
    inside = InsideNode(box)
    cut = image.each(lambda node: MaskedNode(lambda a, b: keep(a, nonzero(b)), node.type, [node, inside]))
    return Image(cut.properties, cut.id, tuple(Band(b.name, b.node) for b in cut.bands), box)

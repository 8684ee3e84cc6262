"""The finished maps as layers of the page's map, thinned as far as the page's size asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from rasterio.enums import Resampling
from rasterio.windows import Window as RasterWindow
from scipy import ndimage

from water_gee.maps import LAYERS, Layer, classes_of, file_name, map_path
from water_gee.paths import Layout
from water_gee.report.atlas.frame import Frame
from water_gee.report.atlas.layer import ALL_YEARS, MapLayer
from water_gee.report.atlas.picture import Picture, inlined, png
from water_gee.report.atlas.style import Style, numbers
from water_gee.report.thinned import Thinned
from water_gee.study import Window

MAPS, OVER_YEARS = "Maps", "All years"
# Pixels on the page, of one picture and of all: a class takes some 0.05 bytes a pixel, a step of a ramp some 0.5.
_LARGEST = 3e6
_CLASSES, _RAMPS = 60e6, 20e6
_BLOCK, _LOOKED_AT = 16, 16e6  # pixels a side, and of a map, in which it is looked for what was seen
_MOST = 40  # pictures of a layer and year
_RESAMPLED = {"MODE": Resampling.mode, "AVERAGE": Resampling.average, "NEAREST": Resampling.nearest}


def drawn(layer: Layer, years: Sequence[str]) -> Layer:
    """Return a layer with its years among its classes, where its values are years."""
    return replace(layer, classes=classes_of(layer, [int(year) for year in years]))


def _is_shown(layer: Layer, years: int) -> bool:
    """Of one year alone nothing over the years is worth a look; of two, `change` says all that first and last do."""
    return layer.yearly or years > (2 if layer.of_years else 1)


def frame_of(layout: Layout, maps: Mapping[str, Any], year: str) -> Frame:
    """Return where the maps lie.

    Raises:
        WaterGeeError: the file is not the one that was written.
    """
    with rasterio.open(map_path(layout, maps, year, "water")) as file:
        place = file.transform
        return Frame(file.crs.to_string(), place.a, place.c, place.f, file.width, file.height)


def map_layers(layout: Layout, maps: Mapping[str, Any], years: Sequence[str]) -> list[MapLayer]:
    """Return the layers that there are of the maps, with a picture a year or one for all.

    Raises:
        WaterGeeError: a file is not the one that was written.
    """
    files = maps.get("files", {})
    known = [drawn(layer, years) for layer in LAYERS.values() if _is_shown(layer, len(years))]
    there = [layer for layer in known if file_name(layer, years[-1] if layer.yearly else None) in files]
    ramps = sum(len(years) if layer.yearly else 1 for layer in there if layer.ramp)
    classes = sum(len(years) if layer.yearly else 1 for layer in there if layer.classes)
    parts = _parts(layout, maps, years)
    made = []
    for layer in there:
        style = Style.of_layer(layer)
        pixels = min(_LARGEST, _CLASSES / classes if layer.classes else _RAMPS / ramps)
        step = _step(parts, pixels)
        pictures = {}
        for year in years if layer.yearly else [ALL_YEARS]:
            with rasterio.open(map_path(layout, maps, year or None, layer.name)) as file:
                pictures[year] = [_picture(file, layer, style, Thinned(part, step)) for part in parts]
        group = MAPS if layer.yearly else OVER_YEARS
        made.append(
            MapLayer(f"maps.{layer.name}", group, layer.title, layer.description, style, pictures, layer.name, step)
        )
    return made


def _parts(layout: Layout, maps: Mapping[str, Any], years: Sequence[str]) -> list[Window]:
    """Return rectangles that hold all that was seen in any year: an area of strips far apart is mostly nothing."""
    seen, step = None, 1
    for year in years:
        with rasterio.open(map_path(layout, maps, year, "water")) as file:
            whole = Window(0, 0, file.width, file.height)
            step = _BLOCK * Thinned.to(whole, _LOOKED_AT).step
            shape = Thinned(whole, step // _BLOCK).shape
            known = file.read(1, out_shape=shape, resampling=Resampling.mode) != file.nodata
        rows, columns = Thinned(whole, step).shape
        padded = np.zeros((rows * _BLOCK, columns * _BLOCK), dtype=np.bool_)
        padded[: shape[0], : shape[1]] = known
        blocks = np.asarray(padded.reshape(rows, _BLOCK, columns, _BLOCK).any(axis=(1, 3)))
        seen = blocks if seen is None else seen | blocks
    if seen is None or not seen.any():
        return []
    return [
        Window(x.start * step, y.start * step, (x.stop - x.start) * step, (y.stop - y.start) * step) & whole
        for y, x in _rectangles(seen)
    ]


def _rectangles(seen: NDArray[np.bool_]) -> list[tuple[slice, slice]]:
    """Return (y, x) slices around all that is true, none of which meet, and not more than a browser moves with ease."""
    while True:
        found = [place for place in ndimage.find_objects(ndimage.label(seen, np.ones((3, 3)))[0]) if place]
        filled = np.zeros_like(seen)
        for place in found:
            filled[place] = True
        if (filled == seen).all() and len(found) <= _MOST:
            return found
        seen = filled if len(found) <= _MOST else np.asarray(ndimage.binary_dilation(filled, np.ones((3, 3))))


def _step(parts: Sequence[Window], pixels: float) -> int:
    """Return how many pixels become one where all parts together may have so many."""
    step = 1
    while sum(np.prod(Thinned(part, step).shape) for part in parts) > max(pixels, len(parts)):
        step += 1
    return step


def _picture(file: Any, layer: Layer, style: Style, thinned: Thinned) -> Picture:
    """Return a part of a map that is open."""
    part = thinned.window
    window = RasterWindow(part.left, part.top, part.width, part.height)
    values = file.read(1, window=window, out_shape=thinned.shape, resampling=_RESAMPLED[layer.overviews])
    rows, columns = thinned.shape
    place = file.transform
    left, right = (place.c + place.a * edge for edge in (part.left, part.right))
    top, bottom = (place.f + place.e * edge for edge in (part.top, part.bottom))
    address = inlined("png", png(numbers(layer, style, values), style))
    return Picture(address, (left, bottom, right, top), (columns, rows))

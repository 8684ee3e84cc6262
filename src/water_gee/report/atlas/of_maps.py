"""The finished maps as layers of the page's map, thinned as far as the page's size asks for."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import rasterio
from rasterio.enums import Resampling

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
    made = []
    for layer in there:
        style = Style.of_layer(layer)
        pixels = min(_LARGEST, _CLASSES / classes if layer.classes else _RAMPS / ramps)
        pictures, step = {}, 1
        for year in years if layer.yearly else [ALL_YEARS]:
            pictures[year], step = _picture(layout, maps, layer, style, year, pixels)
        group = MAPS if layer.yearly else OVER_YEARS
        made.append(
            MapLayer(f"maps.{layer.name}", group, layer.title, layer.description, style, pictures, layer.name, step)
        )
    return made


def _picture(
    layout: Layout, maps: Mapping[str, Any], layer: Layer, style: Style, year: str, pixels: float
) -> tuple[list[Picture], int]:
    with rasterio.open(map_path(layout, maps, year or None, layer.name)) as file:
        thinned = Thinned.to(Window(0, 0, file.width, file.height), pixels)
        values = file.read(1, out_shape=thinned.shape, resampling=_RESAMPLED[layer.overviews])
        bounds = tuple(file.bounds)
    rows, columns = thinned.shape
    address = inlined("png", png(numbers(layer, style, values), style))
    left, bottom, right, top = bounds
    return [Picture(address, (left, bottom, right, top), (columns, rows))], thinned.step

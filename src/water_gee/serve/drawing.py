"""A tile of a map as a picture, in the page's own colours."""

import numpy as np
import rasterio
from rasterio.enums import Resampling
from rasterio.windows import Window

from water_gee.maps import Layer
from water_gee.report import Frame, Style, numbers, png
from water_gee.serve.shelf import Item

SIDE = 256  # pixels
_RESAMPLED = {"MODE": Resampling.mode, "AVERAGE": Resampling.average, "NEAREST": Resampling.nearest}


def draw(layer: Layer, item: Item, frame: Frame, zoom: int, column: int, row: int) -> bytes | None:
    """Return a tile as a PNG of 256 pixels a side, None where it lies outside of the map.

    Args:
        layer: which is drawn.
        item: its file, of whose overviews the one that suffices is read.
        frame: of the page's map.
        zoom: 0, all in one tile, to `frame.levels`, a pixel a pixel.
        column: of the tile, from the left.
        row: from the top.
    """
    factor = 2 ** (frame.levels - zoom)
    left, top = column * SIDE * factor, row * SIDE * factor
    width, height = min(SIDE * factor, frame.width - left), min(SIDE * factor, frame.height - top)
    if width <= 0 or height <= 0:
        return None
    style = Style.of_layer(layer)
    shape = (-(-height // factor), -(-width // factor))
    with rasterio.open(item.path) as file:
        values = file.read(
            1, window=Window(left, top, width, height), out_shape=shape, resampling=_RESAMPLED[layer.overviews]
        )
    picture = np.full((SIDE, SIDE), style.nothing, dtype=np.uint8)
    picture[: shape[0], : shape[1]] = numbers(layer, style, values)
    return png(picture, style, level=1)

"""Pictures as bytes: classes and ramps as PNGs of few colours, imagery as WebP."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from water_gee.panels import Code
from water_gee.report.atlas.style import Style

_QUALITY = 72  # of WebP: no difference is seen at the scale of a pixel a pixel


@dataclass(frozen=True)
class Picture:
    """A picture on the page's map, and where it lies: left, bottom, right, top in the study's crs."""

    address: str  # a data URI
    bounds: tuple[float, float, float, float]
    size: tuple[int, int]  # columns and rows


def png(numbers: NDArray[np.uint8], style: Style, level: int = 9) -> bytes:
    """Return numbers [y, x] of a style as a PNG in its colours, as few bits a pixel as they need; `level` is zlib's."""
    image = Image.fromarray(numbers)
    image.putpalette([value for colour in (*style.colours, "#000000") for value in Code("", colour).rgb])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", compress_level=level, transparency=style.nothing)
    return buffer.getvalue()


def webp(rgb: NDArray[np.uint8], seen: NDArray[np.bool_]) -> bytes:
    """Return a picture [y, x, 3] as a WebP, clear where nothing was seen [y, x]."""
    alpha = np.where(seen, np.uint8(255), np.uint8(0))
    buffer = io.BytesIO()
    Image.fromarray(np.dstack([rgb, alpha])).save(buffer, "WEBP", quality=_QUALITY, method=4, alpha_quality=100)
    return buffer.getvalue()


def inlined(kind: str, content: bytes) -> str:
    """Return a picture of a kind (png, webp) as a data URI."""
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

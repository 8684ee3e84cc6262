"""What a labeller sees of a point: its composite in two colourings, close and wide, as small pictures."""

import base64
import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from water_gee.survey.composites import BANDS, INFRARED, NATURAL

Float = NDArray[np.float32]
COLOURINGS = {"natural": NATURAL, "infrared": INFRARED}
_RANGE = (1, 99)  # percentiles of all points' surroundings that are drawn from black to full
_WIDE = 61  # pixels a side of the wide picture at most: it is for the surroundings, thinned


def ranges(composites: Sequence[Float]) -> dict[str, tuple[float, float]]:
    """Return what each band spans over all points, so that one colour means one reflectance on every picture."""
    spans = {}
    for number, band in enumerate(BANDS):
        seen = [one[number][~np.isnan(one[number])][::7] for one in composites]
        values = np.concatenate(seen) if seen else np.empty(0)
        low, high = np.percentile(values, _RANGE) if values.size else (0.0, 1.0)
        spans[band] = (float(low), max(float(high), float(low) + 1e-4))
    return spans


def pictures(composite: Float, near: int, spans: dict[str, tuple[float, float]]) -> dict[str, str]:
    """Return the four pictures of a point as data addresses.

    Args:
        composite: reflectance [band, y, x] of BANDS, with the point in the middle and an odd number of pixels a side.
        near: pixels a side of the close view, which keeps every pixel to the digit.
        spans: of `ranges`.
    """
    side = composite.shape[1]
    start = (side - near) // 2
    step = -(-side // _WIDE)
    found = {}
    for name, bands in COLOURINGS.items():
        drawn = _draw(composite, bands, spans)
        found[f"{name}_near"] = _address(drawn[start : start + near, start : start + near], lossless=True)
        found[f"{name}_far"] = _address(drawn[(side // 2) % step :: step, (side // 2) % step :: step], lossless=False)
    return found


def _draw(composite: Float, bands: Sequence[str], spans: dict[str, tuple[float, float]]) -> NDArray[np.uint8]:
    picture = np.full((*composite.shape[1:], 3), 255, dtype=np.uint8)
    for channel, band in enumerate(bands):
        low, high = spans[band]
        scaled = np.clip((composite[BANDS.index(band)] - low) / (high - low), 0, 1) ** 0.7
        picture[..., channel] = np.where(np.isnan(scaled), 255, np.round(255 * np.nan_to_num(scaled)))
    return picture


def _address(picture: NDArray[np.uint8], *, lossless: bool) -> str:
    buffer = io.BytesIO()
    image = Image.fromarray(np.ascontiguousarray(picture))
    if lossless:
        image.save(buffer, "WEBP", lossless=True, quality=80, method=4)
    else:
        image.save(buffer, "WEBP", quality=80, method=4)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")

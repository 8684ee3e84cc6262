"""What the page's script gets to know: one JSON text that is safe inside a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from water_gee.report.area_years import is_complete, is_seen
from water_gee.report.atlas.bodies import Body, bodies_data
from water_gee.report.atlas.frame import Frame
from water_gee.report.atlas.layer import MapLayer

# What would end the element that the text stands in, or begin another one.
_UNSAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
Bounds = tuple[float, float, float, float]  # left, bottom, right, top in the study's crs
_WATER = ("water_km2", "water_low_km2", "water_high_km2")


@dataclass(frozen=True)
class Explorer:
    """The part of the page in which its reader moves about."""

    data: str  # JSON
    layers: int
    years: tuple[str, ...]
    bodies: int


def explorer(
    frame: Frame,
    layers: Sequence[MapLayer],
    places: Mapping[str, Bounds],
    areas: Sequence[Mapping[str, str]],
    bodies: Sequence[Body],
) -> Explorer:
    """Return the page's map with its layers, the area by year and the water bodies.

    Args:
        frame: where the map lies.
        layers: at least one.
        places: to go to on the map, by name; the first is shown at the start.
        areas: rows of `area.csv`.
        bodies: all of them; those of most interest go into the page.
    """
    styles = list(dict.fromkeys(layer.style for layer in layers if layer.style is not None))
    years = tuple(sorted({year for layer in layers for year in layer.pictures if year}))
    content = {
        "frame": frame.data(),
        "styles": [style.data() for style in styles],
        "layers": [layer.data(styles) for layer in layers],
        "places": [{"name": name, "bounds": bounds} for name, bounds in places.items()],
        "areas": [_area(row) for row in areas],
        "bodies": bodies_data(bodies, frame.scale),
    }
    return Explorer(safe_json(content), len(layers), years, len(bodies))


def safe_json(content: Any) -> str:
    """Return JSON that a page's script element holds unharmed, whatever names of files and bodies are in it."""
    return json.dumps(content, ensure_ascii=True, allow_nan=False, separators=(",", ":")).translate(_UNSAFE)


def _area(row: Mapping[str, str]) -> dict[str, Any]:
    known = {key.removesuffix("_km2"): float(row[key]) if row.get(key) else None for key in (*_WATER, "unseen_km2")}
    if not is_seen(row):
        known |= {key.removesuffix("_km2"): None for key in _WATER}
    return {"year": int(row["year"]), "complete": is_complete(row), **known}

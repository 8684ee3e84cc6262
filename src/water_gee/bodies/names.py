"""The names of bodies, from a file of named features."""

from collections.abc import Sequence
from typing import Any

import shapely
from shapely.geometry import MultiPolygon

_MOST = 0.5  # of the smaller of two polygons that they must share to be the same water


def names_of(bodies: Sequence[MultiPolygon], kinds: Sequence[str], named: Any) -> list[str]:
    """Return the name of each body, empty where no feature gives it one.

    A polygon names a body where the two share at least half of the smaller; else a line names a river that it runs in;
    else a point names a body that it lies in. Of several the one that shares most has its way: area, length, or of
    points the one that lies deepest.

    Args:
        bodies: in the crs of the features.
        kinds: of the bodies.
        named: a GeoDataFrame with `name`, None where there is none.
    """
    if named is None:
        return ["" for _ in bodies]
    shapes, texts = list(named.geometry.values), list(named["name"])
    tree = shapely.STRtree(shapes)
    found = []
    for body, kind in zip(bodies, kinds, strict=True):
        claims = [(_claim(body, kind, shapes[one]), texts[one]) for one in tree.query(body, predicate="intersects")]
        good = [(rank, share, text) for (rank, share), text in claims if share > 0]
        found.append(max(good)[2] if good else "")
    return found


def _claim(body: MultiPolygon, kind: str, feature: Any) -> tuple[int, float]:
    """Return how well a feature names a body: polygons before lines before points, then by what they share; 0: not."""
    dimension = shapely.get_dimensions(feature)
    if dimension == 2:
        area = body.intersection(feature).area
        return 2, area if area >= _MOST * min(body.area, feature.area) else 0.0
    if dimension == 1:
        return 1, body.intersection(feature).length if kind == "river" else 0.0
    inner = shapely.intersection(body, feature)
    return 0, float(shapely.distance(inner, body.boundary)) if not inner.is_empty else 0.0

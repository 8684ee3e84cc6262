"""The bodies as two tables: a row a body, and a row a body and year."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from shapely.geometry import MultiPolygon

from water_gee.bodies.earlier import joined
from water_gee.bodies.frames import Frame
from water_gee.bodies.labels import sums
from water_gee.bodies.polygons import outlines, perimeters
from water_gee.bodies.series import measure
from water_gee.bodies.strips import Raster
from water_gee.bodies.years import Bodies
from water_gee.classes import WATER
from water_gee.progress import track

_COMPLETE = 0.05  # of a body's place that may be unseen where its area is compared with those of other years


def tables_of(
    frame: Frame,
    bodies: Bodies,
    areas: Raster,
    names_of: Callable[[Sequence[MultiPolygon]], list[str]],
) -> dict[str, Any]:
    """Return the layers `bodies` and `bodies_by_year` as GeoDataFrames, rows by id and year.

    Areas are in km2 and perimeters in km on the ellipsoid, widths in m.

    Args:
        frame: the maps.
        bodies: what was found on them.
        areas: [y, x], of each pixel, in m2.
        names_of: returns the bodies' names, given their polygons.
    """
    import geopandas
    import pandas as pd

    parts, scale = bodies.parts, frame.grid.scale
    transform = frame.grid.transform(frame.window)
    shapes = outlines(parts.labels, parts.count, transform)
    place = sums(parts.labels, parts.count, areas)[1:]
    whole = {
        "id": list(bodies.ids),
        "name": names_of(shapes) if shapes else [],
        "kind": parts.kinds.tolist(),
        "area_km2": (place / 1e6).round(6),
        "perimeter_km": np.round(np.array(perimeters(shapes, scale, frame.crs)) / 1e3, 6),
        "width_m": parts.width.round(1),
        "elongation": parts.elongation.round(2),
        "formerly": [joined(one) for one in bodies.formerly],
    }
    table = geopandas.GeoDataFrame(whole, geometry=shapes, crs=frame.crs).sort_values("id", ignore_index=True)
    yearly = []
    for year in track(frame.years, "measuring bodies", len(frame.years)):
        found = measure(frame, year, parts.labels, parts.count, parts.dropped, areas)
        water = parts.labels.map(
            lambda labels, classes: np.where(classes == WATER, labels, np.int32(0)), frame.layer(year, "water")
        )
        drawn = outlines(water, parts.count, transform)
        share = np.clip(found.unseen / place, 0, 1).round(6)
        unknown = share >= 1
        lengths = np.array(perimeters(drawn, scale, frame.crs))
        columns = {"area_km2": found.area, "low_km2": found.low, "high_km2": found.high, "perimeter_km": lengths * 1e3}
        yearly.append(
            geopandas.GeoDataFrame(
                {
                    **{key: whole[key] for key in ("id", "name", "kind")},
                    "year": year,
                    **{key: np.where(unknown, np.nan, (one / 1e6).round(6)) for key, one in columns.items()},
                    "unseen_share": share,
                    "complete": (share <= _COMPLETE).astype(np.int32),
                },
                geometry=drawn,
                crs=frame.crs,
            )
        )
    every = pd.concat(yearly, ignore_index=True).sort_values(["id", "year"], ignore_index=True)
    return {"bodies": table, "bodies_by_year": every}

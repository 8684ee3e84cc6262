"""Water bodies on the page: those that changed most and the largest, each with its outline and its years."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

_CHANGED, _LARGE = 300, 200  # bodies on the page
_POINTS = 60_000  # of all outlines together: some 0.8 MB


@dataclass(frozen=True)
class BodyYear:
    """A body in a year: km2 of water with their 95 % interval, None where nothing was seen."""

    year: int
    area: float | None
    low: float | None
    high: float | None
    unseen: float  # share of the body's place
    complete: bool  # so little is unseen that the area can be compared with those of other years

    @classmethod
    def of(cls, row: Mapping[str, str]) -> "BodyYear":
        """Return a row of `bodies.csv`."""
        area, low, high = (float(row[key]) if row[key] else None for key in ("area_km2", "low_km2", "high_km2"))
        return cls(int(row["year"]), area, low, high, float(row["unseen_share"]), row["complete"] == "1")


@dataclass(frozen=True)
class Body:
    """A water body: what it is called, its outline over all years in the study's crs, and its years in order."""

    id: str
    name: str
    kind: str
    outline: BaseGeometry
    years: tuple[BodyYear, ...]

    @property
    def ends(self) -> tuple[BodyYear, BodyYear] | None:
        """The first and the last year whose areas can be compared; None where there are no two."""
        known = [one for one in self.years if one.complete and one.area is not None]
        return (known[0], known[-1]) if len(known) > 1 else None

    @property
    def change(self) -> float | None:
        """By how many km2 it grew between these years."""
        ends = self.ends
        return None if ends is None else (ends[1].area or 0.0) - (ends[0].area or 0.0)

    @property
    def is_sure(self) -> bool:
        """Whether the intervals of the two years lie apart."""
        ends = self.ends
        if ends is None:
            return False
        (first, last) = ends
        return (first.high or 0.0) < (last.low or 0.0) or (last.high or 0.0) < (first.low or 0.0)

    @property
    def largest(self) -> float:
        """Its largest area of any year, in km2."""
        return max((one.area for one in self.years if one.area is not None), default=0.0)


def bodies_of(outlines: Mapping[str, BaseGeometry], rows: Sequence[Mapping[str, str]]) -> list[Body]:
    """Return the bodies with a year at least, from their outlines by id and the rows of `bodies.csv`."""
    years: dict[str, list[Mapping[str, str]]] = {}
    for row in rows:
        years.setdefault(row["id"], []).append(row)
    found = []
    for name, own in years.items():
        if name in outlines:
            ordered = sorted((BodyYear.of(row) for row in own), key=lambda one: one.year)
            found.append(Body(name, own[0]["name"], own[0]["kind"], outlines[name], tuple(ordered)))
    return found


def most_changed(bodies: Sequence[Body]) -> list[Body]:
    """Return the bodies whose years can be compared, by the km2 by which they grew or shrank, most first."""
    known = [body for body in bodies if body.change is not None]
    return sorted(known, key=lambda body: (-abs(body.change or 0.0), body.id))


def shown(bodies: Sequence[Body]) -> list[Body]:
    """Return those that go into the page: the most changed, then the largest of the others."""
    changed = most_changed(bodies)[:_CHANGED]
    known = {body.id for body in changed}
    others = sorted((body for body in bodies if body.id not in known), key=lambda body: (-body.largest, body.id))
    return [*changed, *others[: _LARGE + _CHANGED - len(changed)]]


def bodies_data(bodies: Sequence[Body], scale: float) -> dict[str, Any]:
    """Return the bodies as the page's script reads them; `scale` is the study's pixel in crs units."""
    chosen = shown(bodies)
    simple = _simplified([body.outline for body in chosen], scale)
    digits = max(0, int(np.ceil(-np.log10(scale))) + 2) if scale < 1 else 0
    return {
        "all": len(bodies),
        "list": [
            {
                "id": body.id,
                "name": body.name,
                "kind": body.kind,
                "largest": round(body.largest, 6),
                "change": None if body.change is None else round(body.change, 6),
                "sure": body.is_sure,
                "bounds": [round(value, digits) for value in body.outline.bounds],
                "outline": _rings(outline, digits),
                "years": [
                    [one.year, one.area, one.low, one.high, round(one.unseen, 4), one.complete] for one in body.years
                ],
            }
            for body, outline in zip(chosen, simple, strict=True)
        ],
    }


def _simplified(outlines: Sequence[BaseGeometry], scale: float) -> list[BaseGeometry]:
    """Return outlines with their stairs of pixels smoothed, as far as the page's size asks for."""
    tolerance = 0.75 * scale
    while True:
        simple = [outline.simplify(tolerance) for outline in outlines]
        if sum(shapely.get_num_coordinates(one) for one in simple) <= _POINTS or tolerance > 1000 * scale:
            return simple
        tolerance *= 2


def _rings(outline: BaseGeometry, digits: int) -> list[list[list[float]]]:
    """Return the polygons of an outline, each a list of rings, each the x and y of its points in turn."""
    polygons = getattr(outline, "geoms", [outline])
    return [
        [np.round(np.asarray(ring.coords)[:, :2], digits).ravel().tolist() for ring in (one.exterior, *one.interiors)]
        for one in polygons
        if one.geom_type == "Polygon" and not one.is_empty
    ]

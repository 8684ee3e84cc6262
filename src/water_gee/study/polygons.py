"""The polygons of a file's features: valid, whole across the antimeridian; what is passed over or mended is said."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from water_gee.errors import ConfigError
from water_gee.progress import say
from water_gee.study.antimeridian import jumps, unwrapped
from water_gee.study.vectors import Features

Shapes = NDArray[Any]  # of shapely geometries
_LISTED = 5  # features that a line names
_POLYGON, _MULTIPOLYGON, _FIRST_OF_MANY = 3, 6, 4  # as shapely numbers the kinds of geometries


@dataclass
class Notes:
    """What is said of single features, those of one kind in one line."""

    where: str
    kinds: dict[str, list[int]] = field(default_factory=dict)

    def add(self, number: int, what: str) -> None:
        """Note something of a feature, counted from 1."""
        self.kinds.setdefault(what, []).append(number)

    def refuse(self, number: int, why: str) -> ConfigError:
        """Return the error of a feature that cannot be used."""
        return ConfigError(f"{self.where}: feature {number} {why}")

    def tell(self) -> None:
        """Say all that was noted."""
        for what, numbers in self.kinds.items():
            first = ", ".join(map(str, dict.fromkeys(numbers[:_LISTED])))
            more = f" and {len(numbers) - _LISTED} more" if len(numbers) > _LISTED else ""
            say(f"{self.where}: feature {first}{more} {what}")


def polygons_of(
    features: Features, notes: Notes, only: NDArray[np.bool_] | None = None
) -> tuple[list[BaseGeometry], list[int]]:
    """Return the valid polygons of a file, in its crs, and the number of the feature of each, counted from 0.

    In degrees their longitudes run on where they cross the antimeridian. Features that are not of `only` do not count.

    Raises:
        ConfigError: a feature cannot be used.
    """
    shapes = np.array(features.shapes, dtype=object)
    plain = _plain(shapes, features.crs) if len(shapes) else np.zeros(0, dtype=np.bool_)
    counted = np.ones(len(shapes), dtype=np.bool_) if only is None else only
    parts, owner = shapely.get_parts(shapely.force_2d(shapes[plain & counted]), return_index=True)
    found, numbers = list(parts), [int(one) for one in np.flatnonzero(plain & counted)[owner]]
    for number in np.flatnonzero(~plain & counted):
        others = list(_polygons(shapes[number], int(number) + 1, features.crs, notes))
        found += others
        numbers += [int(number)] * len(others)
    return found, numbers


def flat(shapes: Shapes | BaseGeometry) -> tuple[Shapes, NDArray[np.int64]]:
    """Return the points, lines and polygons of geometries, however deep they lie, and the number of each one's own."""
    found = np.atleast_1d(np.array(shapes, dtype=object))
    owner = np.arange(len(found))
    while (shapely.get_type_id(found) >= _FIRST_OF_MANY).any():
        found, index = shapely.get_parts(found, return_index=True)
        owner = owner[index]
    return found, owner


def check_degrees(bounds: Sequence[float], number: int, notes: Notes) -> None:
    """Check that coordinates (west, south, east, north) of a feature may be longitudes and latitudes.

    Raises:
        ConfigError: they are none.
    """
    west, south, east, north = bounds
    if max(abs(west), abs(east)) > 360 or max(abs(south), abs(north)) > 90:
        raise notes.refuse(
            number, f"holds ({west:g}, {south:g}), which is no longitude and latitude; write the file with its crs"
        )


def _plain(shapes: Shapes, crs: pyproj.CRS) -> NDArray[np.bool_]:
    """Return which features are polygons of which nothing need be said: nearly all, and looked at together."""
    plain: NDArray[np.bool_] = np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON)) & ~shapely.is_empty(
        shapes
    )
    plain &= shapely.is_valid(shapes)
    points, owner = shapely.get_coordinates(shapes, return_index=True)
    odd = ~np.isfinite(points).all(axis=1)
    if crs.is_geographic:
        odd |= (np.abs(points) > (180, 90)).any(axis=1)
        far = np.abs(np.diff(points[:, 0])) > 180
        odd[1:] |= far & (owner[1:] == owner[:-1])
    plain[owner[odd]] = False
    return plain


def _polygons(shape: BaseGeometry | None, number: int, source: pyproj.CRS, notes: Notes) -> Iterator[BaseGeometry]:
    """Yield the valid polygons of a feature, however deep they lie in it."""
    if shape is None or shape.is_empty:
        notes.add(number, "has no geometry and is passed over")
        return
    for part in flat(shapely.force_2d(shape))[0]:
        if part.geom_type != "Polygon":
            notes.add(number, f"holds a {part.geom_type}, which is passed over")
            continue
        polygon = _placed(part, number, source, notes)
        if polygon.is_valid:
            yield from flat(polygon)[0]
            continue
        why = shapely.is_valid_reason(polygon).split("[")[0].strip().lower()
        mended = [one for one in flat(shapely.make_valid(polygon))[0] if one.geom_type == "Polygon" and one.area]
        if not mended:
            raise notes.refuse(number, f"encloses nothing ({why}); mend it, or take it out")
        notes.add(number, f"is not valid ({why}) and was mended")
        yield from mended


def _placed(polygon: BaseGeometry, number: int, source: pyproj.CRS, notes: Notes) -> BaseGeometry:
    """Return a polygon whose coordinates may be in its crs, its longitudes running on across the antimeridian."""
    if not np.isfinite(shapely.get_coordinates(polygon)).all():
        raise notes.refuse(number, "has a coordinate that is not a number; mend it")
    if not source.is_geographic:
        return polygon
    check_degrees(polygon.bounds, number, notes)
    if jumps(polygon):
        notes.add(number, "is taken to cross the antimeridian, as its edges of over 180 degrees say")
    return unwrapped(polygon)

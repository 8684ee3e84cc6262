"""A reference's polygons or points: read once, and brought onto pixels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyproj
import shapely
from affine import Affine
from numpy.typing import NDArray

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.config.inputs import parts
from water_gee.config.reference import spelling
from water_gee.errors import ConfigError
from water_gee.evaluation.centres import NEAR, TURN, Centres, Floats, centres, change
from water_gee.evaluation.years import NO_YEAR, is_nothing, years_of
from water_gee.progress import say
from water_gee.study import Notes, check_degrees, flat, polygons_of, read_features

Bytes = NDArray[np.uint8]
UNSAID = 254  # of a pixel that no polygon and no point names
_BLOCK = 512  # pixels a side that are looked at together
_LISTED = 5  # values that a line names


@dataclass(frozen=True)
class Rule:
    """How the features of a reference are to be understood."""

    layer: str | None = None
    column: str | None = None
    classes: tuple[tuple[str, int], ...] = ()  # the class of each value of the column, by its spelling
    outside: int | None = None  # the class of what lies in no polygon, within the box around them all
    year_column: str | None = None  # that says of which year a feature is; None: all are of any


@dataclass(eq=False)
class Polygons:
    """The polygons of a file and the class of each."""

    where: str  # key and file, for messages
    crs: pyproj.CRS
    shapes: NDArray[Any]
    classes: Bytes
    whole: "Polygons | None" = None  # all that were looked for, where these are those of a year
    _told: bool = field(default=False)

    def only(self, at: Any) -> "Polygons":
        """Return some of them, within the box of all."""
        return Polygons(self.where, self.crs, self.shapes[at], self.classes[at], self)

    @cached_property
    def _index(self) -> Any:
        return shapely.STRtree(self.shapes)

    @cached_property
    def box(self) -> tuple[float, float, float, float]:
        """The box around all polygons (west, south, east, north); of those cut at 180 degrees, across it.

        Where these are of one year, those of the others count too: a lake that is gone has become land.
        """
        if self.whole is not None:
            return self.whole.box
        bounds = shapely.bounds(self.shapes)
        west, south = bounds[:, :2].min(axis=0)
        east, north = bounds[:, 2:].max(axis=0)
        if self.crs.is_geographic and east - west > TURN / 2:
            turned = bounds[:, [0, 2]] + TURN * (bounds[:, [2]] <= 0)
            if np.ptp(turned) < east - west:
                west, east = turned.min(), turned.max()
        return float(west), float(south), float(east), float(north)

    def label(self, crs: str, transform: Affine, shape: tuple[int, int]) -> tuple[Bytes, NDArray[np.bool_]]:
        """Return the class of each pixel [y, x], UNSAID where no polygon holds its centre, and which the box holds.

        Where polygons of unlike classes hold a centre, it is UNKNOWN, which is said.
        """
        values, boxed = np.full(shape, UNSAID, dtype=np.uint8), np.zeros(shape, dtype=np.bool_)
        for cut in _blocks(shape):
            corner = transform @ Affine.translation(cut[1].start, cut[0].start)
            for at in centres(crs, corner, values[cut].shape, self.crs):
                self._add(at, values[cut], boxed[cut])
        return values, boxed

    def _add(self, at: Centres, values: Bytes, boxed: NDArray[np.bool_]) -> None:
        west, south, east, north = self.box
        boxed |= (at.x >= west) & (at.x <= east) & (at.y >= south) & (at.y <= north)
        for number in () if at.box is None else np.sort(self._index.query(at.box)):
            own = self.classes[number]
            for cell, mask in at.inside(self.shapes[number]):
                part = values[cell]
                if (unlike := mask & (part != UNSAID) & (part != own)).any():
                    self._tell()
                part[mask] = own
                part[unlike] = UNKNOWN

    def _tell(self) -> None:
        if not self._told:
            self._told = True
            say(f"{self.where}: polygons of unlike classes overlap; a pixel whose centre lies in both is unknown")


@dataclass(eq=False)
class Points:
    """The points of a file and the class of each."""

    where: str
    crs: pyproj.CRS
    x: Floats
    y: Floats
    classes: Bytes
    _moved: dict[str, tuple[Floats, Floats]] = field(default_factory=dict)  # by crs

    def label(self, crs: str, transform: Affine, shape: tuple[int, int]) -> tuple[Bytes, NDArray[np.bool_]]:
        """Return the class of each pixel [y, x] that holds a point, UNSAID where none lies, and no box.

        Where points of unlike classes lie in a pixel, it is UNKNOWN.
        """
        column, row, known = self._pixels(crs, transform)
        there = known & (column >= 0) & (column < shape[1]) & (row >= 0) & (row < shape[0])
        values = np.full(shape, UNSAID, dtype=np.uint8)
        at = row[there].astype(np.int64), column[there].astype(np.int64)
        values[at] = self.classes[there]
        unlike = values[at] != self.classes[there]
        values[at[0][unlike], at[1][unlike]] = UNKNOWN
        return values, np.zeros(shape, dtype=np.bool_)

    def only(self, at: Any) -> "Points":
        """Return some of them."""
        return Points(self.where, self.crs, self.x[at], self.y[at], self.classes[at])

    def unlike(self, crs: str, transform: Affine) -> int:
        """Return in how many pixels points of unlike classes lie."""
        column, row, known = self._pixels(crs, transform)
        pixels, which = np.unique(np.column_stack([row[known], column[known]]), axis=0, return_inverse=True)
        least, most = np.full(len(pixels), 255), np.zeros(len(pixels), dtype=np.int64)
        np.minimum.at(least, which.ravel(), self.classes[known])
        np.maximum.at(most, which.ravel(), self.classes[known])
        return int((least != most).sum())

    def _pixels(
        self, crs: str, transform: Affine
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """Return the column and row of each point, whole numbers, and where they are known."""
        if crs not in self._moved:
            self._moved[crs] = change(self.crs.to_wkt(), crs).transform(self.x, self.y)
        x, y = self._moved[crs]
        if pyproj.CRS.from_user_input(crs).is_geographic:  # counted as the window counts its own
            x = transform.c + (x - transform.c + TURN / 2) % TURN - TURN / 2
        column, row = (x - transform.c) / transform.a, (y - transform.f) / transform.e
        column, row = np.floor(column + NEAR), np.floor(row + NEAR)  # an edge is of one pixel, and of one tile
        return column, row, np.isfinite(column) & np.isfinite(row)


def label(
    files: Sequence[Polygons | Points], outside: int | None, crs: str, transform: Affine, shape: tuple[int, int]
) -> Bytes:
    """Return 1 water, 0 land, 255 unknown of each pixel [y, x]; of several files, the first that knows decides.

    What no polygon of any file holds is `outside` within the box around a file's polygons, and unknown beyond.
    """
    values, boxed = np.full(shape, UNSAID, dtype=np.uint8), np.zeros(shape, dtype=np.bool_)
    for file in files:
        part, within = file.label(crs, transform, shape)
        open_ = (values == UNSAID) | ((values == UNKNOWN) & (part != UNSAID))
        values[open_] = part[open_]
        boxed |= within
    values[(values == UNSAID) & boxed & (outside == LAND)] = LAND
    values[values == UNSAID] = UNKNOWN
    return values


def load(key: str, path: Path, rule: Rule, year: int) -> Polygons | Points | None:
    """Return the polygons or points that a file has of a year; as long as it stays as it is, it is read once.

    None where its column of years has others alone.

    Raises:
        ConfigError: it cannot be read or understood by the rule.
    """
    state = tuple((str(one), one.stat().st_mtime_ns, one.stat().st_size) for one in parts(path) if one.exists())
    return _load(key, path, rule, state).get(year if rule.year_column else None)


def _blocks(shape: tuple[int, int]) -> Iterator[tuple[slice, slice]]:
    for top in range(0, shape[0], _BLOCK):
        for left in range(0, shape[1], _BLOCK):
            yield slice(top, min(top + _BLOCK, shape[0])), slice(left, min(left + _BLOCK, shape[1]))


@lru_cache(maxsize=16)
def _load(key: str, path: Path, rule: Rule, state: tuple[Any, ...]) -> dict[int | None, Polygons | Points]:
    """Return the polygons or points of a file by year; by None where it tells none."""
    where = f"{key}: {path}"
    named = {"column": rule.column, "year_column": rule.year_column}
    columns = {option: name for option, name in named.items() if name is not None}
    features = read_features(key, path, rule.layer, columns=columns, wanted="polygons or points")
    notes = Notes(where)
    shapes, owner = flat(shapely.force_2d(np.array(features.shapes, dtype=object)))
    kinds = set(shapely.get_type_id(shapes[~shapely.is_empty(shapes)]).tolist()) & {0, 3}
    if kinds == {0, 3}:
        raise ConfigError(f"{where} holds points and polygons; write them to a file or layer each")
    if not kinds:
        raise ConfigError(f"{where} holds no polygon and no point; name a file of polygons or points")
    _check_rule(key, path, rule, is_points=kinds == {0})
    classes = _classes(where, features.values.get("column", ()), rule, len(features.shapes))
    years = years_of(where, rule.year_column, features.values["year_column"]) if rule.year_column else None
    if kinds == {3}:
        polygons, numbers = polygons_of(features, notes)
        notes.tell()
        if not polygons:
            raise ConfigError(f"{where} holds no polygon; name a file of polygons")
        dated = np.ones(len(polygons), dtype=np.bool_) if years is None else years[numbers] != NO_YEAR
        owners = np.array(numbers)[dated]
        whole = Polygons(where, features.crs, np.array(polygons, dtype=object)[dated], classes[owners])
        return {year: whole.only(at) for year, at in _by_year(years, owners)}
    is_point = (shapely.get_type_id(shapes) == 0) & ~shapely.is_empty(shapes)
    for number in owner[~is_point]:
        notes.add(int(number) + 1, "has no point and is passed over")
    x, y = shapely.get_x(shapes[is_point]), shapely.get_y(shapes[is_point])
    for number, *at in zip(owner[is_point] + 1, x, y, strict=True):
        if not np.isfinite(at).all():
            raise notes.refuse(int(number), "has a coordinate that is not a number; mend it")
        if features.crs.is_geographic:
            check_degrees((*at, *at), int(number), notes)
    notes.tell()
    points = Points(where, features.crs, x, y, classes[owner[is_point]])
    return {year: points.only(at) for year, at in _by_year(years, owner[is_point])}


def _by_year(years: NDArray[np.int64] | None, numbers: Any) -> Iterator[tuple[int | None, Any]]:
    """Yield each year and where features of it stand, by the number of each one's feature."""
    if years is None:
        yield None, slice(None)
        return
    own = years[numbers]
    for year in np.unique(own[own != NO_YEAR]):
        yield int(year), own == year


def _check_rule(key: str, path: Path, rule: Rule, *, is_points: bool) -> None:
    if is_points and rule.column is None:
        raise ConfigError(f"{key}: {path} holds points; name the column that says which are water as {key}.column")
    if is_points and rule.outside is not None:
        raise ConfigError(f"{key}.outside: {path} holds points, which say nothing of what lies between; take it out")
    if not is_points and rule.column is None and rule.outside is None:
        raise ConfigError(
            f"{key}: {path} holds polygons, taken for water; set {key}.outside=land, or unknown, for what lies in none"
        )


def _classes(where: str, values: Sequence[Any], rule: Rule, count: int) -> Bytes:
    """Return the class of each feature: water without a column, unknown where nothing is written in it."""
    if rule.column is None:
        return np.full(count, WATER, dtype=np.uint8)
    known: Mapping[str, int] = dict(rule.classes)
    written = [None if is_nothing(one) else spelling(one) for one in values]
    if strange := sorted({one for one in written if one is not None and one not in known}):
        listed = ", ".join(strange[:_LISTED]) + (
            f" and {len(strange) - _LISTED} more" if len(strange) > _LISTED else ""
        )
        raise ConfigError(
            f"{where} holds in its column {rule.column} the value{'s' * (len(strange) > 1)} {listed}; say by values "
            "which are water, land and unknown"
        )
    if empty := sum(one is None for one in written):
        say(f"{where}: {empty} of {count} features have nothing in the column {rule.column}, and are unknown")
    return np.array([UNKNOWN if one is None else known[one] for one in written], dtype=np.uint8)

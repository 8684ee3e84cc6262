"""`study.references.NAME`: where the truth lies, and how it is written there."""

import re
from itertools import pairwise
from math import isfinite
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import Field, SerializerFunctionWrapHandler, field_validator, model_serializer, model_validator

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.config.base import Group, UserFiles

Word = Literal["water", "land", "unknown"]
Written = str | bool | int | float
CLASSES: dict[Word, int] = {"water": WATER, "land": LAND, "unknown": UNKNOWN}
_VECTOR = {
    ".gpkg", ".geojson", ".json", ".geojsonl", ".geojsons", ".topojson", ".shp", ".shz", ".fgb", ".parquet",
    ".geoparquet", ".kml", ".kmz", ".gml", ".gpx", ".gdb", ".tab", ".mif", ".sqlite", ".zip",
}  # fmt: skip


_TRUTHS = {"true": "1", "false": "0"}
_WHOLE = re.compile(r"^(-?\d+)\.0+$")  # as tables write whole numbers
_OF_VECTORS = ("layer", "column", "outside", "year_column")


def spelling(value: Any) -> str:
    """Return a value as it is compared: 1, 1.0, true and each of them as text are one, and so are Water and water."""
    if isinstance(value, str):
        text = value.strip().casefold()
        return _TRUTHS.get(text, _WHOLE.sub(r"\1", text))
    number = float(value) if hasattr(value, "__float__") else None
    return str(value) if number is None else str(int(number)) if number.is_integer() else str(number)


class ReferenceSettings(Group):
    """A reference: rasters, or polygons or points. A text alone is its path."""

    path: UserFiles  # a file, or a glob of files; {year} stands for the year
    layer: str | None = None  # of polygons or points, where the file has several
    column: str | None = None  # whose values tell the class; without it, polygons are water
    values: dict[Word, Annotated[list[Written], Field(min_length=1)]] | None = None  # of column or raster, by class
    outside: Literal["land", "unknown"] | None = None  # what lies in no polygon, within the box around them all
    year_column: str | None = None  # of polygons or points: of which year each is, as a number or a date
    band: int | str | None = None  # of a raster that has several; {year} stands for the year
    ranges: Annotated[dict[Word, tuple[float, float]], Field(min_length=1)] | None = (
        None  # of a raster, by class: from, to
    )

    @model_validator(mode="before")
    @classmethod
    def _path_alone(cls, content: Any) -> Any:
        return {"path": content} if isinstance(content, str) else content

    @model_serializer(mode="wrap")
    def _as_written(self, handler: SerializerFunctionWrapHandler) -> Any:
        """Return the path alone where it was given alone: what rests on the settings stays as it was."""
        return self.path if self.model_fields_set <= {"path"} else handler(self)

    @field_validator("values")
    @classmethod
    def _of_one_class(cls, values: dict[Word, list[Written]] | None) -> dict[Word, list[Written]] | None:
        found: dict[str, Word] = {}
        for word, listed in (values or {}).items():
            for value in listed:
                if found.setdefault(spelling(value), word) != word:
                    raise ValueError(f"{value!r} is listed as {found[spelling(value)]} and as {word}; list it once")
        return values

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.values is not None and self.column is None:
            if self.is_vector:
                raise ValueError("values are of a column; name it as column, or take values out")
            if strange := [one for one in self.classes if not _is_number(one)]:
                raise ValueError(f"{strange[0]} is no number, and those of a raster are; list what it holds")
        options = [name for name in _OF_VECTORS if getattr(self, name) is not None]
        if options and PurePath(self.path).suffix.lower() in (".tif", ".tiff"):
            raise ValueError(f"{options[0]} is of polygons or points, and {self.path} is a raster; take it out")
        options = [name for name in ("band", "ranges") if getattr(self, name) is not None]
        if options and self.is_vector:
            raise ValueError(f"{options[0]} is of a raster, and {self.path} holds polygons or points; take it out")
        return self

    @field_validator("band", mode="before")
    @classmethod
    def _number_or_name(cls, band: Any) -> Any:
        is_number = isinstance(band, int) and not isinstance(band, bool) and band >= 1
        if band is None or is_number or (isinstance(band, str) and band.strip()):
            return band
        raise ValueError(f"{band!r} is no band; give its number, from 1 on, or its name")

    @field_validator("ranges", mode="before")
    @classmethod
    def _pairs(cls, ranges: Any) -> Any:
        for word, ends in ranges.items() if isinstance(ranges, dict) else ():
            if not isinstance(ends, list | tuple) or len(ends) != 2:
                raise ValueError(f"{word}: {ends!r} must be [from, to]")
        return ranges

    @field_validator("ranges")
    @classmethod
    def _apart(cls, ranges: dict[Word, tuple[float, float]] | None) -> dict[Word, tuple[float, float]] | None:
        ordered = sorted((low, high, word) for word, (low, high) in (ranges or {}).items())
        for low, high, word in ordered:
            if low > high:
                raise ValueError(f"{word}: [{low:g}, {high:g}] must be [from, to]")
        for (low, high, word), (start, _, other) in pairwise(ordered):
            if start < high or start == low:
                raise ValueError(f"{word} and {other} overlap from {start:g} on; let one end where the other begins")
        return ranges

    @property
    def is_vector(self) -> bool:
        """Whether the files hold polygons or points, by their suffix, or by what is said of them."""
        suffix = PurePath(self.path).suffix.lower()
        return suffix in _VECTOR or any(getattr(self, name) is not None for name in _OF_VECTORS)

    @property
    def classes(self) -> dict[str, int]:
        """The class of each value of the column or raster, by its spelling."""
        if self.values is not None:
            return {spelling(value): CLASSES[word] for word, listed in self.values.items() for value in listed}
        return {str(number): number for number in CLASSES.values()} | {word: CLASSES[word] for word in CLASSES}


def _is_number(text: str) -> bool:
    try:
        return isfinite(float(text))
    except ValueError:
        return False

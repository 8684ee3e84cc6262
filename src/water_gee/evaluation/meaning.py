"""What the numbers of a reference's raster mean: as they stand, or by the values and ranges that the study names."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from rasterio.enums import ColorInterp

from water_gee.classes import LAND, UNKNOWN, WATER
from water_gee.config.reference import CLASSES, ReferenceSettings
from water_gee.errors import ConfigError

MEANING = f"{WATER} water, {LAND} land, {UNKNOWN} unknown"
_PLAIN = ((float(WATER), WATER), (float(LAND), LAND), (float(UNKNOWN), UNKNOWN))
_YEAR = "{year}"


@dataclass(frozen=True)
class Meaning:
    """The class of each number of a band: of a single one, or of all from one to another."""

    band: int | str | None = None
    values: tuple[tuple[float, int], ...] = _PLAIN
    ranges: tuple[tuple[float, float, int], ...] = ()  # from, to, class, ascending; an end shared is of the upper one

    @classmethod
    def of(cls, settings: ReferenceSettings) -> Self:
        """Return what the settings say; without values and ranges, numbers mean what they are."""
        values: tuple[tuple[float, int], ...] = _PLAIN
        if settings.values is not None or settings.ranges is not None:
            values = tuple((float(one), number) for one, number in settings.classes.items() if settings.values)
        ranges = sorted((*ends, CLASSES[word]) for word, ends in (settings.ranges or {}).items())
        return cls(settings.band, values, tuple(ranges))

    @property
    def is_plain(self) -> bool:
        """Whether nothing was said."""
        return self == Meaning()

    def label(self, values: NDArray[Any], known: NDArray[np.bool_]) -> tuple[NDArray[np.uint8], NDArray[Any]]:
        """Return the class of each number, 255 where none is known, and the numbers that mean nothing.

        What is no number (NaN) is unknown, and so is 255 in a raster of bytes, unless it is named.
        """
        labels, understood = np.full(values.shape, UNKNOWN, dtype=np.uint8), ~known | np.isnan(values)
        for value, number in self.values:
            at = ~understood & (values == _as(values, value))
            labels[at], understood = number, understood | at
        rest = ~understood
        for low, high, number in self.ranges:
            at = rest & (values >= _as(values, low)) & (values <= _as(values, high))
            labels[at], understood = number, understood | at
        if values.dtype == np.uint8:
            understood |= values == UNKNOWN
        return labels, np.unique(values[~understood])

    def of_number(self, value: float) -> int | None:
        """Return the class of a number, None where it means nothing."""
        label, strange = self.label(np.array([value], dtype=np.float64), np.ones(1, dtype=np.bool_))
        return None if strange.size else int(label[0])

    @property
    def is_by_year(self) -> bool:
        """Whether each year has a band of its own."""
        return isinstance(self.band, str) and _YEAR in self.band

    def band_of(self, key: str, path: Path, file: Any, year: int) -> int | None:
        """Return the number of the band of an open file that is meant; None: it has a band a year, and none of this.

        Raises:
            ConfigError: there is none, or several and none is named, or it does not hold real numbers.
        """
        number = self._number(key, path, file, year)
        if number is not None and file.dtypes[number - 1].startswith("complex"):
            raise ConfigError(f"{key}: band {number} of {path} holds complex numbers; name a file of classes")
        return number

    def _number(self, key: str, path: Path, file: Any, year: int) -> int | None:
        named = [f"{one or number}" for number, one in enumerate(file.descriptions, start=1)]
        if isinstance(self.band, int):
            if self.band > file.count:
                raise ConfigError(f"{key}.band: {path} has no band {self.band}; it has {file.count}")
            return self.band
        if self.band is None:
            shown = [one for one, what in enumerate(file.colorinterp, start=1) if what != ColorInterp.alpha]
            if len(shown) != 1:
                colours = file.colorinterp[:3] == (ColorInterp.red, ColorInterp.green, ColorInterp.blue)
                kind = " and is a picture; take the classes that it was drawn of, or name" if colours else "; name"
                raise ConfigError(f"{key}: {path} has the bands {', '.join(named)}{kind} the one to read as {key}.band")
            return shown[0]
        wanted = self.band.replace(_YEAR, str(year))
        if wanted in file.descriptions:
            return int(file.descriptions.index(wanted)) + 1
        if self.is_by_year:
            return None
        raise ConfigError(f"{key}.band: {path} has no band {wanted}; it has {', '.join(named)}")


def _as(values: NDArray[Any], number: float) -> Any:
    """Return a number as the values are stored: 0.7 of four bytes is less than 0.7."""
    return values.dtype.type(number) if values.dtype.kind == "f" else number

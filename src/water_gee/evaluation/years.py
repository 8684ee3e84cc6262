"""The years of a reference's features, however a column writes them."""

import datetime
import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from water_gee.errors import ConfigError
from water_gee.progress import say

NO_YEAR = -1
_POSSIBLE = range(1800, 2201)
_WRITTEN = re.compile(r"(\d{4})(?:\.0+|[-/]\d{1,2}(?:[-/]\d{1,2}(?:[T ].*)?)?|(?:0[1-9]|1[0-2])(?:[0-2]\d|3[01]))?")


def years_of(where: str, column: str, values: Sequence[Any]) -> NDArray[np.int64]:
    """Return the year of each feature, NO_YEAR where nothing is written.

    A year may stand as a number, as text, or as a date, by itself or as text that begins with the year (2020-07-01).

    Raises:
        ConfigError: something else stands there.
    """
    found = np.full(len(values), NO_YEAR, dtype=np.int64)
    for number, value in enumerate(values):
        if is_nothing(value):
            continue
        year = _year(value)
        if year not in _POSSIBLE:
            raise ConfigError(
                f"{where}: feature {number + 1} has in its column {column} the value {value}, which is no year; write "
                "2020, or a date as 2020-07-01"
            )
        found[number] = year
    if empty := int((found == NO_YEAR).sum()):
        say(f"{where}: {empty} of {len(found)} features have no year in the column {column} and are passed over")
    return found


def _year(value: Any) -> int:
    if isinstance(value, np.datetime64):
        return int(value.astype("datetime64[Y]").astype(np.int64)) + 1970
    if isinstance(value, datetime.date):  # and a datetime
        return value.year
    if isinstance(value, str):
        written = _WRITTEN.fullmatch(value.strip())
        return int(written[1]) if written else NO_YEAR
    is_number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    return int(value) if is_number and float(value).is_integer() else NO_YEAR


def is_nothing(value: Any) -> bool:
    """Return whether nothing is written in a column."""
    if value is None or (isinstance(value, float | np.floating) and np.isnan(value)):
        return True
    return (isinstance(value, np.datetime64) and np.isnat(value)) or str(value).strip() in ("", "NaT")

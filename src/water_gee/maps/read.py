"""The finished maps, as their report `maps.json` knows them."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from water_gee.errors import WaterGeeError
from water_gee.files import is_there, sha256
from water_gee.maps.layers import file_name
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed

_ADVICE = "run again: water-gee predict"


def read_maps(layout: Layout) -> dict[str, Any] | None:
    """Return what the maps were made of, None where there are none.

    Raises:
        WaterGeeError: their report was changed, or is of another study.
    """
    path = layout.maps / "maps.json"
    return read_sealed(path, _ADVICE, study=layout.study) if is_there(path) else None


def read_areas(layout: Layout, report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rows of `area.csv`.

    Raises:
        WaterGeeError: the table is not the one that was written with the maps.
    """
    content = read_checked(layout.maps / "area.csv", report.get("files", {}).get("area.csv"), _ADVICE)
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def map_path(layout: Layout, report: Mapping[str, Any], year: int | str | None, layer: str) -> Path:
    """Return the file of a layer of a year, or with None for `year` of one over the years (`layers.py` names them).

    Raises:
        KeyError: there is no such layer.
        ValueError: a year is given for a layer over the years, or none for one of a year.
        WaterGeeError: it is not the file that was written, or maps of an earlier version have none.
    """
    name = file_name(layer, year)
    path = layout.maps / name
    known = report.get("files", {})
    if name not in known:
        raise WaterGeeError(f"{layout.maps / 'maps.json'} names no {name}: the maps were made without it; {_ADVICE}")
    if not path.is_file() or sha256(path) != known[name]:
        raise WaterGeeError(f"{path} is not the map that was written: it was changed, damaged or removed; {_ADVICE}")
    return path


def map_years(report: Mapping[str, Any]) -> list[int]:
    """Return the years that there are maps of, ascending."""
    return sorted({int(name.split("/")[0]) for name in report.get("files", {}) if "/" in name})

"""The finished bodies, as their report `bodies.json` knows them."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from water_gee.errors import WaterGeeError
from water_gee.files import is_there, sha256
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed

REPORT, SERIES = "bodies.json", "bodies.csv"
_ADVICE = "run again: water-gee bodies"


def read_bodies(layout: Layout) -> dict[str, Any] | None:
    """Return what the bodies were made of, None where there are none.

    Raises:
        WaterGeeError: their report was changed, or is of another study.
    """
    path = layout.bodies / REPORT
    return read_sealed(path, _ADVICE, study=layout.study) if is_there(path) else None


def are_of(layout: Layout, report: Mapping[str, Any]) -> bool:
    """Return whether the bodies were made of the maps that are there now."""
    path = layout.maps / "maps.json"
    return path.is_file() and report.get("maps_sha256") == sha256(path)


def read_series(layout: Layout, report: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return the rows of `bodies.csv`: a body and year each, by id and year.

    `area_km2`, `low_km2`, `high_km2` and `perimeter_km` are of the part that was seen, and empty where nothing was;
    `unseen_share` is the share of the body's place that was not; `complete` is 1 where that is at most a twentieth,
    and 0 where the area must not be compared with those of other years.

    Raises:
        WaterGeeError: the table is not the one that was written.
    """
    content = read_checked(layout.bodies / SERIES, report.get("files", {}).get(SERIES), _ADVICE)
    return list(csv.DictReader(io.StringIO(content.decode(), newline="")))


def bodies_path(layout: Layout, report: Mapping[str, Any], name: str) -> Path:
    """Return a file of the bodies, as `bodies.gpkg`.

    Raises:
        WaterGeeError: it is not the file that was written.
    """
    path = layout.bodies / name
    if not path.is_file() or sha256(path) != report.get("files", {}).get(name):
        raise WaterGeeError(f"{path} is not the file that was written: it was changed, damaged or removed; {_ADVICE}")
    return path

"""What is served: files that a report names, checked once, and the page. Nothing else has an address."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from water_gee.errors import WaterGeeError
from water_gee.files import is_there, sha256
from water_gee.maps import LAYERS, Layer, file_name, map_years, read_maps
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.report import Frame, drawn, frame_of
from water_gee.sealed import read_checked, read_sealed

TILES = "/tiles/"
_OPENING, _EVALUATE = b'<html lang="en">', "run again: water-gee evaluate"
_MADE_OF_MAPS = {"bodies": "bodies.json", "catalogue": "report.json"}  # folders, and the report of each
_KINDS = {
    ".html": "text/html; charset=utf-8", ".json": "application/json", ".geojson": "application/geo+json",
    ".csv": "text/csv; charset=utf-8", ".tif": "image/tiff; application=geotiff", ".qml": "application/xml",
    ".gpkg": "application/geopackage+sqlite3", ".parquet": "application/vnd.apache.parquet",
}  # fmt: skip


@dataclass(frozen=True)
class Item:
    """A file as it was when its hash was checked."""

    path: Path
    sha256: str
    mark: tuple[int, int, int]  # number, bytes and time of the file

    @classmethod
    def checked(cls, path: Path, known: str, advice: str) -> "Item":
        """Return a file whose hash a report knows.

        Raises:
            WaterGeeError: it is absent or holds other bytes.
        """
        try:
            mark = _mark(path)
            found = sha256(path)
        except OSError as error:
            raise WaterGeeError(f"{path} cannot be read ({error.strerror}); {advice}") from error
        if found != known:
            raise WaterGeeError(f"{path} is not the file that its report names: it was changed or damaged; {advice}")
        return cls(path, known, mark)

    @property
    def kind(self) -> str:
        """Its media type."""
        return _KINDS.get(self.path.suffix, "application/octet-stream")

    @property
    def is_current(self) -> bool:
        """Whether the file is still the one that was checked."""
        try:
            return _mark(self.path) == self.mark
        except OSError:
            return False


@dataclass(frozen=True)
class Shelf:
    """All that has an address."""

    page: bytes  # at /
    items: Mapping[str, Item] = field(default_factory=dict)  # by address
    frame: Frame | None = None  # of the tiles; None where no maps are shown
    tiles: Mapping[tuple[str, str], tuple[Layer, Item]] = field(default_factory=dict)  # by name and year or `all`

    @classmethod
    def of(cls, layout: Layout) -> "Shelf":
        """Return what there is to show of a root.

        Raises:
            WaterGeeError: there is no page, or a file is not the one that its report names.
        """
        details_path = layout.reports / "details.json"
        if not is_there(details_path):
            raise WaterGeeError(f"{details_path} does not exist, so there is no page; run first: water-gee evaluate")
        details = read_sealed(details_path, _EVALUATE, study=layout.study)
        page = read_checked(layout.reports / "index.html", details.get("page_sha256"), _EVALUATE)
        metrics = Item.checked(layout.reports / "metrics.json", str(details.get("metrics_sha256")), _EVALUATE)
        items = {"/reports/metrics.json": metrics}
        maps = read_maps(layout)
        if maps is None:
            say("there are no maps: the page is served as it is; run water-gee predict for them")
            return cls(page, items)
        items |= _named(layout.maps, "maps.json", maps, "run again: water-gee predict")
        for name, report in _MADE_OF_MAPS.items():
            items |= _of_maps(layout, name, report)
        if details.get("maps_sha256") != sha256(layout.maps / "maps.json"):
            say("the page is of other maps than those that are there: its map shows what it holds itself; "
                "run water-gee evaluate for a page of these")  # fmt: skip
            return cls(page, items)
        if _is_of_other_bodies(layout, details):
            say("the page shows other water bodies than those that are there; run water-gee evaluate for these")
        years = [str(year) for year in map_years(maps)]
        tiles = _tiles(items, years)
        if not years or page.count(_OPENING) != 1:
            return cls(page, items)
        shown = page.replace(_OPENING, _OPENING[:-1] + f' data-tiles="{TILES}">'.encode())
        return cls(shown, items, frame_of(layout, maps, years[-1]), tiles)


def _of_maps(layout: Layout, name: str, report: str) -> dict[str, Item]:
    """Return the files of a folder that was made of the maps, by address; of other ones none, and a line says so."""
    folder, advice = layout.root / name, f"run again: water-gee {name}"
    if not is_there(folder / report):
        return {}
    content = read_sealed(folder / report, advice, study=layout.study)
    if content.get("maps_sha256") != sha256(layout.maps / "maps.json"):
        say(f"{folder} is of other maps than those that are there and is not served; {advice}")
        return {}
    if _is_of_other_bodies(layout, content):
        say(f"{folder} is of other water bodies than those that are there and is not served; {advice}")
        return {}
    return _named(folder, report, content, advice)


def _is_of_other_bodies(layout: Layout, content: Mapping[str, Any]) -> bool:
    """Return whether what was made of water bodies was made of others than are there now."""
    path, known = layout.bodies / "bodies.json", content.get("bodies_sha256")
    return known is not None and (not path.is_file() or sha256(path) != known)


def _named(folder: Path, report: str, content: Mapping[str, Any], advice: str) -> dict[str, Item]:
    """Return the files that a report names, and the report, by address; styles as they are: people change them."""
    named = {name: str(known) for name, known in content.get("files", {}).items()}
    for name in [name for name in named if name.endswith(".qml")]:
        if (folder / name).is_file():
            named[name] = sha256(folder / name)
        else:
            del named[name]
    files = {name: Item.checked(folder / name, known, advice) for name, known in named.items()}
    files[report] = Item.checked(folder / report, sha256(folder / report), advice)
    return {f"/{folder.name}/{name}": item for name, item in files.items()}


def _tiles(items: Mapping[str, Item], years: Sequence[str]) -> dict[tuple[str, str], tuple[Layer, Item]]:
    """Return the maps among the files that are drawn as tiles."""
    found = {}
    for layer in LAYERS.values():
        for year in years if layer.yearly else (None,):
            if item := items.get(f"/maps/{file_name(layer, year)}"):
                found[layer.name, year or "all"] = (drawn(layer, years), item)
    return found


def _mark(path: Path) -> tuple[int, int, int]:
    known = os.stat(path)
    return known.st_ino, known.st_size, known.st_mtime_ns

"""The manifest `tiles.csv`: a row a tile, what it is, where it lies, and whether it is whole.

Beside it lies `tiles.json`, which names the study and the hash of the manifest, as each row names those of its files.
"""

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from water_gee.errors import TileError
from water_gee.files import is_there, write_text
from water_gee.paths import Layout
from water_gee.sealed import read_checked, read_sealed, write_sealed
from water_gee.study import Grid, Tile

STATUSES = ("ok", "empty", "failed")
ADVICE = "run again: water-gee tiles"
_AREA = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class TileRecord:
    """A row of the manifest; bounds and grid are those of the stored file, margin included."""

    id: str
    area: str
    year: int
    column: int
    row: int
    size: int
    margin: int
    left: float
    bottom: float
    right: float
    top: float
    crs: str
    scale: float
    status: str  # ok; empty: no clear pixel; failed: see reason
    reason: str
    water_pixels: int  # of the tile's own pixels: clear and labelled water
    clear_pixels: int  # of the tile's own pixels: seen clearly at least once
    sha256: str  # of the features' file
    labels_sha256: str
    bytes: int  # of both files
    fingerprint: str = ""  # of what was asked for: expression, scenes, grid and format

    @classmethod
    def of(
        cls,
        tile: Tile,
        grid: Grid,
        status: str,
        *,
        reason: str = "",
        water_pixels: int = 0,
        clear_pixels: int = 0,
        sha256: str = "",
        labels_sha256: str = "",
        bytes: int = 0,
        fingerprint: str = "",
    ) -> "TileRecord":
        """Return the row of `tile` on `grid`."""
        left, bottom, right, top = grid.bounds(tile.outer)
        return cls(
            tile.id, tile.area, tile.year, tile.column, tile.row, tile.size, tile.margin,
            left, bottom, right, top, grid.crs, grid.scale,
            status, reason, water_pixels, clear_pixels, sha256, labels_sha256, bytes, fingerprint,
        )  # fmt: skip

    @property
    def tile(self) -> Tile:
        """The tile that the row is about."""
        return Tile(self.area, self.year, self.column, self.row, self.size, self.margin)


def write_manifest(layout: Layout, records: Iterable[TileRecord]) -> None:
    """Write `tiles.csv`, sorted by area and id so that equal outcomes are equal bytes, and `tiles.json`."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(TileRecord)], lineterminator="\n")
    writer.writeheader()
    for record in sorted(records, key=lambda record: (record.area, record.id)):
        writer.writerow(asdict(record))
    write_text(manifest_path(layout), text.getvalue())
    _vouch(layout, hashlib.sha256(text.getvalue().encode()).hexdigest())


def begin_manifest(layout: Layout) -> None:
    """Take the manifest away and say whose tiles are being fetched: no other stage takes them for whole."""
    _vouch(layout, "")
    manifest_path(layout).unlink(missing_ok=True)


def read_manifest(layout: Layout) -> list[TileRecord]:
    """Return the rows of `tiles.csv`.

    Raises:
        TileError: the manifest is absent or broken, was changed since it was written, or is of another study.
    """
    path = manifest_path(layout)
    if not is_there(path):
        raise TileError(f"there are no tiles yet ({path} is missing); run first: water-gee tiles")
    known = read_sealed(report_path(layout), ADVICE, study=layout.study, error=TileError)
    content = read_checked(path, known.get("tiles_csv_sha256"), ADVICE, error=TileError)
    try:
        records = [parse_record(row) for row in csv.DictReader(io.StringIO(content.decode(), newline=""))]
        if len({(record.area, record.id) for record in records}) < len(records):
            raise ValueError("a tile is listed twice")
    except (ValueError, csv.Error) as error:
        raise TileError(f"{path} is not a manifest of this version ({error}); {ADVICE}") from error
    return records


def manifest_path(layout: Layout) -> Path:
    """Return where the manifest lies."""
    return layout.tiles / "tiles.csv"


def report_path(layout: Layout) -> Path:
    """Return where lies what vouches for the manifest."""
    return layout.tiles / "tiles.json"


def parse_record(row: Mapping[str, Any]) -> TileRecord:
    """Return the record of a row of text or of plain values, its values checked against what is possible.

    Raises:
        ValueError: a field is missing, unknown, of another type or impossible.
    """
    types = {field.name: field.type for field in fields(TileRecord)}
    if set(row) != set(types):
        raise ValueError(f"its columns are not {', '.join(types)}")
    try:
        record = TileRecord(**{key: types[key](value) for key, value in row.items()})  # type: ignore[operator]  # the field types are classes here
    except TypeError as error:
        raise ValueError(str(error)) from error
    sides = (record.left, record.bottom, record.right, record.top, record.scale)
    hashed = all(_HASH.fullmatch(one) for one in (record.sha256, record.labels_sha256))
    wrong = {
        "area": not _AREA.fullmatch(record.area),
        "id": record.id != record.tile.id,
        "status": record.status not in STATUSES,
        "size": record.size < 1 or record.margin < 0,
        "bounds": not all(map(math.isfinite, sides)) or record.left >= record.right or record.bottom >= record.top,
        "pixels": not 0 <= record.water_pixels <= record.clear_pixels <= record.size**2 or record.bytes < 0,
        "sha256": record.status == "ok" and not hashed,
    }
    if any(wrong.values()):
        first = next(name for name, is_wrong in wrong.items() if is_wrong)
        raise ValueError(f"the tile {record.area}/{record.id} has an impossible {first}")
    return record


def _vouch(layout: Layout, manifest: str) -> None:
    write_sealed(report_path(layout), {"study": layout.study, "tiles_csv_sha256": manifest})

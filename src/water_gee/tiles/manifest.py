"""The manifest `tiles.csv`: a row a tile, what it is, where it lies, and whether it is whole."""

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

from water_gee.errors import TileError
from water_gee.files import write_text
from water_gee.paths import Layout
from water_gee.study import Grid, Tile

STATUSES = ("ok", "empty", "failed")


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
    """Write `tiles.csv`, sorted by area and id so that equal outcomes are equal bytes."""
    text = io.StringIO()
    writer = csv.DictWriter(text, [field.name for field in fields(TileRecord)], lineterminator="\n")
    writer.writeheader()
    for record in sorted(records, key=lambda record: (record.area, record.id)):
        writer.writerow(asdict(record))
    write_text(layout.tiles / "tiles.csv", text.getvalue())


def read_manifest(layout: Layout) -> list[TileRecord]:
    """Return the rows of `tiles.csv`.

    Raises:
        TileError: the manifest is absent or broken.
    """
    path = layout.tiles / "tiles.csv"
    if not path.is_file():
        raise TileError(f"there are no tiles yet ({path} is missing); run first: water-gee tiles")
    types = {field.name: field.type for field in fields(TileRecord)}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return [TileRecord(**{key: types[key](value) for key, value in row.items()}) for row in rows]  # type: ignore[operator]  # the field types are classes here
    except (KeyError, ValueError, TypeError, UnicodeDecodeError) as error:
        raise TileError(f"{path} is not a manifest of this version ({error}); run again: water-gee tiles") from error

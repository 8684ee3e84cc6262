"""Clean labels on disk: written whole or not at all, with the fingerprint of all that they depend on."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from water_gee.classes import LAND, WATER
from water_gee.denoise.labels import ABSTAIN, CleanLabel, Reason
from water_gee.errors import TileError
from water_gee.files import is_there
from water_gee.paths import Layout
from water_gee.sealed import read_sealed
from water_gee.tiles import (
    LABEL_BANDS,
    WATER_SHARE,
    Raster,
    TileData,
    TileRecord,
    clean_path,
    label_path,
    read_raster,
    write_raster,
)

CLEAN_BANDS = ("label", "confidence", "reason")
ADVICE = "run again: water-gee denoise"
_FORMAT = "water_gee clean 2"  # raise the number when a method's outcome changes for equal settings
_FINGERPRINT, _NOTES = "WATER_GEE_FINGERPRINT", "WATER_GEE_NOTES"


def clean_report_path(layout: Layout) -> Path:
    """Return where the report on the clean labels lies."""
    return layout.clean / "report.json"


def figure_name(tile: str) -> str:
    """Return the file name of the picture of a tile, `<area>/<id>`."""
    return f"{tile.replace('/', '_')}.png"


@dataclass(frozen=True)
class CleanLabels:
    """The clean labels of a root, as their report knows them; each is checked against it when it is read."""

    layout: Layout
    hashes: Mapping[tuple[str, str], str]  # SHA-256 of the file, by area and id of the tile
    tiles: Mapping[tuple[str, str], tuple[str, str]]  # of the features and the labels that it was made of
    report: Mapping[str, Any] = field(default_factory=dict)  # the whole content of `report.json`

    @classmethod
    def of(cls, layout: Layout) -> Self:
        """Return the clean labels of a root.

        Raises:
            TileError: there are none, or their report was changed or is of another study.
        """
        path = clean_report_path(layout)
        if not is_there(path):
            raise TileError(f"there are no clean labels yet ({path} is missing); run first: water-gee denoise")
        content = read_sealed(path, ADVICE, study=layout.study, error=TileError)
        try:
            rows = {(str(row["area"]), str(row["id"])): row for row in content["tiles"]}
            hashes = {key: str(row["clean_sha256"]) for key, row in rows.items()}
            tiles = {key: (str(row["sha256"]), str(row["labels_sha256"])) for key, row in rows.items()}
        except (KeyError, TypeError) as error:
            raise TileError(f"{path} is of another version; {ADVICE}") from error
        return cls(layout, hashes, tiles, content)

    @property
    def figures(self) -> list[Path]:
        """The pictures that were made with the labels, those of them that are there."""
        paths = [self.layout.clean / "figures" / str(name) for name in self.report.get("figures", ())]
        return [path for path in paths if path.is_file()]

    def row(self, record: TileRecord) -> Mapping[str, Any]:
        """Return what the report says of a tile that has clean labels."""
        rows = self.report.get("tiles", ())
        return next(row for row in rows if (row["area"], row["id"]) == (record.area, record.id))

    def has(self, record: TileRecord) -> bool:
        """Return whether a tile has clean labels."""
        return (record.area, record.id) in self.hashes

    def check(self, records: Iterable[TileRecord]) -> None:
        """Check that every tile has clean labels, made of the tile as it is now.

        Raises:
            TileError: one has none, or they were made of another tile.
        """
        for record in records:
            if not self.has(record):
                raise TileError(f"the tile {record.area}/{record.id} has no clean labels; {ADVICE}")
            if self.tiles[record.area, record.id] != (record.sha256, record.labels_sha256):
                raise TileError(
                    f"the clean labels of {record.area}/{record.id} were made of another tile than the one that is "
                    f"there now; {ADVICE}"
                )

    def read(self, record: TileRecord) -> CleanLabel:
        """Read a tile's clean labels.

        Raises:
            TileError: there are none, they were made of another tile, or the file is not the one of the report.
        """
        self.check([record])
        return read_clean(self.layout, record, self.hashes[record.area, record.id])


def fingerprint(record: TileRecord, method: Mapping[str, Any], seed: int) -> str:
    """Return a hash of what a tile's clean labels depend on: its files, the method's settings and the seed."""
    content = [_FORMAT, dict(method), seed, record.id, record.sha256, record.labels_sha256]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def learned_fingerprint(mark: str, area: str) -> str:
    """Return a hash of what a tile's clean labels depend on where a method learns from the tile's area.

    Args:
        mark: the tile's own `fingerprint`.
        area: the fingerprint of the area, which all of its tiles go into.
    """
    return hashlib.sha256(f"{mark}/{area}".encode()).hexdigest()


def own_seed(seed: int, name: str) -> int:
    """Return the seed of a tile or an area by its name: neither order nor what runs beside it matters."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{name}".encode()).digest()[:7], "big")


def write_clean(layout: Layout, tile: TileData, clean: CleanLabel, mark: str) -> None:
    """Write a tile's clean labels with the fingerprint `mark`, on the tile's grid."""
    values = np.stack([clean.label.astype(np.float32), clean.confidence, clean.reason.astype(np.float32)])
    notes = json.dumps(clean.notes, sort_keys=True)
    write_raster(
        clean_path(layout, tile.record.area, tile.record.id),
        values,
        CLEAN_BANDS,
        crs=tile.record.crs,
        transform=tile.transform,
        tags={_FINGERPRINT: mark, _NOTES: notes},
    )


def read_clean(layout: Layout, record: TileRecord, sha256: str | None = None) -> CleanLabel:
    """Read a tile's clean labels.

    Args:
        layout: of the root.
        record: of the tile.
        sha256: of the file, as the report knows it; None while there is no report yet.

    Raises:
        TileError: the file is absent or broken, not the one that is known, or does not fit its tile.
    """
    return _parsed(clean_path(layout, record.area, record.id), record, sha256)[0]


def read_raw(layout: Layout, record: TileRecord) -> NDArray[np.uint8]:
    """Return a tile's raw label [y, x], margin included: 1 water, 0 land, 255 where no clear look was had.

    Raises:
        TileError: the file is absent, or not the one of the manifest.
    """
    raster = read_raster(label_path(layout, record.area, record.id), "run again: water-gee tiles", record.labels_sha256)
    share = raster.values[LABEL_BANDS.index("water_share")]
    return np.where(np.isnan(share), ABSTAIN, share >= WATER_SHARE).astype(np.uint8)


def is_done(layout: Layout, record: TileRecord, mark: str) -> bool:
    """Return whether a tile's clean labels are there, whole, and made of what `mark` stands for."""
    path = clean_path(layout, record.area, record.id)
    if not path.is_file():
        return False
    try:
        _, raster = _parsed(path, record, None)
    except TileError:
        return False
    return raster.tags.get(_FINGERPRINT) == mark and raster.is_whole


def _parsed(path: Path, record: TileRecord, sha256: str | None) -> tuple[CleanLabel, Raster]:
    raster = read_raster(path, ADVICE, sha256)
    side = record.size + 2 * record.margin
    if raster.names != CLEAN_BANDS or raster.values.shape[1:] != (side, side):
        raise TileError(f"{path} does not have the bands or the size of its tile; {ADVICE}")
    label, confidence, reason = raster.values
    known = np.isin(label, (LAND, WATER, ABSTAIN)) & np.isin(reason, list(Reason))
    sure = np.isnan(confidence) | ((confidence >= 0) & (confidence <= 1))
    if not (known & sure).all():
        raise TileError(f"{path} holds a label, a confidence or a reason that cannot be; {ADVICE}")
    try:
        notes = json.loads(raster.tags.get(_NOTES, "{}"))
    except ValueError as error:
        raise TileError(f"{path} is broken; {ADVICE}") from error
    return CleanLabel(label.astype(np.uint8), confidence, reason.astype(np.uint8), notes), raster

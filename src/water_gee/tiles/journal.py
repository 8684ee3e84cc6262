"""What a killed run leaves for the next: a line a finished tile, below `work/`, outside the stage's outs."""

import json
import threading
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from water_gee.errors import TileError
from water_gee.files import atomic
from water_gee.paths import Layout
from water_gee.sealed import sealed, unsealed
from water_gee.tiles.manifest import TileRecord, parse_record, read_manifest


def known_records(layout: Layout) -> dict[tuple[str, str], TileRecord]:
    """Return what earlier runs recorded, by (area, id): the manifest's rows, and the journal's after them."""
    try:
        records = read_manifest(layout)
    except TileError:  # absent, changed, or of another version: then every tile speaks for itself
        records = []
    return {(record.area, record.id): record for record in [*records, *_lines(journal_path(layout))]}


def journal_path(layout: Layout) -> Path:
    """Return where the journal lies."""
    return layout.work / "tiles.jsonl"


def _lines(path: Path) -> list[TileRecord]:
    """Return a journal's records; a line that a kill cut short, or that is not what was written, ends it."""
    records: list[TileRecord] = []
    if not path.is_file():
        return records
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            content = unsealed(json.loads(line))
            if content is None:
                break
            records.append(parse_record(content))
        except (ValueError, RecursionError):
            break
    return records


class Journal:
    """Appends records as tiles are finished, from any thread; starts with what is already known to be good."""

    def __init__(self, layout: Layout, records: Iterable[TileRecord]) -> None:
        self._path = journal_path(layout)
        with atomic(self._path) as temporary:
            temporary.write_text("".join(map(_line, records)), encoding="utf-8")
        self._file = self._path.open("a", encoding="utf-8")
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, record: TileRecord) -> None:
        """Append a record; it is in the file when this returns."""
        with self._lock:
            self._file.write(_line(record))
            self._file.flush()


def _line(record: TileRecord) -> str:
    return json.dumps(sealed(asdict(record)), sort_keys=True) + "\n"

"""Where artifacts lie, as MLflow spells it; it keeps whole paths, which here follow a root that was moved or copied."""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from water_gee.paths import Layout
from water_gee.tracking.sqlite_file import PATIENCE

_NOT_PLAIN = frozenset("%?#")  # read as parts of an address, and not as letters of a path
# Every column of MLflow that names a place of artifacts.
_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("trace_tags", "value"),
)


@dataclass(frozen=True)
class Move:
    """Where an experiment's artifacts were, and where they are now."""

    before: str  # as MLflow spells it
    after: str
    root: Path  # that was left


def spelt(path: Path) -> str:
    """Return a path as MLflow reads it: as it is, or as a URI where that would be misread."""
    whole = path.resolve()
    return whole.as_uri() if _NOT_PLAIN & set(str(whole)) else str(whole)


def follow(layout: Layout) -> list[Path]:
    """Rewrite what MLflow keeps below a root that was left; return such roots, none where nothing was moved.

    Experiments that lie elsewhere by the user's own choice, in a bucket or another folder, stay there.

    Raises:
        sqlite3.Error: the database cannot be read or written; it is then as it was.
    """
    with closing(sqlite3.connect(layout.database, timeout=PATIENCE, isolation_level=None)) as database:
        if not _moves(database, layout):
            return []
        database.execute("BEGIN IMMEDIATE")
        moves = _moves(database, layout)
        for table, column in _PLACES:
            for move in moves:
                _rewrite(database, table, column, move)
        here = layout.root.resolve()
        left = list(dict.fromkeys(move.root for move in moves if move.root != here))
        for root in left:
            _rewrite_data(database, root, here)
        database.execute("COMMIT")
    return left


def _moves(database: sqlite3.Connection, layout: Layout) -> list[Move]:
    moves = []
    for name, before in database.execute("SELECT name, artifact_location FROM experiments"):
        path = _path_of(before or "")
        if path is None or path.parent.name != layout.artifacts.name:
            continue
        after = spelt(layout.artifacts / path.name)
        # An experiment that was renamed in MLflow keeps its folder.
        own = path.name == name or (layout.artifacts / path.name).is_dir()
        if own and before != after:
            moves.append(Move(before, after, path.parent.parent))
    return moves


def _path_of(place: str) -> Path | None:
    """Return the folder on this machine that MLflow means, or None where it means none."""
    if place.startswith("/"):
        return Path(place)
    return Path(unquote(urlsplit(place).path)) if place.startswith("file:///") else None


def _rewrite(database: sqlite3.Connection, table: str, column: str, move: Move) -> None:
    database.execute(
        f"UPDATE {table} SET {column} = :after || substr({column}, length(:before) + 1) "
        f"WHERE {column} = :before OR substr({column}, 1, length(:before) + 1) = :before || '/'",
        {"before": move.before, "after": move.after},
    )


def _rewrite_data(database: sqlite3.Connection, before: Path, after: Path) -> None:
    """Let the datasets of runs lie below the new root too."""
    sources = database.execute("SELECT dataset_uuid, dataset_source FROM datasets WHERE dataset_source_type = 'local'")
    for known, source in sources.fetchall():
        content = json.loads(source)
        path = Path(str(content.get("uri", "")))
        if path.is_relative_to(before):
            moved = json.dumps({**content, "uri": str(after / path.relative_to(before))})
            database.execute("UPDATE datasets SET dataset_source = ? WHERE dataset_uuid = ?", (moved, known))

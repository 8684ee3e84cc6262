"""An sqlite file of MLflow's: its address, made whole whoever comes first, and what is wrong with it told at once."""

import fcntl
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from mlflow import MlflowClient
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy import event
from sqlalchemy.engine import URL, Engine, ExceptionContext, make_url

from water_gee.errors import WaterGeeError
from water_gee.surroundings import about

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs with a traceback what it raises

PATIENCE = 60.0  # seconds that a write waits for another process


@event.listens_for(Engine, "handle_error")
def _name_file(context: ExceptionContext) -> None:
    """Note which database an error is about: neither MLflow nor Optuna says."""
    if context.engine is not None:
        about(context.original_exception, context.engine.url.database)


def address(database: Path) -> str:
    """Return the URI of an sqlite database, whatever letters its path has.

    With the driver named, MLflow leaves the path to SQLAlchemy; it would else make a folder of the URI's spelling.

    Raises:
        WaterGeeError: the installed SQLAlchemy cannot spell the path, or it is a link to nothing.
    """
    if database.is_symlink() and not database.exists():
        raise WaterGeeError(f"{database} is a link to a file that is not there; mount its disk, or delete the link")
    path = str(database.resolve())
    uri = URL.create("sqlite+pysqlite", database=path).render_as_string()
    if make_url(uri).database != path:  # before 2.1 it cuts a path at a question mark
        raise WaterGeeError(f"{database}: SQLAlchemy cannot open a path with these letters; rename the folder")
    return uri


def make(database: Path) -> None:
    """Make the database where there is none: whole, since MLflow never mends one whose tables are half made."""
    if database.is_symlink() or (database.exists() and database.stat().st_size):
        return
    with tempfile.TemporaryDirectory(prefix=".mlflow-", dir=database.parent) as folder:
        begun = Path(folder) / database.name
        uri = address(begun)
        try:
            MlflowClient(uri, uri).search_experiments(max_results=1)  # makes the tables
        finally:
            if engine := SqlAlchemyStore._engine_map.pop(uri, None):
                engine.dispose()
        os.replace(begun, database)


def try_out(database: Path) -> None:
    """Raise at once what is wrong with a file: MLflow would try for minutes."""
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


@contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Hold a lock of a folder between processes: two that make the tables at once break each other."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

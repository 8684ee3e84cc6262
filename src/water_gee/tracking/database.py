"""The MLflow database below `paths.root`: made once, whoever comes first, and free of runs that never end."""

import fcntl
import logging
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.progress import say
from water_gee.runs import FINISHED, KILLED, RUNNING, all_runs, is_gone, write_record
from water_gee.surroundings import about, from_outside
from water_gee.tracking.moved_root import PATIENCE, follow, spelt

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
logging.getLogger("alembic").setLevel(logging.WARNING)

from mlflow import MlflowClient  # noqa: E402 - it reads the environment when it is imported
from mlflow.exceptions import MlflowException  # noqa: E402
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore  # noqa: E402
from mlflow.tracking._tracking_service import utils as mlflow_utils  # noqa: E402
from sqlalchemy import event  # noqa: E402
from sqlalchemy.engine import URL, Engine, ExceptionContext, make_url  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.WARNING)
logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)  # it logs with a traceback what it raises

PROCESS_TAG = "water_gee.process"


@event.listens_for(Engine, "handle_error")
def _name_file(context: ExceptionContext) -> None:
    """Note which database an error is about: neither MLflow nor Optuna says."""
    if context.engine is not None:
        about(context.original_exception, context.engine.url.database)


_OPENS_AS_TRAINING = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow 3 opens it as a chat's traces


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


def connect(layout: Layout) -> MlflowClient:
    """Return a client of the database, which is made where there is none.

    Of a root that was moved or copied, the artifacts' places follow it: nothing is read from or written to the old one.

    Raises:
        WaterGeeError: the file is not a database of this MLflow, or cannot be written.
    """
    uri = address(layout.database)
    with _one_at_a_time(layout):
        try:
            _make(layout.database)
            _try(layout.database)
            client = MlflowClient(uri, uri)
            client.search_experiments(max_results=1)
            left = follow(layout)
            mlflow_utils._artifact_repos_cache.clear()  # it knows runs by id alone, and a copied root has the same
        except (MlflowException, SQLAlchemyError, sqlite3.Error) as error:
            about(error, layout.database)
            told = f"{layout.database} does not open ({str(error).splitlines()[0]}); move it away, or if an older"
            raise WaterGeeError(from_outside(error) or f"{told} MLflow wrote it: mlflow db upgrade '{uri}'") from error
    if left:
        say(f"MLflow's artifacts have moved with {layout.root}; before, they were below {', '.join(map(str, left))}")
    return client


def _make(database: Path) -> None:
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


def _try(database: Path) -> None:
    """Raise at once what is wrong with a file: MLflow would try for minutes."""
    with closing(sqlite3.connect(database, timeout=PATIENCE, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("ROLLBACK")


def experiment(client: MlflowClient, layout: Layout, study: str) -> str:
    """Return the id of a study's experiment, which is made where there is none."""
    with _one_at_a_time(layout):
        found = client.get_experiment_by_name(study)
        if found is None:
            place = spelt(layout.artifacts / study)
            made: str = client.create_experiment(study, artifact_location=place, tags=_OPENS_AS_TRAINING)
            return made
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def known_experiment(client: MlflowClient, study: str) -> str | None:
    """Return the id of a study's experiment, or None where it has none that is not deleted; nothing is made."""
    found = client.get_experiment_by_name(study)
    return str(found.experiment_id) if found and found.lifecycle_stage == "active" else None


def end_dead_runs(client: MlflowClient, experiment_id: str, layout: Layout) -> None:
    """Mark as killed what claims to run though its process, of this host, is gone: in its folder and in MLflow.

    What its folder knows to be finished is so in MLflow too.
    """
    ended = {}
    for folder, record in all_runs(layout):
        if record.status == RUNNING and is_gone(record.process):
            write_record(folder, replace(record, status=KILLED))
        ended[record.run_id] = record.status
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        if is_gone(run.data.tags.get(PROCESS_TAG, "")):
            finished = ended.get(run.info.run_id) == FINISHED
            client.set_terminated(run.info.run_id, FINISHED if finished else KILLED)


@contextmanager
def _one_at_a_time(layout: Layout) -> Iterator[None]:
    """Hold a lock between processes: two that make the tables at once break each other."""
    layout.artifacts.mkdir(parents=True, exist_ok=True)
    with (layout.artifacts / ".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

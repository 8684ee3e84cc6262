"""A team's MLflow, which the variable MLFLOW_TRACKING_URI names: reached soon or not at all, and shared with others."""

import getpass
import os
import re
import sqlite3
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from requests import RequestException
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from water_gee.errors import WaterGeeError
from water_gee.paths import TRACKING, Layout, team_server
from water_gee.surroundings import from_outside
from water_gee.tracking.moved_root import spelt
from water_gee.tracking.sqlite_file import address, make, one_at_a_time, try_out

_USER, _ROOT = "mlflow.user", "water_gee.root"
_LOCAL = f"or unset {TRACKING} to keep the runs below paths.root"
_REFUSED = re.compile(r"\b(401|403)\b|UNAUTHENTICATED|PERMISSION_DENIED|[Uu]nauthori[sz]ed|not authenticated")


def connect_to_team(uri: str) -> MlflowClient:
    """Return a client of the MLflow at an address: a server, a database, whatever MLflow itself takes.

    Raises:
        WaterGeeError: it does not answer, refuses the user, or is nothing that MLflow knows.
    """
    read = as_mlflow_reads(uri)
    try:
        if database := _file_of(uri):
            os.stat(database.parent)  # of a mistyped address no folder is made
            with one_at_a_time(database.parent):
                make(database)
                try_out(database)
        client = MlflowClient(read)
        client.search_experiments(max_results=1)
    except (MlflowException, RequestException, SQLAlchemyError, sqlite3.Error, OSError, ImportError) as error:
        raise WaterGeeError(f"{TRACKING}={shown(uri)}: {_reason(error)}") from error
    return client


def as_mlflow_reads(uri: str) -> str:
    """Return a team's address so that MLflow finds an sqlite file and makes no folder of the address's spelling.

    Raises:
        WaterGeeError: a question mark cuts the file's path.
    """
    database, query = _file_of(uri), uri.partition("?")[2]
    if database and "/" in query:
        raise WaterGeeError(f"{TRACKING}={uri}: a path ends at a question mark; write %3F for one in a folder's name")
    return address(database) if database and not query else uri


def artifacts_of(uri: str, study: str) -> str | None:
    """Return where artifacts of a study lie: beside an sqlite database, else where MLflow's server says (None)."""
    database = _file_of(uri)
    return spelt(database.parent / "mlartifacts" / study) if database else None


def _file_of(uri: str) -> Path | None:
    name = make_url(uri).database if uri.startswith("sqlite") else None
    return Path(name).absolute() if name else None


def _reason(error: Exception) -> str:
    line = next(iter(str(error).strip().splitlines()), type(error).__name__)
    told = re.split(r"(?<=\.) ", line)[0].rstrip(".")  # the rest is advice for those who keep the server
    if _REFUSED.search(told):
        return (
            "it refuses you; set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, "
            f"{_LOCAL}"
        )
    if isinstance(error, RequestException) or "API request to" in told:
        cause = re.search(r"error code \d+|timed out|Connection refused|Name or service not known|SSL\w*", told)
        return (
            f"no MLflow answers there ({cause[0] if cause else told[:200]}); start the server, correct the address, "
            f"{_LOCAL}"
        )
    return f"{from_outside(error) or told[:300]}; mend that, {_LOCAL}"


def shown(uri: str) -> str:
    """Return an address as it may be printed: without the password that it may hold."""
    parts = urlsplit(uri)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"***@{host}")) if "@" in parts.netloc else uri


def is_server(uri: str) -> bool:
    """Return whether an address is of a server, which shows its own page, and may be away; of a database it is not."""
    return uri.startswith(("http://", "https://"))


def user() -> str:
    """Return who runs this process, as the system names them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's number without a name
        return str(os.getuid())


def whose(layout: Layout) -> dict[str, str]:
    """Return the tags that say who began a run, and below which root."""
    return {_USER: user(), _ROOT: str(layout.root.resolve())}


def is_ours(run: Run, layout: Layout) -> bool:
    """Return whether a run was begun by this user below this root; every run of a root's own database is."""
    return not team_server() or whose(layout).items() <= run.data.tags.items()

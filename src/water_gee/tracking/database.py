"""The MLflow database below `paths.root`: made once, whoever comes first, and free of runs that never end."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.tracking.folders import KILLED
from water_gee.tracking.lineage import is_gone

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
logging.getLogger("alembic").setLevel(logging.WARNING)

from mlflow import MlflowClient  # noqa: E402 - it reads the environment when it is imported
from mlflow.exceptions import MlflowException  # noqa: E402
from sqlalchemy.exc import SQLAlchemyError  # noqa: E402

logging.getLogger("mlflow").setLevel(logging.WARNING)

PROCESS_TAG = "water_gee.process"
_OPENS_AS_TRAINING = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow 3 opens it as a chat's traces


def address(layout: Layout) -> str:
    """Return the tracking URI."""
    return f"sqlite:///{layout.database.resolve()}"


def connect(layout: Layout) -> MlflowClient:
    """Return a client of the database, which is made where there is none.

    Raises:
        WaterGeeError: the file is not a database of this MLflow.
    """
    with _one_at_a_time(layout):
        try:
            client = MlflowClient(address(layout), address(layout))
            client.search_experiments(max_results=1)  # makes the tables
        except (MlflowException, SQLAlchemyError) as error:
            raise WaterGeeError(
                f"{layout.database} does not open ({str(error).splitlines()[0]}); move it away, or if an older MLflow "
                f"wrote it: mlflow db upgrade {address(layout)}"
            ) from error
    return client


def experiment(client: MlflowClient, layout: Layout, study: str) -> str:
    """Return the id of a study's experiment, which is made where there is none."""
    with _one_at_a_time(layout):
        found = client.get_experiment_by_name(study)
        if found is None:
            location = str(layout.artifacts.resolve() / study)
            made: str = client.create_experiment(study, artifact_location=location, tags=_OPENS_AS_TRAINING)
            return made
        if found.lifecycle_stage == "deleted":
            client.restore_experiment(found.experiment_id)
        return str(found.experiment_id)


def known_experiment(client: MlflowClient, study: str) -> str | None:
    """Return the id of a study's experiment, or None where it has none that is not deleted; nothing is made."""
    found = client.get_experiment_by_name(study)
    return str(found.experiment_id) if found and found.lifecycle_stage == "active" else None


def end_dead_runs(client: MlflowClient, experiment_id: str) -> None:
    """Mark as killed what claims to run though its process, of this host, is gone."""
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        if is_gone(run.data.tags.get(PROCESS_TAG, "")):
            client.set_terminated(run.info.run_id, KILLED)


@contextmanager
def _one_at_a_time(layout: Layout) -> Iterator[None]:
    """Hold a lock between processes: two that make the tables at once break each other."""
    layout.artifacts.mkdir(parents=True, exist_ok=True)
    with (layout.artifacts / ".lock").open("w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

"""The MLflow that keeps the runs: a database below `paths.root`, or a team's."""

import sqlite3

from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from mlflow.tracking._tracking_service import utils as mlflow_utils
from sqlalchemy.exc import SQLAlchemyError

from water_gee.errors import WaterGeeError
from water_gee.paths import Layout, team_server
from water_gee.progress import say
from water_gee.surroundings import about, from_outside
from water_gee.tracking.moved_root import follow, spelt
from water_gee.tracking.sqlite_file import address, make, one_at_a_time, try_out
from water_gee.tracking.team import artifacts_of, connect_to_team

PROCESS_TAG = "water_gee.process"
_OPENS_AS_TRAINING = {"mlflow.experimentKind": "custom_model_development"}  # else MLflow 3 opens it as a chat's traces


def connect(layout: Layout) -> MlflowClient:
    """Return a client of the team's MLflow, where MLFLOW_TRACKING_URI names one, else of the root's own database.

    The latter is made where there is none. Of a root that was moved or copied, the artifacts' places follow it:
    nothing is read from or written to the old one.

    Raises:
        WaterGeeError: the file is not a database of this MLflow, or cannot be written; or the team's does not answer.
    """
    if team := team_server():
        return connect_to_team(team)
    uri = address(layout.database)
    with one_at_a_time(layout.artifacts):
        try:
            make(layout.database)
            try_out(layout.database)
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


def experiment(client: MlflowClient, layout: Layout, study: str) -> str:
    """Return the id of a study's experiment, which is made where there is none.

    A team's server decides itself where its artifacts lie; of a team's database they lie beside it.
    """
    if team := team_server():
        return _experiment(client, study, artifacts_of(team, study))
    with one_at_a_time(layout.artifacts):
        return _experiment(client, study, spelt(layout.artifacts / study))


def _experiment(client: MlflowClient, study: str, place: str | None) -> str:
    found = client.get_experiment_by_name(study)
    if found is None:
        try:
            made: str = client.create_experiment(study, artifact_location=place, tags=_OPENS_AS_TRAINING)
            return made
        except MlflowException as error:
            found = client.get_experiment_by_name(study)
            if error.error_code != "RESOURCE_ALREADY_EXISTS" or found is None:  # else another client was first
                raise
    if found.lifecycle_stage == "deleted":
        client.restore_experiment(found.experiment_id)
    return str(found.experiment_id)


def known_experiment(client: MlflowClient, study: str) -> str | None:
    """Return the id of a study's experiment, or None where it has none that is not deleted; nothing is made."""
    found = client.get_experiment_by_name(study)
    return str(found.experiment_id) if found and found.lifecycle_stage == "active" else None

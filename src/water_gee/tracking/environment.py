"""What MLflow finds in the environment: no telemetry, and less patience with a server; what the user set there holds.

Its own patience, seven retries with growing pauses, each up to two minutes long, would have a user wait for minutes.
"""

import logging
import os

_WANTED = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "15",
}

for _name, _value in _WANTED.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it warns of each retry

"""What MLflow finds in the environment: no telemetry, and less patience with a server; what the user set there holds.

Its own patience, seven retries with growing pauses, each up to two minutes long, would have a user wait for minutes.
A server on this machine is never looked for behind a proxy, which is another machine.
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

_HERE = ("127.0.0.1", "localhost", "::1")


def _without_proxy(known: str) -> str:
    """Return a list of hosts that no proxy stands before, with this machine's own names."""
    hosts = [host for host in (one.strip() for one in known.split(",")) if host]
    return ",".join(hosts if "*" in hosts else [*hosts, *(host for host in _HERE if host not in hosts)])


# Of the two spellings the libraries read the small one first.
_direct = _without_proxy(os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "")
os.environ.update({"no_proxy": _direct, "NO_PROXY": _direct})
for _name, _value in _WANTED.items():
    os.environ.setdefault(_name, _value)
logging.getLogger("alembic").setLevel(logging.WARNING)
logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)  # it warns of each retry

"""How busy processor, memory, disk, network and GPU are while a run trains, every ten seconds, by MLflow's means."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from mlflow import MlflowClient
from mlflow.environment_variables import MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

logging.getLogger("mlflow.system_metrics").setLevel(logging.CRITICAL)  # a server that is away is told elsewhere


@contextmanager
def system_metrics(client: MlflowClient, run_id: str) -> Iterator[None]:
    """Log them for as long as the block takes; MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING=false switches that off."""
    wanted = MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING
    if wanted.is_set() and not wanted.get():  # MLflow's own default is off
        yield
        return
    monitor = SystemMetricsMonitor(run_id, resume_logging=True, tracking_uri=client.tracking_uri)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()

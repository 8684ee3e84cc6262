"""A run's accuracy on the test area, beside its validation: it is shown, and chooses nothing."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mlflow import MlflowClient

from water_gee.errors import WaterGeeError
from water_gee.evaluation import EvaluationArea
from water_gee.progress import say
from water_gee.report import RunAssessment
from water_gee.tracking import log_data, log_metrics

# Takes the test area, a checkpoint and a folder for figures; returns None where there is nothing to test against.
AssessRun = Callable[[EvaluationArea, Path, Path], RunAssessment | None]


def log_test(
    client: MlflowClient, run_id: str, area: EvaluationArea, checkpoint: Path, model: str | None, test: AssessRun
) -> None:
    """Test a checkpoint and log metrics `test/<reference>/<name>`, figures and references.

    What cannot be tested is said and tagged; the training is not lost for it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        try:
            tested = test(area, checkpoint, Path(scratch))
        except WaterGeeError as error:
            say(f"not tested: {error}")
            client.set_tag(run_id, "not_tested", str(error)[:500])
            return
        if tested is None:
            return
        log_data(client, run_id, tested.data)
        for name, metrics in tested.metrics.items():
            log_metrics(client, run_id, f"test/{name}", metrics, model=model)
        client.log_artifacts(run_id, scratch, "test")
    told = ", ".join(f"{name} {metrics['iou']:.4f}" for name, metrics in tested.metrics.items())
    say(f"test IoU by reference: {told}")

"""The trained network as a logged model of MLflow: signature, example, checkpoint; `mlflow models` can serve it."""

import logging
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import mlflow
import numpy as np
from mlflow import MlflowClient
from mlflow.entities import LoggedModelOutput, Run
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec

from water_gee.config.target import is_installed, sources
from water_gee.models import TrainedModel
from water_gee.tracking.moved_root import spelt

_CODE = Path(__file__).with_name("served_model.py")
_EXAMPLES, _BEYOND = 2, 4  # inputs in the example; pixels a side more than the neighbourhood


def log_model(client: MlflowClient, run: Run, checkpoint: Path, model: TrainedModel) -> str:
    """Log a checkpoint as the model of a run, and return the model's id."""
    info = run.info
    params = {name: value for name, value in run.data.params.items() if name in ("model", "features", "seed", "lr")}
    made = client.create_logged_model(
        info.experiment_id, name=model.kind, source_run_id=info.run_id, params=params, model_type=model.kind,
        tags={"run": info.run_name},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        save(folder, checkpoint, model)
        client.log_model_artifacts(made.model_id, str(folder))
    client.finalize_logged_model(made.model_id, "READY")
    client.log_outputs(info.run_id, [LoggedModelOutput(made.model_id, 0)])
    return str(made.model_id)


def model_of(run: Run) -> str | None:
    """Return the id of the model that a run logged, the latest; None where it logged none."""
    outputs = run.outputs.model_outputs if run.outputs else []
    return str(outputs[-1].model_id) if outputs else None


def save(folder: Path, checkpoint: Path, model: TrainedModel) -> None:
    """Write a checkpoint to `folder` in MLflow's format."""
    bands, side = len(model.features), 2 * model.network.radius + _BEYOND
    random = np.random.default_rng(0)
    example = random.uniform(0.0, 0.4, (_EXAMPLES, bands, side, side)).astype(np.float32)
    signature = ModelSignature(
        Schema([TensorSpec(np.dtype(np.float32), (-1, bands, -1, -1))]),
        Schema([TensorSpec(np.dtype(np.float32), (-1, -1, -1))]),
    )
    own = model.own.target if model.own else ""
    logging.getLogger("mlflow").setLevel(logging.WARNING)
    # The signature is given; MLflow would rather infer it from type hints, and warns whatever the filters say.
    with warnings.catch_warnings(record=True), _code_of(own) as code:
        mlflow.pyfunc.save_model(
            str(folder), python_model=str(_CODE), artifacts={"checkpoint": spelt(checkpoint)},
            signature=signature, input_example=example, pip_requirements=[f"water-gee=={version('water-gee')}"],
            metadata={"features": list(model.features), "threshold": model.threshold, "kind": model.kind},
            model_config={"own": own} if own else None, code_paths=code or None,
        )  # fmt: skip


@contextmanager
def _code_of(own: str) -> Iterator[list[str]]:
    """Yield the top folders and files of a copy of a user's class' source files, less those of installed packages."""
    with tempfile.TemporaryDirectory() as scratch:
        for module, path in sources(own).items() if own else ():
            if not is_installed(path):
                parts = module.split(".")
                file = [*parts, path.name] if path.name == "__init__.py" else [*parts[:-1], path.name]
                copy = Path(scratch, *file)
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, copy)
        yield sorted(str(one) for one in Path(scratch).iterdir())

"""A trained network as MLflow serves it; this file goes into the logged model, with the checkpoint beside it.

It is code and a checkpoint of plain tensors: nothing is unpickled where it is loaded.
"""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from numpy.typing import NDArray


class WaterModel(mlflow.pyfunc.PythonModel):  # type: ignore[misc]  # MLflow is untyped to mypy here
    """Maps raw features [n, band, y + 2r, x + 2r], NaN where masked, to the probability of water [n, y, x]."""

    def load_context(self, context: Any) -> None:
        """Read the checkpoint."""
        from water_gee.models import load_checkpoint

        own = str((context.model_config or {}).get("own", ""))  # a user's class, whose code lies in the model too
        self.model = load_checkpoint(Path(context.artifacts["checkpoint"]), own=own)

    def predict(self, context: Any, model_input: Any, params: Any = None) -> NDArray[np.float32]:
        """Return the probability [n, y, x] float32; NaN where the pixel itself is masked."""
        from water_gee.models import predict

        return np.stack([predict(self.model, features) for features in np.asarray(model_input, dtype=np.float32)])


mlflow.models.set_model(WaterModel())

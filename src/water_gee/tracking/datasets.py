"""The data of a run as MLflow datasets."""

import json
from collections.abc import Sequence

from mlflow import MlflowClient
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag
from tenacity import Retrying, retry_if_exception, stop_after_attempt

from water_gee.runs import Dataset

_LONGEST = 36  # characters of a digest that MLflow keeps: an MD5 and DVC's `.dir`


def log_data(client: MlflowClient, run_id: str, data: Sequence[Dataset]) -> None:
    """Log the datasets of a run.

    MLflow looks whether a dataset is known and then adds it: of two processes that do so at once, one fails, and
    finds it known when it asks again.
    """
    inputs = [_as_input(one) for one in data]
    again = Retrying(retry=retry_if_exception(_another_was_first), stop=stop_after_attempt(3), reraise=True)
    again(client.log_inputs, run_id, inputs)


def _as_input(one: Dataset) -> DatasetInput:
    columns = [{"type": "float", "name": band, "required": True} for band in one.bands]
    dataset = MlflowDataset(
        name=one.name, digest=one.digest[:_LONGEST], source_type="local",
        source=json.dumps({"uri": one.source}), schema=json.dumps({"mlflow_colspec": columns}),
        profile=json.dumps(dict(one.profile)),
    )  # fmt: skip
    return DatasetInput(dataset, [InputTag("mlflow.data.context", one.context)])


def _another_was_first(error: BaseException) -> bool:
    return "UNIQUE" in str(error).upper()

"""The data of a run as MLflow datasets, each with the hash by which DVC knows the same folder."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tenacity import Retrying, retry_if_exception, stop_after_attempt

from water_gee.config.settings import Settings
from water_gee.paths import Layout
from water_gee.tiles import LABEL_BANDS

_LONGEST = 36  # characters of a digest that MLflow keeps: an MD5 and DVC's `.dir`
_CLEAN_BANDS = ("label", "confidence", "reason")


@dataclass(frozen=True)
class Known:
    """Data that a run has used: what it is called, its hash, where it lies, and what for."""

    name: str
    digest: str
    source: str
    context: str  # training, labels or test
    bands: Sequence[str] = ()
    profile: Mapping[str, Any] = field(default_factory=dict)

    def as_input(self) -> Any:
        """Return it as MLflow takes it."""
        from mlflow.entities import Dataset, DatasetInput, InputTag  # takes seconds

        columns = [{"type": "float", "name": band, "required": True} for band in self.bands]
        dataset = Dataset(
            name=self.name, digest=self.digest[:_LONGEST], source_type="local",
            source=json.dumps({"uri": self.source}), schema=json.dumps({"mlflow_colspec": columns}),
            profile=json.dumps(dict(self.profile)),
        )  # fmt: skip
        return DatasetInput(dataset, [InputTag("mlflow.data.context", self.context)])


@dataclass(frozen=True)
class Verdict:
    """What the references say of a model."""

    metrics: Mapping[str, Mapping[str, float | int]]  # by reference, the primary one first
    data: Sequence[Known]  # the references, as datasets


# The rooms that judge come after this one, so they hand their function in. It is given the settings, a checkpoint and
# a folder for figures; it returns None where the study has nothing to test against.
JudgeRun = Callable[[Settings, Path, Path], Verdict | None]


def used(layout: Layout, hashes: Mapping[str, str], features: Sequence[str], profile: Mapping[str, Any]) -> list[Known]:
    """Return the tiles and the clean labels below a root, with their hashes by path."""
    return [
        Known("data/tiles", hashes["data/tiles"], str(layout.tiles), "training", [*features, *LABEL_BANDS], profile),
        Known("data/clean", hashes["data/clean"], str(layout.clean), "labels", _CLEAN_BANDS, profile),
    ]


def log_used(client: Any, run_id: str, data: Sequence[Known]) -> None:
    """Log the datasets of a run.

    MLflow looks whether a dataset is known and then adds it: of two processes that do so at once, one fails, and
    finds it known when it asks again.
    """
    inputs = [one.as_input() for one in data]
    again = Retrying(retry=retry_if_exception(_another_was_first), stop=stop_after_attempt(3), reraise=True)
    again(client.log_inputs, run_id, inputs)


def _another_was_first(error: BaseException) -> bool:
    return "UNIQUE" in str(error).upper()

"""`dvc.yaml`, as it follows from what the stages read (`reads`): `make pipeline` writes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from water_gee.config.compose import CHOICES, compose, repository
from water_gee.config.target import TARGET, project_files
from water_gee.reads import COMPOSED, STAGES, Stage, rooms_of
from water_gee.surroundings import in_one_line

_HEAD = """\
# dvc repro: tiles > denoise > train > select > export > predict > bodies > evaluate > catalogue.
# Made of src/water_gee/reads.py by `make pipeline`: what a stage reads is declared there, and not here.
# The choices are in params.yaml. `configure` composes them with conf/, inheritance and all, into composed.yaml, whose
# keys the stages name: a stage runs again when a value that it reads has changed, wherever that value comes from.
"""
_PLOTS = """
plots:
  - Training:
      x: {models/curves.csv: epoch}
      y: {models/curves.csv: [train_loss, valid_loss]}
      y_label: loss
  - Validation IoU:
      x: {models/curves.csv: epoch}
      y: {models/curves.csv: valid_iou}
  - Precision and recall:
      x: {reports/plots/precision_recall.csv: recall}
      y: {reports/plots/precision_recall.csv: precision}
      template: simple
  - reports/plots/confusion.csv:
      title: Confusion of the model, in ten-thousandths of the pixels
      template: confusion
      x: actual
      y: predicted
"""


def render(own: Sequence[str] = ()) -> str:
    """Return the content of `dvc.yaml`; `own` are the source files of a network of the user's own."""
    configure = {
        "cmd": "water-gee configure",
        "deps": ["conf", "src/water_gee/config", "src/water_gee/reads.py", *own],
        "params": list(CHOICES),
        "outs": [{COMPOSED: {"persist": True}}],
    }
    stages = {"configure": configure, **{name: _stage(name, stage) for name, stage in STAGES.items()}}
    return _HEAD + yaml.safe_dump({"stages": stages}, sort_keys=False, width=120) + _PLOTS


def _stage(name: str, stage: Stage) -> dict[str, Any]:
    content: dict[str, Any] = {
        "cmd": stage.command,
        "deps": [*stage.data, *stage.files, *rooms_of(name)],
        "params": [{COMPOSED: list(dict.fromkeys(stage.keys))}],
    }
    if stage.metrics:
        content["metrics"] = [{path: {"persist": True}} for path in stage.metrics]
    content["outs"] = [{path: {"persist": True}} for path in stage.outs]
    return content


def current() -> str:
    """Return the content of `dvc.yaml` for the model that `params.yaml` names.

    Raises:
        ConfigError: it is a network of the user's own, whose class is not there.
    """
    target = compose().model.get(TARGET)
    return render(project_files(target) if target else ())


if __name__ == "__main__":
    with in_one_line("water_gee.pipeline", "interrupted; run again: make pipeline"):
        Path(repository() / "dvc.yaml").write_text(current(), encoding="utf-8")

"""`dvc.yaml`, as it follows from what the stages read (`reads`): `make pipeline` writes it."""

from pathlib import Path
from typing import Any

import yaml

from water_gee.config.compose import CHOICES
from water_gee.reads import COMPOSED, STAGES, Stage, rooms_of

_HEAD = """\
# dvc repro: tiles > denoise > train > select > export > predict > evaluate.
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


def render() -> str:
    """Return the content of `dvc.yaml`."""
    configure = {
        "cmd": "water-gee configure",
        "deps": ["conf", "src/water_gee/config", "src/water_gee/reads.py"],
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


if __name__ == "__main__":
    from water_gee.config.compose import repository

    Path(repository() / "dvc.yaml").write_text(render(), encoding="utf-8")

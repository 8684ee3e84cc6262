"""`dvc.yaml`, as it follows from what the stages read (`reads`): `make pipeline` writes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from water_gee.config.compose import CHOICES, compose, repository
from water_gee.config.configure import ALWAYS, looked_for, stages_with_files
from water_gee.config.settings import load
from water_gee.config.target import TARGET, project_files
from water_gee.reads import COMPOSED, FILES, STAGES, Stage, rooms_of
from water_gee.surroundings import in_one_line

_HEAD = """\
# dvc repro: tiles > denoise > train > select > export > predict > bodies > evaluate > catalogue.
# Made of src/water_gee/reads.py by `make pipeline`: what a stage reads is declared there, and not here.
# The choices are in params.yaml. `configure` composes them with conf/, inheritance and all, into composed.yaml, whose
# keys the stages name: a stage runs again when a value that it reads has changed, wherever that value comes from, or
# the content of a file that the configuration names. Where such files lie outside of data/raw and conf, `configure`
# looks at them each time, and writes here that it is to (always_changed).
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


def render(own: Sequence[str] = (), *, always: bool = False) -> str:
    """Return the content of `dvc.yaml`.

    Args:
        own: the source files of a network of the user's own.
        always: `configure` is run each time, since the configuration names files that no dependency holds.
    """
    configure: dict[str, Any] = {
        "cmd": "water-gee configure",
        "deps": ["conf", "src/water_gee/config", "src/water_gee/reads.py", *own],
        "params": list(CHOICES),
        "outs": [{COMPOSED: {"persist": True}}],
    }
    if always:
        configure[ALWAYS] = True
    stages = {"configure": configure, **{name: _stage(name, stage) for name, stage in STAGES.items()}}
    return _HEAD + yaml.safe_dump({"stages": stages}, sort_keys=False, width=120) + _PLOTS


def _stage(name: str, stage: Stage) -> dict[str, Any]:
    files = [f"{FILES}.{name}"] if name in stages_with_files() else []
    content: dict[str, Any] = {
        "cmd": stage.command,
        "deps": [*stage.data, *stage.files, *rooms_of(name)],
        "params": [{COMPOSED: [*dict.fromkeys(stage.keys), *files]}],
    }
    if stage.metrics:
        content["metrics"] = [{path: {"persist": True}} for path in stage.metrics]
    content["outs"] = [{path: {"persist": True}} for path in stage.outs]
    return content


def current() -> str:
    """Return the content of `dvc.yaml` for the model, and the files, that the choices of `params.yaml` name.

    Raises:
        ConfigError: the choices are wrong, or a network of the user's own has a class that is not there.
    """
    composed = compose()
    target = composed.model.get(TARGET)
    return render(project_files(target) if target else (), always=bool(looked_for(load(composed))))


if __name__ == "__main__":
    with in_one_line("water_gee.pipeline", "interrupted; run again: make pipeline"):
        Path(repository() / "dvc.yaml").write_text(current(), encoding="utf-8")

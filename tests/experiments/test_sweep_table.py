"""The table of a sweep prints every choice as it was typed, and never cuts a number."""

import io
import shlex

import pytest
from mlflow.entities import Metric, Run, RunData, RunInfo, RunTag
from rich.console import Console

from water_gee.experiments.sweep_table import print_summary
from water_gee.runs.records import FINISHED


def run(choice: str, name: str) -> Run:
    metrics = [Metric(key, 0.9123, 0, 0) for key in ("valid/iou", "valid/f1", "valid/precision", "valid/recall")]
    info = RunInfo(name, "0", "", FINISHED, 0, 0, "active", run_name=name)
    overrides = shlex.join([f"features.names={choice}", "model=mlp"])
    return Run(info, RunData(metrics, tags=[RunTag("overrides", overrides)]))


@pytest.mark.parametrize("width", [40, 100, 200])
def test_a_choice_in_brackets_is_no_markup(width) -> None:
    text = io.StringIO()
    keys = ["features.names", "model"]
    print_summary([run("[red, green]", "a"), run("[nir]", "b")], 2, keys, Console(file=text, width=width))
    for part in ("[red, green]", "[nir]", "0.9123", "mlp"):
        assert part in text.getvalue()


def test_a_long_choice_is_folded_before_a_number_is(capsys) -> None:
    text = io.StringIO()
    choice = f"[{','.join(['swir1'] * 40)}]"
    print_summary([run(choice, "/runs/[red]" + "x" * 300)], 1, ["features.names"], Console(file=text, width=40))
    assert "0.9123" in text.getvalue() and FINISHED in text.getvalue()
    assert f"best: /runs/[red]{'x' * 300}, in runs/-" in capsys.readouterr().err.splitlines()

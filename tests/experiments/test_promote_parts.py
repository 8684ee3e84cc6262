"""What promote rests on: the paired difference of two runs, and the one line of `params.yaml` that it writes."""

import numpy as np
import pytest
import yaml

from water_gee.accuracy import Confusion
from water_gee.errors import ConfigError
from water_gee.experiments import promote
from water_gee.files import write_json
from water_gee.runs.difference import paired_difference, tile_counts


def test_the_paired_difference_is_that_of_the_summed_counts(tmp_path):
    random = np.random.default_rng(3)
    runs = []
    for name in ("a", "b"):
        tp = random.integers(500, 1000, 6)
        tiles = {
            str(n): {"tp": int(t), "fp": int(t) // 9, "fn": 1000 - int(t), "tn": 2000 - int(t) // 9}
            for n, t in enumerate(tp)
        }
        write_json(tmp_path / name / "validation_tiles.json", tiles)
        runs.append(tile_counts(tmp_path / name))
    found = paired_difference(*runs)
    whole = [sum((Confusion(*row) for row in run.values()), Confusion()).iou for run in runs]
    assert found.value == pytest.approx(whole[0] - whole[1])
    assert found.low <= found.value <= found.high and found.tiles == 6
    assert paired_difference(*runs) == found, "the same draw each time"
    assert paired_difference(*reversed(runs)).low == pytest.approx(-found.high)
    assert paired_difference({"0": runs[0]["0"]}, {"0": runs[1]["0"]}) is None
    assert tile_counts(tmp_path) == {}


@pytest.mark.parametrize("value", ["", " ", " 0123abcd", ' "77"', "   run-name  "])
@pytest.mark.parametrize("comment", ["", "   # what: it is"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_only_the_runs_line_of_params_changes(tmp_path, value, comment, ending):
    path = tmp_path / "params.yaml"
    lines = ["# choices", "study: sample   # a file", f"run:{value}{comment}", "  # run: not this", "model: mlp", ""]
    path.write_bytes(ending.join(lines).encode())
    for run_id in ("a" * 32, "1" * 32):
        path.write_bytes(promote.with_run(path, run_id).encode())
        after = path.read_bytes().decode().split(ending)
        assert yaml.safe_load(path.read_text(encoding="utf-8"))["run"] == run_id
        assert after[:2] + after[3:] == lines[:2] + lines[3:] and after[2].endswith(comment.strip())
    assert list(tmp_path.iterdir()) == [path]


def test_params_without_such_a_line_are_left_alone(tmp_path):
    path = tmp_path / "params.yaml"
    path.write_text("{study: sample, run: x}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="no line of its own for the run"):
        promote.with_run(path, "abc")
    assert path.read_text(encoding="utf-8") == "{study: sample, run: x}\n"

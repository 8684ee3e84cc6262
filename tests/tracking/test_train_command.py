"""`python train.py` as a user runs it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from labelled import QUICK, write_labelled_tiles
from water_gee.tracking.folders import FAILED, FINISHED, KILLED, RUNNING, all_runs

TRAIN = Path(__file__).resolve().parents[2] / "train.py"
QUICKER = (*QUICK, "trainer.epochs=2")


def start(*arguments, **options):
    return subprocess.Popen(
        [sys.executable, str(TRAIN), *arguments], cwd=TRAIN.parent, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "COLUMNS": "200"}, **options,
    )  # fmt: skip


def command(*arguments):
    process = start(*arguments)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def statuses(layout):
    from water_gee.tracking.database import connect

    client = connect(layout)
    runs = client.search_runs([one.experiment_id for one in client.search_experiments()])
    return {run.info.run_name: (run.info.status, run.data.tags.get("mlflow.parentRunId")) for run in runs}


@pytest.mark.parametrize("arguments", [("model=pixelcnn",), ("-m", "model=pixelcnn,mlp", "seed=0,1")])
def test_the_first_command_of_a_fresh_clone_says_in_one_line_what_to_run_first(tmp_path, arguments):
    code, out, err = command(*arguments, f"paths.root={tmp_path}")
    assert code == 1 and out == ""
    assert err.count("\n") == 1 and "run first: water-gee tiles" in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("model=pixelcn",), "did you mean pixelcnn?"),
        (("trainer.epoch=3",), "trainer.epochs"),
        (("-m", "model=mlp,pixelcn"), "did you mean pixelcnn?"),
        (("-m", "seed=0,1", "model.lr=fast"), "model.lr"),
        (("-m", "seed=[0", "model=mlp"), "key=value"),
        (("ckpt=first",), "ckpt"),
    ],
)
def test_a_mistake_is_one_line_that_names_the_key(tmp_path, arguments, told):
    code, _, err = command(*arguments, f"paths.root={tmp_path}")
    assert code == 1
    assert err.count("\n") == 1 and told in err
    assert list(tmp_path.iterdir()) == []


def test_a_sweep_with_a_failing_job_finishes_the_others_and_tells(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    code, out, err = command("-m", *QUICKER, "model=mlp,pixelcnn", "model.widths=[8]", f"paths.root={tmp_path}")
    assert code == 1
    assert "1 of 2 jobs failed" in err and "model.widths" in err and "Traceback" not in err
    assert "FINISHED" in out and "FAILED" in out
    found = statuses(layout)
    parents = [name for name in found if name.startswith("sweep")]
    assert len(parents) == 1 and len(found) == 3
    assert sorted(status for name, (status, _) in found.items() if name not in parents) == [FAILED, FINISHED]
    assert all(parent for name, (_, parent) in found.items() if name not in parents)
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"data", "runs", "mlflow.db", "mlartifacts"}


@pytest.mark.slow
def test_a_killed_run_is_taken_up_and_nothing_runs_for_ever(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    arguments = (
        *QUICK,
        "trainer.epochs=60",
        "trainer.patience=60",
        "run.name=repro",
        "ckpt=last",
        f"paths.root={tmp_path}",
    )
    process = start(*arguments)
    curves = layout.runs / "repro" / "curves.csv"
    until = time.monotonic() + 120
    while time.monotonic() < until and not (curves.is_file() and len(curves.read_text().splitlines()) > 5):
        time.sleep(0.05)
    process.kill()
    process.communicate()
    assert [record.status for _, record in all_runs(layout)] == [RUNNING]
    code, _, err = command(*arguments)
    assert code == 0 and "going on in repro" in err
    assert [status for status, _ in statuses(layout).values()] == [FINISHED]
    assert len(curves.read_text().splitlines()) == 61


@pytest.mark.slow
def test_a_run_that_is_told_to_end_is_marked_killed(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    process = start(*QUICK, "trainer.epochs=2000", "trainer.patience=2000", f"paths.root={tmp_path}")
    until = time.monotonic() + 120
    while time.monotonic() < until and not list(layout.runs.glob("*/curves.csv")):
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    assert [status for status, _ in statuses(layout).values()] == [KILLED]

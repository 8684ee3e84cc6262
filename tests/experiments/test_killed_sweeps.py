"""Sweeps and searches that are killed, and started again until they are whole."""

import signal
import time
from collections import Counter

import pytest

from labelled import QUICK, write_labelled_tiles
from train_command import command, parents_and_children, start, wait_for
from water_gee.runs.records import FAILED, FINISHED, KILLED, RUNNING, all_runs

pytestmark = pytest.mark.slow
QUICKER = (*QUICK, "trainer.epochs=2", "data.crop_batch=64")
SILENT = {"stdout": None, "stderr": None}


def statuses(layout):
    return Counter(record.status for _, record in all_runs(layout))


def kill_at(layout, finished, arguments, signum=signal.SIGKILL):
    """Start the command and end it while a job runs, once so many have finished."""
    process = start(*arguments, **SILENT)
    wait_for(lambda: statuses(layout)[FINISHED] >= finished and statuses(layout)[RUNNING] > 0, process)
    process.send_signal(signum)
    process.wait(timeout=180)
    return process.returncode


def choices(run):
    return tuple(run.data.params[name] for name in ("model", "lr", "seed"))


def test_twelve_runs_killed_twice_are_twelve_in_the_end(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    sweep = (
        "-m", *QUICKER, "model=mlp,pixelcnn_small", "model.lr=1e-3,1e-2", "seed=0,1,2", f"paths.root={tmp_path}",
    )  # fmt: skip
    kill_at(layout, 5, sweep)
    first = {record.run_id for _, record in all_runs(layout) if record.status == FINISHED}
    kill_at(layout, 8, sweep)
    code, out, err = command(*sweep)
    assert code == 0 and "12 of 12 jobs finished" in out and "going on in it" in err

    (parent,), children = parents_and_children(layout)
    finished = [run for run in children if run.info.status == FINISHED]
    assert len(finished) == 12 and len({choices(run) for run in finished}) == 12
    assert first <= {run.info.run_id for run in finished}
    assert not [run for run in [parent, *children] if run.info.status == RUNNING]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    best = max(finished, key=lambda run: run.data.metrics["valid/iou"])
    assert parent.info.status == FINISHED
    assert parent.data.metrics["valid/iou"] == best.data.metrics["valid/iou"]
    assert parent.data.tags["best_run_id"] in {run.info.run_id for run in finished}
    began = {run.info.run_id: run.info.start_time for run in finished}

    assert command(*sweep)[0] == 0  # and once more: nothing is left to do
    (parent,), children = parents_and_children(layout)
    assert {run.info.run_id: run.info.start_time for run in children if run.info.status == FINISHED} == began


def test_a_killed_search_goes_on_and_tries_again_what_was_cut_off(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    search = (
        "search=optuna", *QUICKER, "trainer.epochs=3", "search.trials=7", "search.startup=2", "search.warmup=0",
        f"paths.root={tmp_path}",
    )  # fmt: skip
    kill_at(layout, 2, search)
    assert kill_at(layout, 3, search, signal.SIGTERM) != 0
    code, out, err = command("-m", *search)
    assert code == 0 and "going on in it" in err and "the best first" in out

    (parent,), children = parents_and_children(layout)
    ended = [run for run in children if run.info.status == FINISHED or "given_up" in run.data.tags]
    assert len({run.data.tags["overrides"] for run in ended}) == len(ended) == 7
    assert not [run for run in [parent, *children] if run.info.status in (RUNNING, FAILED)]
    best = max(run.data.metrics.get("valid/iou", 0) for run in ended)
    assert (parent.info.status, parent.data.metrics["valid/iou"]) == (FINISHED, best)
    lines = (
        (tmp_path / "mlartifacts/sample" / parent.info.run_id / "artifacts/trials.csv")
        .read_text(encoding="utf-8")
        .splitlines()
    )
    assert len(lines) == 8


@pytest.fixture
def joblib():
    pytest.importorskip("hydra_plugins.hydra_joblib_launcher", reason="needs the extra: pip install '.[joblib]'")
    return ("-m", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", *QUICKER)


def test_jobs_side_by_side_finish_once_each_and_a_failing_one_is_told(tmp_path, joblib):
    layout = write_labelled_tiles(tmp_path)
    sweep = (*joblib, "model=mlp,pixelcnn", "model.widths=[8]", "seed=0,1", f"paths.root={tmp_path}")
    for _ in range(2):
        code, out, err = command(*sweep)
        assert code == 1 and "2 of 4 jobs failed" in err and "2 of 4 jobs finished" in out
        assert "failed: pixelcnn" in err and "locked" not in err
    (parent,), children = parents_and_children(layout)
    finished = [choices(run) for run in children if run.info.status == FINISHED]
    assert len(finished) == len(set(finished)) == 2
    assert parent.info.status == FAILED


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_jobs_side_by_side_end_with_their_sweep_and_go_on_with_it(tmp_path, joblib, signum):
    from water_gee.runs.lineage import is_gone

    layout = write_labelled_tiles(tmp_path)
    long = ("trainer.epochs=40", "trainer.patience=40")
    sweep = (*joblib, *long, "seed=0,1,2,3", f"paths.root={tmp_path}")
    process = start(*sweep, **SILENT)
    wait_for(lambda: len(list(layout.runs.glob("*/checkpoints/last.ckpt"))) == 2, process)
    process.send_signal(signum)
    assert process.wait(timeout=180) != 0
    jobs = [record.process for _, record in all_runs(layout)]
    until = time.monotonic() + 180
    while not all(map(is_gone, jobs)):
        assert time.monotonic() < until, "a job outlives its sweep"
        time.sleep(0.1)
    assert statuses(layout)[FINISHED] == 0

    code, _, err = command(*sweep)
    assert code == 0 and err.count(": going on in ") == 2, err
    (parent,), children = parents_and_children(layout)
    finished = [run for run in children if run.info.status == FINISHED]
    assert sorted(run.data.params["seed"] for run in finished) == ["0", "1", "2", "3"]
    assert {run.info.status for run in [parent, *children]} <= {FINISHED, KILLED}
    assert parent.info.status == FINISHED

"""`python train.py` as a user runs it."""

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from labelled import QUICK, write_labelled_tiles
from train import main
from train_command import TRAIN, command, mlflow_runs, parents_and_children, start, wait_for
from water_gee.runs.records import FAILED, FINISHED, KILLED, RUNNING, all_runs

QUICKER = (*QUICK, "trainer.epochs=2")


@pytest.mark.parametrize("arguments", [("model=pixelcnn",), ("-m", "model=pixelcnn,mlp", "seed=0,1")])
def test_the_first_command_of_a_fresh_clone_says_in_one_line_what_to_run_first(tmp_path, arguments):
    code, out, err = command(*arguments, f"paths.root={tmp_path}")
    assert code == 1 and out == ""
    assert err.count("\n") == 1 and "run first: water-gee tiles" in err
    assert list(tmp_path.iterdir()) == []


MISTAKES = [
    (("model=pixelcn",), "did you mean pixelcnn?"),
    (("trainer.epoch=3",), "trainer.epochs"),
    (("-m", "model=mlp,pixelcn"), "did you mean pixelcnn?"),
    (("-m", "seed=0,1", "model.lr=fast"), "model.lr"),
    (("-m", "seed=[0", "model=mlp"), "key=value"),
    (("prune.share=2",), "prune.share"),
    (("seed=0,1",), "seed is given several values; add -m"),
    (("search=optuna", "seed=0,1"), "one value of seed"),
    (("-m", "search=optuna", "model=mlp,pixelcnn"), "one value of model"),
    (("search=optua",), "did you mean optuna?"),
    (("search=optuna", "search.space={model.lr: {low: 3}}"), "model.lr: low 3 is not below high 0.03"),
]


@pytest.fixture(scope="module")
def mistaken(tmp_path_factory):
    """A folder, and the code, output and errors of each mistake there: one process makes them one after another."""
    root = tmp_path_factory.mktemp("mistaken")
    commands = [[*arguments, f"paths.root={root}"] for arguments, _ in MISTAKES]
    done = subprocess.run(
        [sys.executable, "-c", ONE_AFTER_ANOTHER, json.dumps(commands)],
        cwd=TRAIN.parent,
        env={**os.environ, "COLUMNS": "120"},
        capture_output=True,
        encoding="utf-8",
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    return root, {arguments: answer for (arguments, _), answer in zip(MISTAKES, answers, strict=True)}


ONE_AFTER_ANOTHER = """
import contextlib, io, json, sys
from train import main
answers = []
for arguments in json.loads(sys.argv[1]):
    out, err, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code
            if isinstance(code, str):  # as Python itself ends
                code = print(code, file=err) or 1
    answers.append((code, out.getvalue(), err.getvalue()))
print(json.dumps(answers))
"""


@pytest.mark.parametrize(("arguments", "told"), MISTAKES)
def test_a_mistake_is_one_line_that_names_the_key(mistaken, arguments, told):
    root, answers = mistaken
    code, _, err = answers[arguments]
    assert code == 1
    assert err.count("\n") == 1 and told in err
    assert list(root.iterdir()) == []


def test_a_launcher_that_is_not_installed_is_told_with_the_command_that_installs_it(tmp_path):
    code, _, err = command("-m", "hydra/launcher=submitit_slurm", "seed=0,1", f"paths.root={tmp_path}")
    assert code == 1 and err.count("\n") == 1
    assert "pip install hydra-submitit-launcher" in err


@pytest.fixture
def here(monkeypatch):
    """Lets `main` run in this process, and takes back what it leaves there; the other sweep has one of its own."""
    ended = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(sys, "argv", list(sys.argv))
    monkeypatch.setenv("COLUMNS", "120")
    for name in ("WATER_GEE_SWEEP", "OMP_WAIT_POLICY"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    yield
    signal.signal(signal.SIGTERM, ended)


def test_lists_are_swept_and_shown_with_their_brackets_words_are_tags_and_models_are_left_out(
    tmp_path, capsys, here, quick_runs
):
    layout = write_labelled_tiles(tmp_path)
    swept = ("features.names=[blue,nir],[blue]", "tags=[paper,first look]", "trainer.log_model=false")
    main(["-m", *QUICKER, *swept, f"paths.root={tmp_path}"])
    out = capsys.readouterr().out
    assert "[blue,nir]" in out and "[blue]" in out and "2 of 2 jobs finished" in out
    parents, children = parents_and_children(layout)
    assert {run.data.params["features"] for run in children} == {"blue nir", "blue"}
    for run in (*parents, *children):
        assert run.data.tags["tags"] == "paper first look"
        assert run.data.tags["tag.paper"] == run.data.tags["tag.first-look"] == "true"
        assert run.data.tags["mlflow.user"] and not run.outputs.model_outputs
    for run in children:
        assert r"tags=[paper,first\ look]" in shlex.split(run.data.tags["overrides"])
        assert " names=[blue" in run.info.run_name and "log_model" not in run.info.run_name
        assert r"'tags=[paper,first\ look]'" in run.data.tags["mlflow.note.content"], "it can be copied into a shell"


def test_a_sweep_with_a_failing_job_finishes_the_others_and_tells(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    code, out, err = command("-m", *QUICKER, "model=mlp,pixelcnn", "model.widths=[8]", f"paths.root={tmp_path}")
    assert code == 1
    assert "1 of 2 jobs failed" in err and "model.widths" in err and "Traceback" not in err
    assert "FINISHED" in out and "FAILED" in out
    parents, children = parents_and_children(layout)
    assert len(parents) == 1 and len(children) == 2
    assert sorted(run.info.status for run in children) == [FAILED, FINISHED]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parents[0].info.run_id}
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
    wait_for(lambda: curves.is_file() and len(curves.read_text(encoding="utf-8").splitlines()) > 5, process)
    process.kill()
    process.communicate()
    assert [record.status for _, record in all_runs(layout)] == [RUNNING]
    code, _, err = command(*arguments)
    assert code == 0 and "going on in repro" in err
    assert [run.info.status for run in mlflow_runs(layout)] == [FINISHED]
    assert len(curves.read_text(encoding="utf-8").splitlines()) == 61


@pytest.mark.slow
def test_a_run_that_is_told_to_end_is_marked_killed(tmp_path):
    layout = write_labelled_tiles(tmp_path)
    process = start(*QUICK, "trainer.epochs=2000", "trainer.patience=2000", f"paths.root={tmp_path}")
    wait_for(lambda: list(layout.runs.glob("*/curves.csv")), process)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=180)
    assert process.returncode != 0
    assert [run.info.status for run in mlflow_runs(layout)] == [KILLED]

"""The best run becomes the champion, and everybody can read why."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import yaml

from labelled import quick_settings, write_labelled_tiles
from vouched import vouch_for_run
from water_gee.denoise import training_records
from water_gee.errors import ConfigError, ModelError, WaterGeeError
from water_gee.experiments import promote, select
from water_gee.files import read_json, write_json
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, save_checkpoint
from water_gee.paths import Layout
from water_gee.runs.lineage import lineage
from water_gee.runs.records import FAILED, FINISHED, RunRecord, read_record, write_record
from water_gee.tracking import server as ui
from water_gee.tracking.database import connect, experiment

pytestmark = pytest.mark.usefixtures("quick_runs")

SOURCE = Path(__file__).resolve().parents[2] / "src"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A root with tiles, labels and an empty database, whose tables take seconds to make."""
    root = tmp_path_factory.mktemp("prepared")
    connect(write_labelled_tiles(root))
    return root


@pytest.fixture
def root(tmp_path, prepared):
    return shutil.copytree(prepared, tmp_path / "root")


def counts(*ious):
    """Tiles of 1,000 water and 1,000 land pixels, each predicted with such an IoU and no commission."""
    return {
        f"t{place}": {"tp": round(1000 * iou), "fp": 0, "fn": 1000 - round(1000 * iou), "tn": 1000}
        for place, iou in enumerate(ious)
    }


def add_run(root, name, iou, *, started=1, parameters=10, status=FINISHED, tiles=None, study="sample", origin=None):
    """Write a run as training leaves it; return its id."""
    layout = Layout(root, study)
    known = lineage(Layout(root), training_records(Layout(root)), root).plain() if origin is None else origin
    client = connect(layout)
    run = client.create_run(experiment(client, layout, study), run_name=name, start_time=started)
    run_id = run.info.run_id
    client.log_metric(run_id, "valid/iou", iou)
    client.log_metric(run_id, "model/parameters", parameters)
    network = PixelNetwork(Standardise([0.0], [1.0]), build_body("mlp", 1, [2]), ["nir"])
    folder = layout.runs / name
    torch.manual_seed(0)
    save_checkpoint(folder / "model.ckpt", TrainedModel(network, "mlp", (2,), metadata={"run": name, "run_id": run_id}))
    client.log_artifact(run_id, str(folder / "model.ckpt"), "model")
    if tiles:
        write_json(folder / "validation_tiles.json", tiles)
    write_json(folder / "metrics.json", {"validation": {"iou": iou}, "parameters": parameters})
    record = RunRecord(name, run_id, status, "k", study, "", started, lineage=known)
    vouch_for_run(layout, record, name)
    client.set_terminated(run_id, status)
    return run_id


def champion(root, study="sample"):
    return connect(Layout(root)).get_model_version_by_alias(study, "champion")


def test_the_champion_is_the_best_finished_run_and_select_takes_it(root, capsys):
    add_run(root, "good", 0.80)
    best = add_run(root, "best", 0.90)
    add_run(root, "failed", 0.99, status=FAILED)
    add_run(root, "elsewhere", 0.99, study="hls_chips")
    add_run(root, "other-data", 0.99, origin={"tiles": "t", "labels": "l"})
    promote.run(quick_settings(root))
    version = champion(root)
    assert (version.run_id, version.version) == (best, 1) and version.description == promote.RULE
    assert (Path(version.source) / "artifacts" / "model.ckpt").is_file()
    told = capsys.readouterr().err
    assert (
        "run best (best), validation IoU 0.9000, best of 2 on the present tiles and labels" in told
        and "runner-up good" in told
    )
    assert f"select.run={best} paths.root={root}" in told, "another root is not params.yaml's"
    select.run(quick_settings(root, f"select.run={best}"))
    assert read_json(root / "models" / "model.json")["run"] == "best"
    select.run(quick_settings(root, "select.run=champion"))
    chosen = read_json(root / "models" / "model.json")
    assert chosen["run"] == "best" and "champion" in chosen["rule"]


def test_promoting_again_changes_nothing_and_a_better_run_takes_over(root):
    add_run(root, "one", 0.80)
    for _ in range(2):
        promote.run(quick_settings(root))
    assert int(champion(root).version) == 1
    better = add_run(root, "two", 0.85)
    promote.run(quick_settings(root))
    assert (champion(root).run_id, int(champion(root).version)) == (better, 2)


def test_a_sweeps_parent_and_a_run_without_its_folder_are_no_candidates(root):
    layout = Layout(root)
    client = connect(layout)
    best = add_run(root, "child", 0.80)
    parent = client.create_run(experiment(client, layout, "sample"), run_name="sweep")
    client.log_metric(parent.info.run_id, "valid/iou", 0.95)
    client.set_terminated(parent.info.run_id, FINISHED)
    add_run(root, "gone", 0.95)
    shutil.rmtree(layout.runs / "gone")
    add_run(root, "again", 0.95)
    add_run(root, "again", 0.70)  # the folder is the second one's
    assert promote.candidates(Layout.of(quick_settings(root)))[0].record.run_id == best


def test_of_equal_runs_the_smaller_then_the_earlier_wins(root, capsys):
    add_run(root, "large", 0.90004, parameters=1000, started=1)
    add_run(root, "late", 0.90003, parameters=10, started=3)
    add_run(root, "early", 0.89996, parameters=10, started=2)
    assert [one.record.name for one in promote.candidates(Layout.of(quick_settings(root)))] == [
        "early",
        "late",
        "large",
    ]
    promote.run(quick_settings(root))
    assert "as large, but trained later" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("second", "told"),
    [
        (counts(0.7, 0.8, 0.9), r"0\.1000 lower, 95 % interval 0\.1000 to 0\.1000 \(.*over 3 validation tiles\)$"),
        (counts(0.99, 0.9, 0.5), r"lower, 95 % interval -0\.\d{4} to 0\.\d{4} .*; it may be as good$"),
        (counts(0.7, 0.8), r"on other validation tiles or labels"),
        (None, r"0\.1000 lower; without counts"),
    ],
)
def test_the_runner_ups_line_says_by_how_much_and_how_sure(root, second, told):
    add_run(root, "best", 0.90, tiles=counts(0.8, 0.9, 1.0))
    add_run(root, "second", 0.80, tiles=second)
    line = promote.why(*promote.candidates(Layout.of(quick_settings(root))))
    assert "\n" not in line
    assert re.search(told, line), line


@pytest.mark.parametrize("written", [True, False])
def test_the_repositorys_own_root_and_study_are_written(root, monkeypatch, capsys, written):
    (root / "params.yaml").write_text("study: sample\nrun:   # empty: the stage's own\n", encoding="utf-8")
    monkeypatch.setattr(promote, "repository", lambda: root)
    monkeypatch.setattr(promote, "params", lambda: {"study": "sample"})
    best = add_run(root, "best", 0.9)
    if not written:
        monkeypatch.setattr(promote, "params", lambda: {"study": "hls_chips"})
    promote.run(quick_settings(root))
    assert (yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))["run"] == best) is written
    assert ("next: water-gee select, or" in capsys.readouterr().err) is written


def broken_params(root, monkeypatch):
    (root / "params.yaml").write_text("{study: sample, run: }\n", encoding="utf-8")
    monkeypatch.setattr(promote, "repository", lambda: root)
    monkeypatch.setattr(promote, "params", lambda: {"study": "sample"})


def broken_counts(root, monkeypatch):
    (root / "runs" / "second" / "validation_tiles.json").write_text("[1, 2]", encoding="utf-8")


def broken_checkpoint(root, monkeypatch):
    with (root / "runs" / "best" / "model.ckpt").open("ab") as file:
        file.write(b"x")


def broken_metrics(root, monkeypatch):
    with (root / "runs" / "best" / "metrics.json").open("a", encoding="utf-8") as file:
        file.write(" ")


@pytest.mark.parametrize("broken", [broken_params, broken_counts, broken_checkpoint, broken_metrics])
def test_what_fails_leaves_no_half_a_champion(root, monkeypatch, broken):
    add_run(root, "second", 0.8)
    add_run(root, "best", 0.9)
    broken(root, monkeypatch)
    params = (root / "params.yaml").read_bytes() if (root / "params.yaml").exists() else None
    with pytest.raises(WaterGeeError):
        promote.run(quick_settings(root))
    assert not connect(Layout(root)).search_registered_models() and not (root / "promoted").exists()
    assert params is None or (root / "params.yaml").read_bytes() == params


@pytest.mark.parametrize("name", ["model.ckpt", "run.json"])
def test_a_promoted_copy_that_was_damaged_is_written_anew(root, name):
    best = add_run(root, "best", 0.9)
    promote.run(quick_settings(root))
    path = root / "promoted" / best / name
    whole = path.read_bytes()
    path.write_bytes(whole[:100])
    promote.run(quick_settings(root))
    assert path.read_bytes() == whole


def test_a_promoted_run_stays_selectable_whatever_runs_later(root):
    best = add_run(root, "repro", 0.9)
    promote.run(quick_settings(root))
    kept = root / "promoted" / best
    assert {path.name for path in kept.iterdir()} == {"model.ckpt", "metrics.json", "run.json"}
    shutil.rmtree(root / "runs" / "repro")
    add_run(root, "repro", 0.5)  # the next `dvc repro`
    for name in (best, "champion"):
        select.run(quick_settings(root, f"select.run={name}"))
        assert read_json(root / "models" / "model.json")["run_id"] == best
    assert promote.candidates(Layout.of(quick_settings(root)))[0].record.run_id == best, "it goes on competing"
    clone = shutil.copytree(root / "promoted", root.parent / "clone" / "promoted").parent  # as after dvc pull
    select.run(quick_settings(clone, f"select.run={best}"))
    assert read_json(clone / "models" / "model.json")["run_id"] == best


def test_what_cannot_be_promoted_or_shown_is_said_in_one_line(tmp_path, root):
    for stage in (promote, ui):
        with pytest.raises(ModelError, match=r"there is no .*mlflow\.db.*run first: python train\.py"):
            stage.run(quick_settings(tmp_path / "empty"))
    assert not (tmp_path / "empty").exists()
    with pytest.raises(ModelError, match=r"no finished run of the study sample on its present tiles and labels"):
        promote.run(quick_settings(root))
    add_run(root, "unknown", 0.9)
    write_record(root / "runs" / "unknown", replace(read_record(root / "runs" / "unknown"), run_id="0" * 32))
    with pytest.raises(ModelError, match=r"MLflow does not know the best run, unknown"):
        promote.run(quick_settings(root))


def test_the_page_is_the_experiments_runs(monkeypatch):
    view = "workflowType=machine_learning&viewStateShareKey=water_gee"
    assert ui.page_of("7", "http://127.0.0.1:5000") == f"http://127.0.0.1:5000/#/experiments/7/runs?{view}"
    assert ui.page_of(None, "http://host:5001/mlflow/") == "http://host:5001/mlflow/#/experiments"
    monkeypatch.setenv("PORT", "many")
    with pytest.raises(ConfigError, match="PORT=many is not a port"):
        ui.free_port()


def test_a_taken_port_is_said(monkeypatch):
    with socket.socket() as other:
        other.bind((ui.HOST, 0))
        other.listen()
        monkeypatch.setenv("PORT", str(other.getsockname()[1]))
        with pytest.raises(ConfigError, match=r"cannot be had.*PORT=5001 make ui"):
            ui.free_port()


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGINT, signal.SIGTERM])
def test_the_server_answers_and_ends_clean(root, way):
    add_run(root, "one", 0.8)
    with socket.socket() as probe:
        probe.bind((ui.HOST, 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    environment.pop("DISPLAY", None)
    started = subprocess.Popen(
        [sys.executable, "-m", "water_gee", "ui", "study=sample", f"paths.root={root}"],
        env=environment, cwd=SOURCE.parent, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        encoding="utf-8",
    )  # fmt: skip
    try:
        page = next(line for line in started.stderr if line.startswith("http"))
        assert page.startswith(f"http://127.0.0.1:{port}/#/experiments/")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=180) as answer:
            assert b"<html" in answer.read()
    finally:
        started.send_signal(way)
        _, err = started.communicate(timeout=180)
    assert started.returncode == 0 and "Traceback" not in err, err
    with socket.socket() as probe:
        assert probe.connect_ex((ui.HOST, port)) != 0, "the server outlived its command"

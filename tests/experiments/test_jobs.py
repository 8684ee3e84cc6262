"""Training jobs in a real MLflow database: what they log, and how they end."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import cache

import mlflow
import numpy as np
import pytest

from labelled import quick_settings, write_labelled_tiles
from vouched import vouch_for_labels
from water_gee.errors import TileError
from water_gee.experiments.job import run_job
from water_gee.experiments.sweep import close_sweep, open_sweep
from water_gee.files import write_text
from water_gee.models import load_checkpoint, predict
from water_gee.report.run_assessment import RunAssessment
from water_gee.runs import Dataset
from water_gee.runs.lineage import dvc_hashes
from water_gee.runs.records import FAILED, FINISHED, KILLED, RUNNING, read_record, write_record
from water_gee.tiles import feature_path, read_manifest
from water_gee.tracking import PROCESS_TAG, connect, end_dead_runs, experiment
from water_gee.tracking.logged_model import model_of
from water_gee.training.figures import draw_all

pytestmark = pytest.mark.usefixtures("quick_runs")

QUICKER = ("trainer.epochs=2",)


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    layout = write_labelled_tiles(tmp_path_factory.mktemp("jobs"))
    write_text(layout.clean / "figures" / "summary.png", "a picture")
    vouch_for_labels(layout, figures=["summary.png", "deleted.png"])
    return layout


@pytest.fixture(scope="module")
def client(layout):
    return connect(layout)


@pytest.fixture(scope="module")
def job(layout, client, quick_runs):
    """A run with its figures."""

    def judge(area, checkpoint, folder):
        (folder / "errors.png").write_bytes(b"a picture")
        return RunAssessment(
            {"truth": {"iou": 0.25, "pixels": 4}}, [Dataset("reference truth", "abc", "*.tif", "test")]
        )

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("water_gee.training.run.draw_all", draw_all)
        return run_job(quick_settings(layout.root, *QUICKER), ["model=mlp", "seed=0"], test=judge)


def status(client, run_id):
    return client.get_run(run_id).info.status


@cache
def gone():
    """The mark of a process that has ended; one does for all tests."""
    code = "from water_gee.runs.lineage import this_process; print(this_process())"
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, encoding="utf-8"
    ).stdout.strip()


def test_a_run_logs_config_metrics_curves_checkpoint_figures_and_lineage(client, job):
    run = client.get_run(job.run_id)
    assert run.info.status == FINISHED and run.info.run_name == "mlp seed=0"
    assert client.get_experiment(run.info.experiment_id).name == "sample"
    assert {"model", "lr", "seed", "features", "denoise"} <= set(run.data.params)
    assert {"valid/iou", "valid/kappa", "epoch/valid_iou", "model/threshold"} <= set(run.data.metrics)
    assert [point.step for point in client.get_metric_history(job.run_id, "epoch/train_loss")] == [0, 1]
    assert {"code", "tiles_csv_sha256", "clean_report_sha256", "feed", PROCESS_TAG} <= set(run.data.tags)
    names = {item.path for folder in ("", "figures", "labels") for item in client.list_artifacts(job.run_id, folder)}
    assert {
        "config.yaml", "metrics.json", "curves.csv", "figures/calibration.png", "figures/confusion_matrix.png",
        "figures/precision_recall.png", "figures/quicklook.png", "figures/training_curves.png",
        "labels/summary.png",
    } <= names  # fmt: skip


def test_the_data_of_a_run_are_datasets_with_the_hash_that_dvc_gives_them(layout, client, job):
    found = {one.dataset.name: one for one in client.get_run(job.run_id).inputs.dataset_inputs}
    assert {name: one.tags[0].value for name, one in found.items()} == {
        "data/tiles": "training", "data/clean": "labels", "reference truth": "test"
    }  # fmt: skip
    hashes = dvc_hashes(layout)
    assert {name: found[name].dataset.digest for name in hashes} == hashes
    assert json.loads(found["data/tiles"].dataset.profile)["tiles"] == 5


def test_mlflow_loads_the_logged_model_and_it_answers_as_the_checkpoint_does(layout, client, job):
    run = client.get_run(job.run_id)
    logged = client.get_logged_model(model_of(run))
    assert logged.status == "READY" and logged.source_run_id == job.run_id
    assert {metric.key for metric in logged.metrics} >= {"valid/iou", "test/truth/iou"}
    served = mlflow.pyfunc.load_model(logged.artifact_location)
    model = load_checkpoint(job.folder / "model.ckpt")
    features = np.random.default_rng(0).random((2, len(model.features), 9, 11), dtype=np.float32)
    features[0, 3, 4, 4] = np.nan
    answers = served.predict(features)
    assert answers.shape == (2, 9, 11) and np.isnan(answers[0, 4, 4]) and np.isnan(answers).sum() == 1
    np.testing.assert_array_equal(answers, np.stack([predict(model, one) for one in features]))
    with pytest.raises(mlflow.exceptions.MlflowException):
        served.predict(features[:, :3])


def test_test_metrics_stand_beside_validation_with_their_figures(client, job):
    run = client.get_run(job.run_id)
    assert run.data.metrics["test/truth/iou"] == 0.25
    assert {item.path for item in client.list_artifacts(job.run_id, "test")} == {"test/errors.png"}
    assert run.data.metrics["model/peak_memory_mb"] > 50


def test_what_cannot_be_tested_is_told_and_the_training_is_kept(layout, client, capsys):
    def fails(area, checkpoint, folder):
        raise TileError("the reference is broken")

    done = run_job(quick_settings(layout.root, *QUICKER, "seed=11"), ["seed=11"], test=fails)
    run = client.get_run(done.run_id)
    assert run.info.status == FINISHED and "broken" in run.data.tags["not_tested"]
    assert "not tested: the reference is broken" in capsys.readouterr().err


def test_the_artifacts_lie_below_the_root_and_the_folder_knows_its_run(layout, client, job):
    assert client.get_run(job.run_id).info.artifact_uri.startswith(str(layout.artifacts))
    record = read_record(job.folder)
    assert (record.run_id, record.status) == (job.run_id, FINISHED)
    assert not (job.folder / "checkpoints").exists()


def test_a_job_that_fails_before_training_is_marked_failed(layout, client):
    record = next(record for record in read_manifest(layout) if record.status == "ok")
    path = feature_path(layout, "train", record.id)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 3])
    try:
        with pytest.raises(TileError, match="water-gee tiles"):
            run_job(quick_settings(layout.root, "run.name=broken"), [])
    finally:
        path.write_bytes(whole)
    record = read_record(layout.runs / "broken")
    assert record.status == FAILED and "TileError" in record.error
    run = client.get_run(record.run_id)
    assert run.info.status == FAILED and "water-gee tiles" in run.data.tags["error"]


def test_an_interrupted_job_is_marked_killed_and_taken_up_by_ckpt_last(layout, client, job):
    settings = quick_settings(layout.root, *QUICKER, "run.name=repro", "ckpt=last")

    def interrupt(epoch, metrics):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises((KeyboardInterrupt, SystemExit)):
        run_job(settings, [], on_epoch=interrupt)
    killed = read_record(layout.runs / "repro")
    assert killed.status == KILLED and status(client, killed.run_id) == KILLED
    resumed = run_job(settings, [])
    assert resumed.run_id == killed.run_id and resumed.folder == layout.runs / "repro"
    assert status(client, resumed.run_id) == FINISHED
    metrics = [
        json.loads((folder / "metrics.json").read_text(encoding="utf-8")) for folder in (resumed.folder, job.folder)
    ]
    assert metrics[0] == metrics[1]


def test_a_job_killed_after_its_last_epoch_is_not_trained_again(layout, client):
    def interrupt(*_):
        raise KeyboardInterrupt

    settings = quick_settings(layout.root, *QUICKER, "run.name=late", "ckpt=last", "seed=21")
    with pytest.raises(KeyboardInterrupt):
        run_job(settings, [], test=interrupt)
    killed = read_record(layout.runs / "late")
    write_record(layout.runs / "late", replace(killed, status=RUNNING, process=gone()))  # by a kill that none can catch
    epochs = []
    resumed = run_job(settings, [], on_epoch=lambda epoch, metrics: epochs.append(epoch))
    assert epochs == [] and resumed.run_id == killed.run_id and status(client, resumed.run_id) == FINISHED
    assert read_record(resumed.folder).status == FINISHED and not (resumed.folder / "checkpoints").exists()


def test_a_folder_whose_process_is_gone_is_not_running_for_ever(layout, client, job):
    dead = layout.runs / "dead"
    dead.mkdir()
    known = read_record(job.folder)
    write_record(dead, replace(known, run_id="dead", status=RUNNING, process=gone()))
    end_dead_runs(client, experiment(client, layout, "sample"), layout)
    assert read_record(dead).status == KILLED and read_record(job.folder) == known
    shutil.rmtree(dead)


def test_a_run_whose_process_is_gone_is_not_left_running(layout, client):
    experiment_id = experiment(client, layout, "sample")
    runs = {
        name: client.create_run(experiment_id, tags={PROCESS_TAG: process}).info.run_id
        for name, process in {"dead": gone(), "elsewhere": "another-host 1 1", "untagged": ""}.items()
    }
    end_dead_runs(client, experiment_id, layout)
    assert {name: status(client, run_id) for name, run_id in runs.items()} == {
        "dead": KILLED, "elsewhere": RUNNING, "untagged": RUNNING
    }  # fmt: skip


def test_a_sweep_started_again_runs_only_what_is_missing(layout, client, capsys):
    overrides = ["seed=5,6,7"]
    jobs = [quick_settings(layout.root, *QUICKER, f"seed={seed}") for seed in (5, 6, 7)]
    sweep = open_sweep(overrides, jobs)
    first = run_job(jobs[0], ["seed=5"], parent=sweep.run_id)
    killed = run_job(jobs[1], ["seed=6"], parent=sweep.run_id)
    write_record(killed.folder, replace(read_record(killed.folder), status=RUNNING, process=gone()))
    client.set_terminated(sweep.run_id, KILLED)

    again = open_sweep(overrides, jobs)
    assert again.run_id == sweep.run_id
    outcomes = [run_job(one, [f"seed={one.seed}"], parent=again.run_id) for one in jobs]
    assert [outcome.skipped for outcome in outcomes] == [True, False, False]
    assert outcomes[0].folder == first.folder
    assert close_sweep(again) == 0
    runs = client.search_runs([again.experiment_id], f"tags.`mlflow.parentRunId` = '{again.run_id}'")
    finished = [run for run in runs if run.info.status == FINISHED]
    assert sorted({run.data.params["seed"] for run in finished}) == ["5", "6", "7"]
    parent = client.get_run(again.run_id)
    assert parent.info.status == FINISHED
    assert parent.data.metrics["valid/iou"] == max(run.data.metrics["valid/iou"] for run in finished)
    assert [point.step for point in client.get_metric_history(again.run_id, "epoch/valid_iou")] == [0, 1]
    assert "3 of 3 jobs" in capsys.readouterr().out
    assert "comparison.png" in {item.path for item in client.list_artifacts(again.run_id)}


def test_a_sweep_with_other_data_or_overrides_is_another(layout, client):
    one = open_sweep(["seed=8,9"], [quick_settings(layout.root, f"seed={seed}") for seed in (8, 9)])
    close_sweep(one, interrupted=True)
    assert status(client, one.run_id) == KILLED
    other = open_sweep(["seed=8,9"], [quick_settings(layout.root, "model.lr=0.5", f"seed={seed}") for seed in (8, 9)])
    close_sweep(other)
    assert other.run_id != one.run_id

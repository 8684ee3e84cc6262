"""What a sweep is, what is refused, and what its end shows."""

import io
import subprocess
import sys

import pytest
from mlflow.entities import Metric
from rich.console import Console

from labelled import quick_settings, write_labelled_tiles
from water_gee.config.sweeps import expand, swept
from water_gee.errors import ConfigError
from water_gee.experiments.sweep import begin, close_sweep, open_sweep
from water_gee.experiments.sweep_table import print_summary
from water_gee.runs.records import FAILED, FINISHED, KILLED, RUNNING
from water_gee.tracking.database import PROCESS_TAG
from water_gee.tracking.run_log import FOLDER_TAG, GIVEN_UP_TAG, KEY_TAG, PARENT_TAG

pytestmark = pytest.mark.usefixtures("quick_runs")

RESULTS = {
    "0.001": (FINISHED, {"valid/iou": 0.91, "test/truth/iou": 0.93, "test/coarse/iou": 0.5, "model/epochs": 8.0}, {}),
    "0.003": (FINISHED, {"valid/iou": 0.95, "test/truth/iou": 0.90, "test/coarse/iou": 0.6, "model/epochs": 8.0}, {}),
    "0.1": (KILLED, {}, {GIVEN_UP_TAG: "3"}),
    "9": (FAILED, {}, {"error": "TileError: a tile is gone"}),
}


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    return write_labelled_tiles(tmp_path_factory.mktemp("sweeps"))


@pytest.fixture(scope="module")
def sweep(layout):
    sweep = begin(layout, "sample", "one key", "sweep", [], len(RESULTS), ["model", "model.lr", "data.other_per_water"])
    for lr, (status, metrics, tags) in RESULTS.items():
        told = f"model=pixelcnn_small trainer.epochs=8 model.lr={lr} data.other_per_water=2.5"
        own = {PARENT_TAG: sweep.run_id, KEY_TAG: lr, FOLDER_TAG: f"folder-{lr}", "overrides": told}
        run = sweep.client.create_run(sweep.experiment_id, run_name=f"lr={lr}", tags={**own, **tags})
        values = {"valid/f1": 0.9, "valid/precision": 0.9, "valid/recall": 0.9, "model/threshold": 0.5, **metrics}
        if metrics:
            rows = [Metric(name, value, 0, 0) for name, value in values.items()]
            sweep.client.log_batch(run.info.run_id, metrics=rows)
        sweep.client.set_terminated(run.info.run_id, status)
    return sweep


def printed(sweep, width):
    text = io.StringIO()
    print_summary(sweep.children(), sweep.jobs, sweep.keys, Console(file=text, width=width, highlight=False))
    return text.getvalue()


@pytest.mark.parametrize("width", [60, 100, 200])
def test_the_table_shows_what_differs_best_first_within_the_terminal(sweep, width):
    text = printed(sweep, width)
    assert max(map(len, text.splitlines())) <= max(width, 100)
    rows = [line for line in text.splitlines() if "pixelcnn_small" in line]
    assert ["0.003" in rows[0], "0.001" in rows[1]] == [True, True] and len(rows) == 4
    assert "2 of 4 jobs finished, 1 given up" in text
    for word in ("lr", "other_per_water", "IoU", "test IoU (truth)", "0.9500", "given up, epoch 3", FAILED):
        assert word in text
    assert ("recall" in text) == (width == 200)


def test_what_failed_is_told_below_the_table_with_the_folder_of_the_best(sweep, capsys):
    printed(sweep, 100)
    told = capsys.readouterr().err
    assert "best: lr=0.003, in runs/folder-0.003" in told and "TileError: a tile is gone" in told


def test_the_parent_repeats_the_best_by_validation_with_its_test_metrics(sweep):
    assert close_sweep(sweep) == 1
    parent = sweep.client.get_run(sweep.run_id)
    assert parent.info.status == FAILED
    assert (parent.data.metrics["valid/iou"], parent.data.metrics["test/truth/iou"]) == (0.95, 0.90)
    assert parent.data.tags["best_run"] == "lr=0.003"
    assert "| lr=0.001 |" in parent.data.tags["mlflow.note.content"]


def test_keys_with_several_values_are_swept():
    overrides = ["model=mlp,pixelcnn", "seed=range(0,3)", "model.widths=[8,16]", "trainer.epochs=2"]
    assert swept(overrides) == ["model", "seed"]
    assert expand(overrides)[1] == ["model=mlp", "seed=1", "model.widths=[8,16]", "trainer.epochs=2"]


@pytest.mark.parametrize(
    ("overrides", "told"),
    [
        (["seed=0,0"], "seed=0, and seed=0"),
        (["predict.tile_size=64,128"], "only over what training reads"),
        (["run.name=mine", "seed=0,1"], "leave it out of a sweep"),
        (["search=none,optuna"], "search.space"),
    ],
)
def test_what_is_no_sweep_is_refused_in_one_line(layout, overrides, told):
    jobs = [quick_settings(layout.root, *job) for job in expand(overrides)]
    with pytest.raises(ConfigError) as error:
        open_sweep(overrides, jobs)
    assert told in str(error.value) and "\n" not in str(error.value)


def test_two_studies_in_one_sweep_are_refused(layout, monkeypatch, tmp_path):
    monkeypatch.setenv("WATER_GEE_SCENES", str(tmp_path))
    overrides = ["study=sample,hls_chips"]
    jobs = [quick_settings(layout.root, *job) for job in expand(overrides)]
    with pytest.raises(ConfigError, match="study=sample,hls_chips: a sweep is of one study"):
        open_sweep(overrides, jobs)


def test_another_launcher_or_place_is_the_same_sweep(layout):
    overrides = ["seed=3,4"]
    jobs = [quick_settings(layout.root, *job) for job in expand(overrides)]
    one = open_sweep(overrides, jobs)
    close_sweep(one, interrupted=True)
    other = open_sweep([*overrides, "hydra/launcher=basic", f"paths.root={layout.root}"], jobs)
    close_sweep(other, interrupted=True)
    assert one.run_id == other.run_id


def test_a_sweep_that_is_running_is_not_started_a_second_time(layout):
    overrides = ["seed=5,6"]
    jobs = [quick_settings(layout.root, *job) for job in expand(overrides)]
    sweep = open_sweep(overrides, jobs)
    code = "from water_gee.runs.lineage import this_process; print(this_process(), flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen([sys.executable, "-c", code], **pipes) as other:
        sweep.client.set_tag(sweep.run_id, PROCESS_TAG, other.stdout.readline().strip())
        with pytest.raises(ConfigError, match=f"running already, in process {other.pid}"):
            open_sweep(overrides, jobs)
        other.communicate("\n")
    again = open_sweep(overrides, jobs)  # that process is gone
    assert again.run_id == sweep.run_id and sweep.client.get_run(sweep.run_id).info.status == RUNNING
    close_sweep(again, interrupted=True)

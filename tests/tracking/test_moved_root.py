"""A root that is renamed, moved or copied: MLflow goes with it, and leaves the old place alone."""

import json
import shutil
import sqlite3
import urllib.parse
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import mlflow
import numpy as np
import pytest
import torch

from labelled import quick_settings, weights, write_labelled_tiles
from ui_command import start_ui
from water_gee.experiments.job import run_job
from water_gee.models import PixelNetwork, Standardise, TrainedModel, build_body, save_checkpoint
from water_gee.paths import Layout
from water_gee.runs import Dataset
from water_gee.runs.records import CHAMPION
from water_gee.tracking import log_data
from water_gee.tracking.database import connect, experiment
from water_gee.tracking.logged_model import log_model

pytestmark = pytest.mark.usefixtures("quick_runs")

NAMES = ["plain", "with a space, é and = it's", "100% sure", "50%41", "what?", "no#1;&$"]


def fill(root: Path) -> str:
    """Write a run with an artifact, datasets, a logged model and a champion; return the run's id."""
    layout = Layout(root)
    client = connect(layout)
    run = client.create_run(experiment(client, layout, "sample"))
    run_id: str = run.info.run_id
    client.log_text(run_id, "kept", "notes/one.txt")
    data = [("inside", layout.tiles), ("outside", "/elsewhere/data"), ("beside", f"{root}-2/data")]
    log_data(client, run_id, [Dataset(name, "1", str(place), "training") for name, place in data])
    torch.manual_seed(0)
    network = PixelNetwork(Standardise([0.0], [1.0]), build_body("mlp", 1, [2]), ["nir"])
    model = TrainedModel(network, "mlp", (2,))
    save_checkpoint(layout.runs / "one" / "model.ckpt", model)
    logged = client.get_logged_model(log_model(client, run, layout.runs / "one" / "model.ckpt", model))
    client.create_registered_model("sample")
    client.create_model_version("sample", logged.artifact_location, run_id, model_id=logged.model_id)
    client.set_registered_model_alias("sample", CHAMPION, "1")
    return run_id


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A root as `fill` leaves it, and its run; to be copied."""
    root = tmp_path_factory.mktemp("made") / "root"
    return root, fill(root)


@pytest.fixture
def moved(made, tmp_path):
    """A function that puts a copy of the root, by a name, into the test's own folder."""

    def copy(name: str) -> Layout:
        return Layout(Path(shutil.copytree(made[0], tmp_path / name)))

    return copy


def files(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def whole(database: Path) -> str:
    """Return all that a database holds, as text."""
    with sqlite3.connect(database) as connection:
        return "\n".join(connection.iterdump())


@pytest.mark.parametrize("name", NAMES)
def test_what_was_logged_is_found_in_the_new_place_and_new_runs_write_there(made, moved, capsys, name):
    original, run_id = made
    before = files(original)
    layout = moved(name)
    client = connect(layout)
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and str(original) in told and str(layout.root) in told
    assert [item.path for item in client.list_artifacts(run_id, "notes")] == ["notes/one.txt"]
    version = client.get_model_version_by_alias("sample", CHAMPION)
    logged = client.get_logged_model(version.model_id or version.source.split("/")[-2])
    new = client.create_run(experiment(client, layout, "sample")).info.run_id
    client.log_text(new, "new", "notes/two.txt")
    client.log_model_artifact(logged.model_id, str(layout.runs / "one" / "model.ckpt"))
    assert (layout.artifacts / "sample" / new / "artifacts/notes/two.txt").read_text(encoding="utf-8") == "new"
    assert (layout.artifacts / "sample/models" / logged.model_id / "artifacts/model.ckpt").is_file()
    assert str(original) not in whole(layout.database).replace(f"{original}-2", "")
    assert files(original) == before, "the original is neither read from by a lock nor written to"


@pytest.mark.parametrize("name", ["new", "100% sure, é"])
def test_the_champion_loads_though_the_old_root_is_gone(tmp_path, name):
    fill(tmp_path / "old")
    layout = Layout((tmp_path / "old").rename(tmp_path / name))
    client = connect(layout)
    version = client.get_model_version_by_alias("sample", CHAMPION)
    answers = mlflow.pyfunc.load_model(version.source).predict(np.zeros((2, 1, 3, 3), np.float32))
    assert answers.shape == (2, 3, 3)
    assert not (tmp_path / "old").exists()


def test_only_what_lay_in_the_root_follows_it(made, moved):
    layout = moved("new")
    datasets = connect(layout).get_run(made[1]).inputs.dataset_inputs
    found = {one.dataset.name: json.loads(one.dataset.source)["uri"] for one in datasets}
    assert found == {
        "inside": str(layout.tiles), "outside": "/elsewhere/data", "beside": f"{made[0]}-2/data"
    }  # fmt: skip


def test_places_of_the_users_own_choice_stay(tmp_path):
    layout = Layout(tmp_path / "old")
    client = connect(layout)
    own = {
        "bucket": "s3://bucket/mlartifacts/bucket",
        "elsewhere": str(tmp_path / "elsewhere" / "mlartifacts" / "other"),
        "deeper": str(tmp_path / "old" / "mlartifacts" / "more" / "deeper"),
    }
    for name, place in own.items():
        client.create_experiment(name, artifact_location=place)
    renamed = experiment(client, layout, "before")
    client.log_text(client.create_run(renamed).info.run_id, "kept", "one.txt")
    client.rename_experiment(renamed, "after")
    layout = Layout(layout.root.rename(tmp_path / "new"))
    client = connect(layout)
    assert {name: client.get_experiment_by_name(name).artifact_location for name in own} == own
    assert client.get_experiment_by_name("after").artifact_location == str(layout.artifacts / "before")


def test_opened_again_nothing_is_rewritten_and_nothing_said(moved, capsys):
    layout = moved("new")
    connect(layout)
    capsys.readouterr()
    before = whole(layout.database), layout.database.stat().st_mtime_ns
    connect(layout)
    assert (whole(layout.database), layout.database.stat().st_mtime_ns) == before
    assert capsys.readouterr().err == ""


def test_several_that_open_a_moved_root_at_once_move_it_once(made, moved, capsys):
    layout = moved("new")
    with ThreadPoolExecutor(4) as pool:
        clients = list(pool.map(lambda _: connect(layout), range(8)))
    assert capsys.readouterr().err.count("have moved") == 1
    assert all(len(client.list_artifacts(made[1])) == 1 for client in clients)


def test_a_move_that_cannot_be_written_changes_nothing(moved):
    from water_gee.tracking.moved_root import follow

    layout = moved("new")
    before = whole(layout.database)
    with sqlite3.connect(layout.database) as connection:
        connection.execute(
            "CREATE TRIGGER refuse BEFORE UPDATE ON model_versions BEGIN SELECT RAISE(ABORT, 'full'); END"
        )
    with pytest.raises(sqlite3.Error, match="full"):
        follow(layout)
    with sqlite3.connect(layout.database) as connection:
        connection.execute("DROP TRIGGER refuse")
    assert whole(layout.database) == before


def test_whatever_letters_a_path_has_all_is_written_below_it(tmp_path):
    root = tmp_path / "50%41 é?#"
    run_id = fill(root)
    assert (root / "mlflow.db").is_file()
    assert (root / "mlartifacts/sample" / run_id / "artifacts/notes/one.txt").is_file()
    assert [path.name for path in tmp_path.iterdir()] == [root.name]


def test_a_run_that_was_cut_off_goes_on_in_the_new_place_to_the_same_end(tmp_path):
    layout = write_labelled_tiles(tmp_path / "old")
    whole = run_job(quick_settings(layout.root, "run.name=whole"), [])

    def interrupt(epoch, metrics):
        if epoch == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_job(quick_settings(layout.root, "run.name=cut"), [], on_epoch=interrupt)
    new = tmp_path / "new"
    layout.root.rename(new)
    resumed = run_job(quick_settings(new, "run.name=cut", "ckpt=last"), [])
    assert resumed.folder == new / "runs" / "cut"
    assert torch.equal(weights(resumed.folder), weights(new / "runs" / whole.folder.name)), "the best epoch is kept"
    assert not (tmp_path / "old").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["new", "50%41 é?#"])
def test_the_page_of_a_moved_root_shows_its_artifacts(made, moved, name):
    layout = moved(name)
    started, port = start_ui(layout.root)
    try:
        query = urllib.parse.urlencode({"path": "notes/one.txt", "run_uuid": made[1]})
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/get-artifact?{query}", timeout=180) as answer:
            assert answer.read() == b"kept"
    finally:
        started.terminate()
        started.communicate(timeout=180)

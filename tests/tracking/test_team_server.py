"""A team's `mlflow server`: two clients at once, and one that trains on while the server is away."""

import socket
from pathlib import Path

import pytest

from labelled import QUICK, quick_settings, write_labelled_tiles
from tracking_server import TeamServer
from train_command import start, wait_for
from water_gee.errors import WaterGeeError
from water_gee.experiments.champion import champion
from water_gee.experiments.promote import run as promote
from water_gee.runs import FINISHED, KILLED, RUNNING, all_runs
from water_gee.tracking import PROCESS_TAG, connect, end_dead_runs, experiment, whose
from water_gee.tracking import server as ui

pytestmark = pytest.mark.slow


@pytest.fixture
def server(tmp_path, monkeypatch):
    folder = tmp_path / "team"
    folder.mkdir()
    team = TeamServer(folder)
    team.start()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", team.uri)
    yield team
    team.stop()


def runs_of(client, layout):
    return list(client.search_runs([experiment(client, layout, "sample")]))


def test_two_clients_that_train_at_once_see_both_runs_champion_and_artifacts(server, tmp_path, capsys):
    layouts = [write_labelled_tiles(tmp_path / name) for name in ("ann", "bob")]
    started = [
        start(*QUICK, f"seed={seed}", "tags=[team]", f"paths.root={layout.root}") for seed, layout in enumerate(layouts)
    ]
    for process in started:
        _, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
    for layout in layouts:
        assert not layout.database.exists() and not (layout.artifacts / "sample").exists(), "nothing is kept here"
    promote(quick_settings(layouts[0].root))
    told = []
    for layout in layouts:
        client = connect(layout)
        runs = runs_of(client, layout)
        assert sorted(run.data.params["seed"] for run in runs) == ["0", "1"]
        for run in runs:
            assert run.info.status == FINISHED and run.data.tags["tag.team"] == "true"
            assert run.info.artifact_uri.startswith("mlflow-artifacts:")
            where = client.download_artifacts(run.info.run_id, "metrics.json", str(tmp_path))
            assert "validation" in Path(where).read_text(encoding="utf-8")
        told.append(client.get_model_version_by_alias("sample", "champion").run_id)
        assert champion(layout, "select.run") == told[-1]
    ((_, promoted),) = all_runs(layouts[0])
    assert set(told) == {promoted.run_id}
    capsys.readouterr()
    promote(quick_settings(layouts[1].root))
    assert f"until now it was version 1, {promoted.name}" in capsys.readouterr().err
    assert champion(layouts[0], "select.run") == all_runs(layouts[1])[0][1].run_id


def test_the_runs_of_others_are_not_ended(server, tmp_path):
    ann, bob = (write_labelled_tiles(tmp_path / name) for name in ("ann", "bob"))
    client = connect(ann)
    place = experiment(client, ann, "sample")
    gone = {PROCESS_TAG: f"{socket.gethostname()} 999999999 1"}
    mine = client.create_run(place, tags={**gone, **whose(ann)}).info.run_id
    end_dead_runs(client, place, bob)
    end_dead_runs(client, place, bob)
    assert client.get_run(mine).info.status == RUNNING, "another root's"
    stranger = client.create_run(place, tags={**gone, **whose(ann), "mlflow.user": "a stranger"}).info.run_id
    end_dead_runs(client, place, ann)
    assert client.get_run(mine).info.status == KILLED and client.get_run(stranger).info.status == RUNNING


def test_a_training_outlives_its_server_and_is_brought_up_to_date(server, tmp_path):
    layout = write_labelled_tiles(tmp_path / "ann")
    process = start(*QUICK, "trainer.epochs=40", "trainer.patience=40", f"paths.root={layout.root}")
    wait_for(lambda: list(layout.runs.glob("*/curves.csv")), process)
    server.stop()
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err
    assert "does not answer; the training goes on" in err and "was away; it lacks: curves, metrics" in err
    assert "Traceback" not in err and "Retrying" not in err
    ((_, record),) = all_runs(layout)
    assert record.status == FINISHED
    with pytest.raises(WaterGeeError, match=r"no MLflow answers there \(Connection refused\)"):
        connect(layout)
    server.start()
    client = connect(layout)
    end_dead_runs(client, experiment(client, layout, "sample"), layout)
    run = client.get_run(record.run_id)
    assert run.info.status == FINISHED and run.data.metrics["valid/iou"] > 0.5
    assert len({point.step for point in client.get_metric_history(record.run_id, "epoch/valid_iou")}) > 35


def test_ui_tells_the_page_of_the_server_and_starts_none(server, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("DISPLAY", raising=False)
    layout = write_labelled_tiles(tmp_path / "ann")
    place = experiment(connect(layout), layout, "sample")
    ui.run(quick_settings(layout.root))
    told = capsys.readouterr().err
    assert (
        told == f"{server.uri}/#/experiments/{place}/runs?workflowType=machine_learning&viewStateShareKey=water_gee\n"
    )
    assert "mlflow.sharedViewState.water_gee" in connect(layout).get_experiment(place).tags

"""MLFLOW_TRACKING_URI: a team's MLflow instead of the root's own, and what a user reads where it cannot be had."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from labelled import quick_settings, write_labelled_tiles
from water_gee.errors import ModelError, WaterGeeError
from water_gee.experiments.champion import champion
from water_gee.experiments.job import run_job
from water_gee.experiments.promote import run as promote
from water_gee.paths import Layout
from water_gee.tracking import Outage, connect, experiment, word_tags
from water_gee.tracking.team import shown

pytestmark = pytest.mark.usefixtures("quick_runs")


@pytest.fixture
def refusing():
    """A server that asks for a password, whatever it is asked for."""

    class Refuse(BaseHTTPRequestHandler):
        def do_POST(self):
            self.send_response(401)
            self.end_headers()
            self.wfile.write(b"You are not authenticated.")

        do_GET = do_POST

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Refuse) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("http://127.0.0.1:9", "no MLflow answers there (Connection refused); start the server"),
        ("https://ann:secret@127.0.0.1:9", "https://***@127.0.0.1:9: no MLflow answers"),
        ("gopher://host", "unsupported URI 'gopher://host'"),
        ("file:///tmp/mlruns", "The filesystem tracking backend"),
        ("sqlite:////no/such/folder/team.db", "/no/such/folder: No such file or directory"),
    ],
)
def test_what_cannot_be_had_is_one_line_with_the_remedy(tmp_path, monkeypatch, uri, told):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(WaterGeeError) as error:
        connect(Layout(tmp_path))
    line = str(error.value)
    assert told in line and "unset MLFLOW_TRACKING_URI" in line
    assert "secret" not in line and len(line) < 400
    assert list(tmp_path.iterdir()) == []


def test_a_team_s_database_lies_where_its_address_says_and_nothing_beside_it(tmp_path, monkeypatch):
    folder = tmp_path / "outer" / "what? 50%25, a=b (é 湖)"
    folder.mkdir(parents=True)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///" + quote(f"{folder}/team.db", safe="/=,() éa湖"))
    client = connect(Layout(tmp_path / "root"))
    run = client.create_run(experiment(client, Layout(tmp_path / "root"), "sample"))
    client.log_text(run.info.run_id, "kept", "notes/one.txt")
    assert (folder / "team.db").is_file() and len([*folder.rglob("one.txt")]) == 1
    assert [*folder.parent.iterdir()] == [folder] and [*tmp_path.iterdir()] == [folder.parent]


def test_a_question_mark_in_a_team_s_address_does_not_cut_a_path(tmp_path, monkeypatch):
    (tmp_path / "a?b").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/a?b/team.db")
    with pytest.raises(WaterGeeError, match="a path ends at a question mark; write %3F"):
        connect(Layout(tmp_path / "root"))
    assert [*tmp_path.rglob("*")] == [tmp_path / "a?b"]


def test_a_server_that_refuses_says_which_variables_let_one_in(refusing, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", refusing)
    with pytest.raises(WaterGeeError, match="refuses you; set MLFLOW_TRACKING_USERNAME"):
        connect(Layout(tmp_path))


def test_a_team_s_database_keeps_the_runs_of_two_roots(tmp_path, monkeypatch):
    team = tmp_path / "team"
    team.mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{team / 'runs.db'}")
    layouts = [write_labelled_tiles(tmp_path / name) for name in ("ann", "bob")]
    jobs = [run_job(quick_settings(layout.root, "trainer.epochs=1"), ["model=mlp"]) for layout in layouts]
    promote(quick_settings(layouts[0].root))
    for layout in layouts:
        client = connect(layout)
        runs = client.search_runs([experiment(client, layout, "sample")])
        assert {run.info.run_id for run in runs} == {job.run_id for job in jobs}
        assert {Path(run.info.artifact_uri).parents[3] for run in runs} == {team}
        assert champion(layout, "select.run") == jobs[0].run_id
        assert not layout.database.exists() and not (layout.artifacts / "sample").exists()


def test_a_team_without_a_champion_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'runs.db'}")
    with pytest.raises(ModelError, match="has none yet; run first: water-gee promote"):
        champion(Layout(tmp_path / "ann", "sample"), "select.run")


def test_an_address_is_shown_without_its_password():
    assert shown("http://ann:secret@host:5000/x") == "http://***@host:5000/x"
    assert shown("sqlite:////data/a@b.db") == "sqlite:////data/a@b.db"


def away() -> None:
    import requests

    raise requests.ConnectionError("refused")


def test_curves_wait_for_a_server_that_is_away(monkeypatch, capsys):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    monkeypatch.setattr("water_gee.tracking.outage._PAUSE", 0.0)
    done, present = [], [False]
    outage = Outage()

    def step(number: int):
        return lambda: done.append(number) if present[0] else away()

    for number in range(3):
        outage.log(step(number))
    present[0] = True
    outage.log(step(3))
    outage.end()
    assert done == [0, 1, 2, 3] and outage.lost == []
    told = capsys.readouterr().err
    assert told.count("does not answer") == 1 and "answers again" in told


def test_an_error_of_the_program_or_of_the_root_s_own_database_is_not_excused(monkeypatch):
    with pytest.raises(OSError), Outage().excuses("all"):
        away()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    outage = Outage()
    with pytest.raises(ZeroDivisionError), outage.excuses("all"):
        _ = 1 / 0
    with outage.excuses("figures"):
        away()
    assert outage.lost == ["figures"]


def test_words_become_tags_that_mlflow_takes():
    assert word_tags([]) == {}
    assert word_tags(["paper", "湖 1/2"]) == {"tags": "paper 湖 1/2", "tag.paper": "true", "tag.湖-1-2": "true"}

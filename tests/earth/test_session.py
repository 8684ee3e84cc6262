"""Connecting: what goes wrong is said in one line with its fix, and nothing is left running."""

import signal
import subprocess
import sys
import textwrap
import time

import ee
import psutil
import pytest
from google.auth.exceptions import RefreshError

from eelocal import Server
from water_gee.earth import connect
from water_gee.errors import EarthError
from water_gee.paths import Layout


def failing(settings, tmp_path, *overrides: str) -> str:
    with pytest.raises(EarthError) as raised, connect(settings(*overrides).earth, Layout(tmp_path)):
        pass
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_eelocal_is_started_and_ended(settings, tmp_path):
    with connect(settings().earth, Layout(tmp_path)) as session:
        assert session.value(ee.Number(20).add(1)) == 21
        assert session.process is not None
        session.check()
        process = session.process
    assert process.poll() is not None


def test_eelocal_that_ends_is_noticed(settings, tmp_path):
    with connect(settings().earth, Layout(tmp_path)) as session:
        session.process.kill()
        session.process.wait()
        with pytest.raises(EarthError, match="eelocal ended"):
            session.check()


def test_a_killed_program_leaves_no_eelocal_behind(settings, scene_catalog, tmp_path):
    code = textwrap.dedent(
        f"""
        import time
        from pathlib import Path
        from water_gee.earth.local import eelocal
        with eelocal(Path({str(scene_catalog)!r}), Path({str(tmp_path)!r})) as (url, process):
            print(process.pid, flush=True)
            time.sleep(60)
        """
    )
    program = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, encoding="utf-8")
    child = int(program.stdout.readline())
    program.send_signal(signal.SIGKILL)
    program.wait()
    program.stdout.close()
    for _ in range(100):
        if not alive(child):
            return
        time.sleep(0.1)
    pytest.fail("eelocal outlived the program that started it")


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # ended, but not yet waited for
    except psutil.NoSuchProcess:
        return False


def test_a_missing_catalog(settings, tmp_path):
    text = failing(settings, tmp_path, "earth.catalog=no/such/folder")
    assert "earth.catalog" in text and "no/such/folder does not exist" in text


def test_eelocal_that_does_not_start(settings, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "")
    (tmp_path / "eelocal.py").write_text("import sys; sys.exit('eelocal: the port is taken')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert failing(settings, tmp_path) == "eelocal did not start: the port is taken"


def test_an_address_where_nobody_listens(settings, tmp_path):
    begun = time.monotonic()
    assert "http://127.0.0.1:9 does not answer" in failing(settings, tmp_path, "earth.url='http://127.0.0.1:9'")
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("fault", ["429*2", "503*2", "drop*2", "truncate*1", "alter:200*1", "trickle:1000*1"])
@pytest.mark.parametrize("route", ["discovery", "algorithms"])
def test_a_start_is_tried_as_often_as_any_request(settings, scene_catalog, tmp_path, route, fault):
    with Server(scene_catalog, faults=[f"{route}={fault}"]) as server:
        earth = settings(f"earth.url={server.url}", "earth.deadline=1").earth
        with connect(earth, Layout(tmp_path)) as session:
            assert session.value(ee.Number(20).add(1)) == 21


def test_no_proxy_stands_before_this_machine(settings, scene_catalog, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with (
        Server(scene_catalog) as server,
        connect(settings(f"earth.url={server.url}").earth, Layout(tmp_path)) as session,
    ):
        assert session.value(ee.Number(20).add(1)) == 21


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            ee.EEException("Please authorize access to your account\n\nearthengine authenticate"),
            "run: earthengine auth",
        ),
        (RefreshError("token expired"), "run: earthengine authenticate"),
        (ee.EEException("Caller does not have required permission"), "earth.project=mine was refused: Caller does"),
        (ConnectionError("no route"), "cannot be reached"),
    ],
)
def test_the_service_refuses(settings, tmp_path, monkeypatch, error, text):
    def refuse(**_: object) -> None:
        raise error

    monkeypatch.setattr(ee, "Initialize", refuse)
    assert text in failing(settings, tmp_path, "earth=cloud", "earth.project=mine")

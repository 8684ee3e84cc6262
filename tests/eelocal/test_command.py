"""``python -m eelocal``."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import eelocal
from eelocal.__main__ import main

SOURCE = Path(eelocal.__file__).parents[1]


def start(*arguments, **options):
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    command = [sys.executable, "-m", "eelocal", *map(str, arguments)]
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        **options,
        encoding="utf-8",
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ends_quietly(folder, number):
    process = start("--catalog", folder)
    line = process.stdout.readline()
    url = line.split()[3]
    assert line == f"eelocal: listening on {url} (catalog {folder})\n" and url.startswith("http://127.0.0.1:")
    ee = eelocal.connect(url)
    assert ee.Number(2).add(3).getInfo() == 5
    process.send_signal(number)
    out, err = process.communicate(timeout=180)
    assert (process.returncode, out, err) == (0, "", "")


def test_no_proxy_stands_before_it_and_its_output_need_not_know_a_folders_letters(folder, tmp_path, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("PYTHONIOENCODING", "latin-1")
    folder.rename(tmp_path / "湖")
    process = start("--catalog", tmp_path / "湖", "--parent-stdin", stdin=subprocess.PIPE)
    url = process.stdout.readline().split()[3]
    assert eelocal.connect(url).Number(2).add(3).getInfo() == 5
    process.stdin.close()
    assert process.wait(180) == 0 and process.stderr.read() == ""


@pytest.mark.parametrize("name", ["PROJ_LIB", "PROJ_DATA"])
def test_it_reads_its_own_tables_of_coordinate_systems(folder, foreign_tables, monkeypatch, name):
    monkeypatch.setenv(name, str(foreign_tables))
    process = start("--catalog", folder, "--parent-stdin", stdin=subprocess.PIPE)
    ee = eelocal.connect(process.stdout.readline().split()[3])
    assert ee.Image("NASA/DEM").projection().crs().getInfo() == "EPSG:32648"
    process.communicate("")


def test_it_ends_when_its_parent_closes_standard_input(folder):
    process = start("--catalog", folder, "--parent-stdin", stdin=subprocess.PIPE)
    assert "listening" in process.stdout.readline()
    assert process.poll() is None
    process.stdin.close()
    assert process.wait(180) == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--catalog", "absent"], "eelocal: catalog absent is not a folder"),
        (["--catalog", ".", "--fault", "x=y"], "is not ROUTE=ACTION"),
        (["--catalog", ".", "--port", "99999"], "port"),
        (["--catalog", ".", "--log", "absent/x.log"], "absent/x.log"),
    ],
)
def test_what_cannot_start_ends_with_one_line(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and message in err and err.count("\n") == 1


def test_a_taken_port_is_one_line(folder, server, capsys):
    assert main(["--catalog", str(folder), "--port", server.url.rsplit(":", 1)[1]]) == 2
    err = capsys.readouterr().err
    assert "in use" in err and err.count("\n") == 1


def test_it_binds_the_loopback_interface_only(server):
    assert server._http.server_address[0] == "127.0.0.1"

"""The `ui` stage: MLflow's page of the study's runs, a team's server's or one that this machine serves to itself."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import FrameType
from typing import NoReturn

from water_gee.config.settings import Settings
from water_gee.errors import ConfigError, ModelError
from water_gee.paths import Layout, team_server
from water_gee.progress import say, show_page
from water_gee.tracking.database import connect, known_experiment
from water_gee.tracking.sqlite_file import address
from water_gee.tracking.team import as_mlflow_reads, is_server, shown
from water_gee.tracking.view import page_of, share_view

HOST, PORT = "127.0.0.1", 5000  # the environment variable PORT names another port
_WARDEN = Path(__file__).with_name("group_end.py")
_PATIENCE = 120.0  # seconds to answer; MLflow takes some ten where the machine is idle


def run(settings: Settings) -> None:
    """Tell the address of the study's experiment, on the team's server; else serve MLflow until Ctrl-C.

    Raises:
        ModelError: there is no database yet, or the server ends by itself.
        ConfigError: the port is no port or taken.
        WaterGeeError: the team's server does not answer.
    """
    layout, team = Layout.of(settings), team_server()
    if not layout.tracks:
        raise ModelError(f"there is no {layout.database}, so no run to show; run first: python train.py")
    port = None if is_server(team) else free_port()
    client = connect(layout)
    if experiment := known_experiment(client, settings.study.name):
        share_view(client, experiment, next(iter(settings.study.references), None))
    if port is None:
        show_page(page_of(experiment, shown(team).replace("***@", "")))
    else:
        _serve(
            as_mlflow_reads(team) if team else address(layout.database),
            port,
            page_of(experiment, f"http://{HOST}:{port}"),
        )


def _serve(database: str, port: int, page: str) -> None:
    # In a session of its own, Ctrl-C reaches this process alone, which then ends the server's whole group. Where this
    # process cannot, since it was killed or its terminal is gone, the warden sees its standard input close, and does.
    warden = [sys.executable, "-P", str(_WARDEN)]
    server = subprocess.Popen(
        [*warden, *command(database, port)], env=environment(), stdin=subprocess.PIPE, start_new_session=True
    )
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        _wait(server, port)
        show_page(page)
        say("Ctrl-C ends it")
        if code := server.wait():
            raise ModelError(f"MLflow's server ended by itself with code {code}; see its lines above")
    except KeyboardInterrupt:
        say("ended")
    finally:
        _end(server)
        signal.signal(signal.SIGTERM, before)


def free_port() -> int:
    """Return the port to serve on.

    Raises:
        ConfigError: PORT is not a port, or something listens there.
    """
    wanted = os.environ.get("PORT") or str(PORT)
    if not (wanted.isdecimal() and 0 < int(wanted) < 65536):
        raise ConfigError(f"PORT={wanted} is not a port; choose a number below 65536")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port just left is free
        try:
            probe.bind((HOST, int(wanted)))
        except OSError as error:
            raise ConfigError(
                f"port {wanted} of {HOST} cannot be had ({error.strerror}); choose another: PORT=5001 make ui"
            ) from error
    return int(wanted)


def command(database: str, port: int) -> list[str]:
    """Return the server's command line: one worker is enough for one reader, and it logs only what is wrong."""
    return [
        sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1",
        "--backend-store-uri", database, "--uvicorn-opts", "--log-level warning",
    ]  # fmt: skip


def environment() -> dict[str, str]:
    """Return the server's environment: no telemetry, and none of the processes that judge language models."""
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    return {**os.environ, **quiet}


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # whatever proxies the environment names
    ends = time.monotonic() + _PATIENCE
    while server.poll() is None and time.monotonic() < ends:
        try:
            with direct.open(f"http://{HOST}:{port}/health", timeout=5):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.2)
    raise ModelError("MLflow's server does not start; see its lines above")


def _end(server: subprocess.Popen[bytes]) -> None:
    for way in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, way)
            server.wait(timeout=10)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue


def _interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt

"""A team's MLflow server on the loopback, which can go away and come back."""

import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from water_gee.tracking import server as ui


class TeamServer:
    """`mlflow server` with an sqlite database and its own store of artifacts, below a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as probe:
            probe.bind((ui.HOST, 0))
            self.port = probe.getsockname()[1]
        self.folder, self.uri = folder, f"http://{ui.HOST}:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = ui.command(f"sqlite:///{self.folder / 'team.db'}", self.port)
        environment = {name: value for name, value in ui.environment().items() if name != "MLFLOW_TRACKING_URI"}
        self._process = subprocess.Popen(
            [*command, "--artifacts-destination", str(self.folder / "store")],
            cwd=self.folder, env=environment, start_new_session=True,
        )  # fmt: skip
        until = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"{self.uri}/health", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                assert self._process.poll() is None and time.monotonic() < until, "the server does not start"
                time.sleep(0.2)

    def stop(self) -> None:
        """Kill it, with all that it started."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(180)
            self._process = None

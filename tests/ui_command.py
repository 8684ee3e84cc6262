"""`water-gee ui` as a process of its own, on a port that is free."""

import os
import socket
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1] / "src"
HOST = "127.0.0.1"


def start_ui(root: Path, **options) -> tuple[subprocess.Popen[str], int]:
    """Start the command and wait until it tells its page; return it and its port."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PORT": str(port), "PYTHONPATH": str(SOURCE), "PYTHONUNBUFFERED": "1"}
    environment.pop("DISPLAY", None)
    started = subprocess.Popen(
        [sys.executable, "-m", "water_gee", "ui", "study=sample", f"paths.root='{root}'"],
        env=environment, cwd=SOURCE.parent, stderr=subprocess.PIPE, text=True, encoding="utf-8", **options,
    )  # fmt: skip
    said = []
    for line in started.stderr:
        if line.startswith("http"):
            return started, port
        said.append(line)
    raise AssertionError("".join(said))


def answers(port: int) -> bool:
    """Say whether something listens on a port."""
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0

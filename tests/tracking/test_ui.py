"""MLflow's server never outlives the command that started it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from ui_command import answers, start_ui
from water_gee.paths import Layout
from water_gee.tracking import server as ui
from water_gee.tracking.database import connect

WARDEN = Path(ui.__file__).with_name("group_end.py")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("ui")
    connect(Layout(root))
    return root


@pytest.mark.slow
@pytest.mark.parametrize("way", [signal.SIGKILL, signal.SIGHUP, signal.SIGTERM])
def test_however_the_command_ends_no_server_is_left(root, way):
    started, port = start_ui(root)
    others = psutil.Process(started.pid).children(recursive=True)
    assert len(others) >= 2 and answers(port)
    started.send_signal(way)
    started.communicate(timeout=180)
    _, left = psutil.wait_procs(others, timeout=180)
    assert left == [] and not answers(port)


@pytest.mark.slow
def test_with_its_terminal_the_server_is_gone(root):
    ours, theirs = os.openpty()
    terminal = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    started, port = start_ui(root, stdin=theirs, start_new_session=True, preexec_fn=lambda: exec(terminal))
    others = psutil.Process(started.pid).children(recursive=True)
    os.close(theirs)
    os.close(ours)
    assert started.wait(timeout=180) == -signal.SIGHUP
    assert psutil.wait_procs(others, timeout=180)[1] == [] and not answers(port)


def guard(*code: str, stdin: int | None = subprocess.PIPE) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", str(WARDEN), sys.executable, "-c", "\n".join(code)]
    return subprocess.Popen(
        command, stdin=stdin, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True
    )


def test_the_warden_ends_with_its_command_and_the_same_code():
    assert guard("import sys; sys.exit(3)").wait(180) == 3
    assert guard("import os; os.kill(os.getpid(), 9)").wait(180) == 128 + 9


def test_the_warden_ends_the_children_of_its_command_too():
    sleeper = "import subprocess, sys, time"
    process = guard(
        sleeper,
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])",
        "print(child.pid, flush=True)",
        "time.sleep(600)",
    )
    child = psutil.Process(int(process.stdout.readline()))
    process.stdin.close()
    assert process.wait(180) == -signal.SIGKILL
    assert psutil.wait_procs([child], timeout=180)[1] == []


def test_what_does_not_want_to_end_is_killed():
    code = WARDEN.read_text(encoding="utf-8").replace("_GRACE = 10.0", "_GRACE = 0.2")
    assert "_GRACE = 0.2" in code
    stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
    process = subprocess.Popen(
        [sys.executable, "-c", code, sys.executable, "-c", stubborn],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    assert process.stdout.readline() == "up\n"
    process.stdin.close()
    assert process.wait(180) == -signal.SIGKILL
    assert process.stdout.read() == "", "the command holds its output no more"

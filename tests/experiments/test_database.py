"""One MLflow database, and several processes that make it and write to it at once."""

import subprocess
import sys

import pytest

from water_gee.errors import WaterGeeError
from water_gee.paths import Layout
from water_gee.tracking import connect


def test_a_file_that_is_no_database_is_said_in_one_line(tmp_path):
    layout = Layout(tmp_path)
    layout.database.write_bytes(b"not a database, but long enough to look like a file of some kind" * 40)
    with pytest.raises(WaterGeeError, match="move it away") as error:
        connect(layout)
    assert "\n" not in str(error.value)


_CREATE = """
import sys
from pathlib import Path
from water_gee.paths import Layout
from water_gee.tracking.database import connect, experiment
layout = Layout(Path(sys.argv[1]))
print(experiment(connect(layout), layout, "study"))
"""


@pytest.mark.slow
def test_two_processes_that_make_the_database_at_once_both_succeed(tmp_path):
    started = [
        subprocess.Popen([sys.executable, "-c", _CREATE, str(tmp_path)], stdout=subprocess.PIPE, encoding="utf-8")
        for _ in range(2)
    ]
    answers = [process.communicate()[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert answers[0] == answers[1]
    assert Layout(tmp_path).database.is_file()


_USE = """
import sys
from pathlib import Path
from water_gee.paths import Layout
from water_gee.tracking.database import connect, experiment
from water_gee.runs import Dataset
from water_gee.tracking import log_data
layout = Layout(Path(sys.argv[1]))
client = connect(layout)
known = experiment(client, layout, "study")
runs = [client.create_run(known).info.run_id for _ in range(20)]
print("ready", flush=True)
input()
for number, run in enumerate(runs):
    log_data(client, run, [Dataset(f"data/{number}/{part}", "1", "there", "training") for part in range(3)])
"""


@pytest.mark.slow
def test_processes_that_log_the_same_new_dataset_at_once_all_succeed(tmp_path):
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    started = [subprocess.Popen([sys.executable, "-c", _USE, str(tmp_path)], **pipes) for _ in range(3)]
    assert [process.stdout.readline() for process in started] == ["ready\n"] * 3
    for process in started:
        process.stdin.write("\n")
        process.stdin.flush()
    for process in started:
        process.communicate()
    assert [process.returncode for process in started] == [0, 0, 0]

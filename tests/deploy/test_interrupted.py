"""`deploy`, interrupted at each call to the service and started again, starts every task once and loses none."""

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from requests.adapters import HTTPAdapter

from eelocal.exports import ImageExport
from water_gee.deploy.ledger import Ledger
from water_gee.deploy.stage import run
from water_gee.earth import connect, tasks
from water_gee.errors import EarthError

BLOCKS = 2  # a block a year


class KilledError(BaseException):
    """The process ends here."""


@contextmanager
def interrupted(call: int, *, after: bool) -> Iterator[list[str]]:
    """End the command at its call of that number to the service: before it is sent, or when it has been answered.

    What it yields holds the calls that were made.
    """
    send, made = HTTPAdapter.send, []

    def sent(self, request, *arguments, **more):
        made.append(f"{request.method} {request.path_url}")
        if len(made) == call and not after:
            raise KilledError
        response = send(self, request, *arguments, **more)
        if len(made) == call:
            raise KilledError
        return response

    HTTPAdapter.send = sent
    try:
        yield made
    except KilledError:
        pass
    finally:
        HTTPAdapter.send = send


@pytest.fixture
def quick(monkeypatch):
    """Exports that are done at once: it is the tasks that count here."""
    from eelocal.evaluator import Evaluator, PixelGrid

    info = {"bands": [{"id": "water"}, {"id": "probability"}]}
    grid = PixelGrid("EPSG:32648", (30, 0, 0, 0, -30, 0), 1, 1)
    monkeypatch.setattr(ImageExport, "_write", lambda self, path, *_: path.write_bytes(b"map"))
    monkeypatch.setattr(Evaluator, "export_info", lambda self, expression: (info, grid))


def test_each_task_is_started_once_wherever_it_is_interrupted(verified, choose, server, quick) -> None:
    choice = choose("study.years=[2019,2020]", "deploy.block=1024")

    def deploy(name: str) -> None:
        """Deploy to a folder of its own, which makes it a deployment of its own."""
        to = choice.deploy.model_copy(update={"folder": f"projects/local/assets/{name}/maps"})
        run(choice.model_copy(update={"deploy": to}))

    with interrupted(10_000, after=True) as calls:
        deploy("whole")
    assert sum("image:export" in call for call in calls) == BLOCKS and len(calls) > 12
    harmless = (
        next(number for number, call in enumerate(calls, 1) if call.startswith("POST") and "/assets?" in call) - 1
    )
    folders = {"whole"}
    for after in (False, True):
        for call in range(1, len(calls) + 1):
            name = f"{after}_{max(call, harmless)}"  # what changes nothing there is interrupted again and again
            with interrupted(call, after=after) as made:
                deploy(name)
            assert len(made) == call
            if call >= harmless:
                deploy(name)
            folders.add(name)
    with connect(choose().earth, verified) as session:
        for _ in range(200):
            listed = tasks(session)
            if not any(one.active for one in listed):
                break
            time.sleep(0.05)
    assert Counter(one.state for one in listed) == {"SUCCEEDED": BLOCKS * len(folders)}
    assert set(Counter(one.description for one in listed).values()) == {1}
    assert all(one.description.endswith("-1") for one in listed)
    known = Ledger(verified.deploy, "tiny").latest
    assert {one.operation for one in known} == {one.name for one in listed}


@pytest.mark.slow
def test_a_bad_network_starts_nothing_twice(verified, choose, server) -> None:
    for fault in ("429%15", "503%10", "drop%5", "truncate%5", "short%5"):
        server.faults.add(f"any={fault}")
    for fault in ("export=alter:2%40", "operations=alter:2%20", "assets=alter:2%20", "listAssets=alter:2%20"):
        server.faults.add(fault)
    for _ in range(12):
        try:
            run(choose("deploy.watch=true", "deploy.seconds=0.05", "earth.attempts=6"))
            break
        except EarthError:
            continue
    server.faults.clear()
    run(choose("deploy.watch=true"))
    with connect(choose().earth, verified) as session:
        listed = tasks(session)
    assert Counter(one.state for one in listed) == {"SUCCEEDED": 4} and len({one.description for one in listed}) == 4
    assert {one.operation for one in Ledger(verified.deploy, "tiny").latest} == {one.name for one in listed}


SCRIPT = """
import os, sys
from requests.adapters import HTTPAdapter
from water_gee.cli import main

send = HTTPAdapter.send

def sent(self, request, *arguments, **more):
    response = send(self, request, *arguments, **more)
    if "image:export" in request.path_url:
        os._exit(9)
    return response

HTTPAdapter.send = sent
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_process_that_is_killed_leaves_a_ledger_to_go_on_with(verified, choose, server, config_dir) -> None:
    choice = choose("deploy.watch=true", "deploy.block=1024")
    own = ["study=tiny", f"earth.url={server.url}", "study.years=[2020]", "predict.area=test", "deploy.block=1024"]
    command = [sys.executable, "-c", SCRIPT, "deploy", *own, f"paths.root={verified.root}"]
    done = subprocess.run(
        [*command, "--config-dir", str(config_dir)], capture_output=True, encoding="utf-8", check=False
    )
    assert done.returncode == 9, done.stderr
    (known,) = Ledger(verified.deploy, "tiny").latest
    assert known.state == "STARTING" and known.operation == ""
    run(choice)
    (known,) = Ledger(verified.deploy, "tiny").latest
    with connect(choice.earth, verified) as session:
        assert [(one.name, one.state) for one in tasks(session)] == [(known.operation, "SUCCEEDED")]


def test_a_ledger_that_was_cut_off_goes_on_and_one_that_was_changed_does_not(verified, choose, server) -> None:
    path = Path(verified.deploy / "ledger.jsonl")
    run(choose("deploy.block=1024", "deploy.watch=true"))
    whole = path.read_bytes()
    for cut in (1, 40, len(whole.splitlines(keepends=True)[-1]) + 5):
        path.write_bytes(whole[:-cut])
        run(choose("deploy.block=1024", "deploy.watch=true"))
        assert path.read_bytes().endswith(b"\n") and [one.state for one in Ledger(path.parent, "tiny").latest] == [
            "SUCCEEDED"
        ]
    assert sum(one["route"] == "export" for one in server.requests) == 1
    path.write_bytes(whole.replace(b'"number": 1', b'"number": 2', 1))
    with pytest.raises(EarthError, match=r"ledger.jsonl: line 2 is not the one that was written; move it away and run"):
        run(choose())
    path.write_bytes(whole)
    with pytest.raises(EarthError, match="is of the study tiny and not of other"):
        Ledger(path.parent, "other")


def test_a_full_disk_starts_no_task_that_the_ledger_lacks(verified, choose, server, monkeypatch) -> None:
    from water_gee.deploy import ledger

    def full(number: int) -> None:
        if os.fstat(number).st_size > 3_000:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        run(choose())
    known = [one for one in Ledger(verified.deploy, "tiny").latest if one.operation]
    monkeypatch.undo()
    run(choose("deploy.watch=true"))
    listed = {one.operation for one in Ledger(verified.deploy, "tiny").latest}
    assert len(known) < len(listed) == 4 == sum(one["route"] == "export" for one in server.requests)

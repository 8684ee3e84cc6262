"""Training by several processes: what one process would have learnt, and no process left behind."""

import csv
import os
import signal
import socket
import subprocess
import sys
import time
from multiprocessing.spawn import get_executable, set_executable
from pathlib import Path

import numpy as np
import pytest
import torch

from labelled import QUICK, folder_for, quick_settings, weights, write_labelled_tiles
from water_gee.errors import ConfigError, ModelError, TileError
from water_gee.runs.records import FINISHED, KILLED, RUNNING, all_runs
from water_gee.training import run, train
from water_gee.training.ddp import Place, on_gpu, place_of, threads_of

TRAIN = Path(__file__).resolve().parents[2] / "train.py"
# So slow to learn that curves and weights still tell processes that share the batches rightly from others; batches
# whose parts differ in size, as the last one of an epoch does.
HARD = ("model=pixelcnn", "model.widths=[4,5,6,7]", "model.lr=0.002", "data=crops", "data.crop=16", "data.crop_batch=5")
TWO = ("trainer.devices=2",)

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="counts processes in /proc (Linux)")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("processes")
    write_labelled_tiles(folder)
    return folder


@pytest.fixture(autouse=True)
def drawn(monkeypatch):
    """Keep what was fitted in place of the figures, which are most of so small a run's time."""
    fitted = []
    monkeypatch.setattr("water_gee.training.run.draw_all", lambda folder, one, *others: fitted.append(one))
    return fitted


def curves(folder):
    rows = csv.DictReader((folder / "curves.csv").open(encoding="utf-8"))
    return np.array([[float(value) for value in row.values()] for row in rows])


def processes_of(process):
    """Return the ids of the processes that train for the one of this id, by rank."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            parent = int((entry / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
            command = (entry / "cmdline").read_text(encoding="utf-8")
        except OSError:
            continue  # it has ended meanwhile
        if parent == process and "multiprocessing.spawn" in command:
            found.append(int(entry.name))
    return sorted(found)


def is_there(process):
    """Say whether a process still runs; one that has ended and waits to be counted does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(what, seconds=180.0):
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it takes too long"
        time.sleep(0.05)


@needs_proc
def test_two_processes_learn_what_one_learns(root, drawn):
    one, two = folder_for(root, "one"), folder_for(root, "two")
    alone = train(quick_settings(root, *HARD), one)
    threads, variables = torch.get_num_threads(), dict(os.environ)
    during = []
    together = train(
        quick_settings(root, *HARD, *TWO), two, on_epoch=lambda *_: during.append(len(processes_of(os.getpid())))
    )
    assert during == [2, 2, 2]
    for name, value in alone.metrics.items():
        assert together.metrics[name] == pytest.approx(value, abs=1e-3), name
    assert 0.1 < alone.metrics["iou"] < 0.999, "too easy to tell anything"
    np.testing.assert_allclose(curves(two), curves(one), atol=1e-4)
    torch.testing.assert_close(weights(two), weights(one), rtol=0, atol=1e-5)
    # Each pixel is counted once: the processes share the work, and none of it is done twice or left out.
    counts = [(int(fitted.scores.water.sum()), int(fitted.scores.land.sum())) for fitted in drawn]
    assert counts[0] == counts[1]
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    # Nothing stays: the next job of a sweep may train alone.
    assert processes_of(os.getpid()) == []
    assert not torch.distributed.is_initialized()
    assert (torch.get_num_threads(), dict(os.environ)) == (threads, variables)


def test_a_process_that_cannot_begin_is_told_in_one_line(root, tmp_path):
    broken, python = tmp_path / "python", get_executable()
    broken.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    broken.chmod(0o755)
    set_executable(str(broken))
    try:
        with pytest.raises(ModelError, match=r"^training process [12] of 2 ended: it left no word but exit code 7$"):
            train(quick_settings(root, *TWO), folder_for(root, "broken"))
    finally:
        set_executable(python)


def out_of_memory(settings, folder, resume, place, meeting, told):
    """Stand for a training whose second process finds no room, and whose first one then loses it."""
    if place.rank == 1:
        time.sleep(0.5)
        raise MemoryError("no room for the tiles")
    with run.joined(place, settings.trainer, meeting):
        return None


def mistaken(settings, folder, resume, place, meeting, told):
    """Stand for a training with a mistake of the program in its second process, which the first one is lost by."""
    with run.joined(place, settings.trainer, meeting):
        if place.rank == 1:
            raise KeyError("mistake")
        torch.distributed.barrier()


def refused(settings, folder, resume, place, meeting, told):
    """Stand for a training that a user's mistake ends in one of the processes."""
    if place.rank == 1:
        raise TileError("a tile is gone")
    time.sleep(60)


@needs_proc
@pytest.mark.parametrize(
    ("work", "error", "told"),
    [
        pytest.param(
            out_of_memory,
            ModelError,
            r"^training process 2 of 2 ended: there is not enough memory \(no room for .*$",
            marks=pytest.mark.slow,
        ),
        (mistaken, ModelError, r"^training process 2 of 2 ended: KeyError: 'mistake'$"),
        (refused, TileError, "^a tile is gone$"),
    ],
)
def test_why_a_process_failed_is_told_in_one_line_and_the_others_end(root, monkeypatch, capsys, work, error, told):
    monkeypatch.setattr(run, "_take_part", work)
    with pytest.raises(error, match=told):
        train(quick_settings(root, *TWO), folder_for(root, work.__name__))
    assert processes_of(os.getpid()) == []
    assert ("Traceback" in capsys.readouterr().err) == (work is mistaken)  # which is for those who mend it


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("rank", [0, 1])
def test_a_process_that_is_killed_is_told_in_one_line(root, rank):
    def kill(epoch, metrics):
        os.kill(processes_of(os.getpid())[rank], signal.SIGKILL)

    with pytest.raises(ModelError, match=rf"^training process {rank + 1} of 2 ended: it was killed by SIGKILL[^\n]*$"):
        train(quick_settings(root, *TWO), folder_for(root, f"killed {rank}"), on_epoch=kill)
    assert processes_of(os.getpid()) == []


@pytest.mark.slow
def test_two_processes_go_on_from_any_epoch_as_if_undisturbed(root):
    class Killed(Exception):
        """In place of a signal: nothing in the program handles it."""

    def kill(epoch, metrics):
        raise Killed

    undisturbed, folder = folder_for(root, "undisturbed"), folder_for(root, "disturbed")
    settings = quick_settings(root, *HARD, *TWO)
    train(settings, undisturbed)
    epochs = []
    for last in (1, 2):
        with pytest.raises(Killed):
            train(settings, folder, resume=True, on_epoch=lambda epoch, _, last=last: epoch == last and kill(epoch, _))
        assert processes_of(os.getpid()) == []
    train(settings, folder, resume=True, on_epoch=lambda epoch, _: epochs.append(epoch))
    assert epochs == [2]
    assert torch.equal(weights(folder), weights(undisturbed))
    assert (folder / "curves.csv").read_bytes() == (undisturbed / "curves.csv").read_bytes()


@needs_proc
@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_processes_end_with_the_one_that_started_them(tmp_path, number):
    layout = write_labelled_tiles(tmp_path)
    endless = ("trainer=ddp", *QUICK, "trainer.epochs=5000", "trainer.patience=5000", f"paths.root={tmp_path}")
    (tmp_path / "temporary").mkdir()
    process = subprocess.Popen(
        [sys.executable, str(TRAIN), *endless], cwd=TRAIN.parent, stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
        encoding="utf-8",
    )  # fmt: skip
    wait_for(lambda: list(layout.runs.glob("*/curves.csv")))
    started = processes_of(process.pid)
    assert len(started) == 2
    process.send_signal(number)
    _, told = process.communicate(timeout=180)
    wait_for(lambda: not any(is_there(one) for one in started), 10)
    wait_for(lambda: list((tmp_path / "temporary").iterdir()) == [], 10)
    assert process.returncode != 0 and "Traceback" not in told
    status = RUNNING if number == signal.SIGKILL else KILLED  # the next command marks the former
    assert [record.status for _, record in all_runs(layout)] == [status]


@pytest.mark.slow
def test_two_machines_train_one_network_by_torchrun(tmp_path, root):
    """Both are this one, where torchrun's two agents know of each other by an address alone."""
    layout = write_labelled_tiles(tmp_path)
    train(quick_settings(root, *HARD), alone := folder_for(root, "one machine"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = ("trainer=ddp", *QUICK, *HARD, "trainer.nodes=2", "trainer.devices=1", f"paths.root={tmp_path}")
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d",
        f"--rdzv-endpoint=127.0.0.1:{port}", "--local-addr=127.0.0.1", str(TRAIN), *settings, "run.name=machines",
    ]  # fmt: skip
    loopback = {**os.environ, "GLOO_SOCKET_IFNAME": "lo"}
    agents = [
        subprocess.Popen(command, cwd=TRAIN.parent, stderr=subprocess.PIPE, env=loopback, encoding="utf-8")
        for _ in range(2)
    ]
    told = [agent.communicate(timeout=300)[1] for agent in agents]
    assert [agent.returncode for agent in agents] == [0, 0], told
    assert [record.status for _, record in all_runs(layout)] == [FINISHED]  # one run, though two processes
    np.testing.assert_allclose(curves(layout.runs / "machines"), curves(alone), atol=1e-4)
    torch.testing.assert_close(weights(layout.runs / "machines"), weights(alone), rtol=0, atol=1e-5)


@pytest.fixture
def torchrun(monkeypatch):
    """Make this process look like the fourth of four that torchrun started on two machines."""
    environment = {
        "TORCHELASTIC_RUN_ID": "none", "RANK": "3", "LOCAL_RANK": "1", "WORLD_SIZE": "4", "LOCAL_WORLD_SIZE": "2",
    }  # fmt: skip
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


def trainer(*overrides):
    return quick_settings(Path("nowhere"), *overrides).trainer


def test_a_process_knows_its_place(torchrun):
    assert place_of(trainer("trainer.nodes=2", *TWO)) == Place(rank=3, world=4, local=1, devices=2)
    with pytest.raises(ConfigError, match=r"trainer.nodes=2 trainer.devices=2"):
        place_of(trainer())


def test_several_machines_without_torchrun_are_refused_with_the_command():
    with pytest.raises(ConfigError, match=r"torchrun --nnodes=2 --nproc-per-node=1 .*HOST:PORT"):
        place_of(trainer("trainer.nodes=2"))


def test_processes_that_outnumber_the_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert on_gpu("auto") and not on_gpu("cpu", Place(devices=2))
    with pytest.raises(TileError, match=r"trainer.devices=1, or trainer.accelerator=cpu"):
        on_gpu("auto", Place(world=2, devices=2))


def test_the_processes_of_a_machine_divide_its_threads_among_them(monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: 5)
    assert threads_of(trainer("trainer.threads=3"), Place(devices=2)) == 3
    assert [threads_of(trainer(), Place(devices=devices)) for devices in (1, 2, 8)] == [5, 2, 1]


def test_one_process_starts_no_other(root, monkeypatch):
    monkeypatch.setattr(run, "started", None)
    assert train(quick_settings(root), folder_for(root, "no other")).facts["epochs"] == 3

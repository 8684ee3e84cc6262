"""Several processes that train one network: where each stands, and how they meet.

Each holds the whole network and takes its share of every batch; the gradients' mean over the processes, which is
the gradient of the whole batch, moves them all alike. On one machine the process that runs the job starts the others
(`leading`), and they meet through a file and talk over the loopback alone; on several, `torchrun` starts all of them
and names a host and port.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.environments import ClusterEnvironment
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed

from water_gee.config.model import TrainerSettings
from water_gee.errors import ConfigError, ModelError, TileError

_LONGEST_WAIT = timedelta(minutes=30)  # for another process, before a training gives up; torch's own for gloo


@dataclass(frozen=True)
class Place:
    """Where a process stands among those that train together."""

    rank: int = 0  # among all; 0 runs the job, the others follow
    world: int = 1  # processes in all
    local: int = 0  # among those of this machine
    devices: int = 1  # processes on this machine


ALONE = Place()


def launched() -> bool:
    """Return whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_follower() -> bool:
    """Return whether `torchrun` started this process only to train along with another one, which runs the job."""
    return launched() and int(os.environ["RANK"]) > 0


def place_of(trainer: TrainerSettings) -> Place:
    """Return the place of this process, which is not one that `leading` started.

    Raises:
        ConfigError: `trainer.nodes` and `trainer.devices` do not fit how the process was started.
    """
    world = trainer.nodes * trainer.devices
    if launched():
        started, here = int(os.environ["WORLD_SIZE"]), int(os.environ["LOCAL_WORLD_SIZE"])
        if (started, here) != (world, trainer.devices):
            raise ConfigError(
                f"torchrun started {started} processes, {here} of them on this machine; say so to the training: "
                f"trainer.nodes={started // here} trainer.devices={here}"
            )
        return Place(int(os.environ["RANK"]), world, int(os.environ["LOCAL_RANK"]), trainer.devices)
    if trainer.nodes > 1:
        raise ConfigError(
            f"trainer.nodes={trainer.nodes}: start it on each machine by torchrun --nnodes={trainer.nodes} "
            f"--nproc-per-node={trainer.devices} --rdzv-backend=c10d --rdzv-endpoint=HOST:PORT train.py ..."
        )
    return Place(0, world, 0, trainer.devices)


def on_gpu(accelerator: str, place: Place = ALONE) -> bool:
    """Return whether a process trains on a GPU; each on this machine has one of its own.

    Raises:
        TileError: a GPU is asked for and there is none, or there are fewer than processes.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if accelerator == "gpu" and not found:
        raise TileError("trainer.accelerator=gpu: no GPU is found; use trainer.accelerator=auto")
    if accelerator == "cpu" or not found:
        return False
    if found < place.devices:
        raise TileError(
            f"trainer.devices={place.devices}: this machine's GPUs are fewer, {found}; use trainer.devices={found}, or "
            "trainer.accelerator=cpu for processes that need none"
        )
    return True


def threads_of(trainer: TrainerSettings, place: Place) -> int:
    """Return the threads of each process: as asked for, or this machine's divided among its processes."""
    if trainer.threads:
        return trainer.threads
    # torchrun sets OMP_NUM_THREADS to 1 where it is not set, so that what torch says is no guide there.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, (cores if launched() else torch.get_num_threads()) // place.devices)


@contextmanager
def joined(place: Place, *, gpu: bool, threads: int, meeting: Path | None = None) -> Iterator[None]:
    """Be one of those that train together, within the block.

    Args:
        place: where this process stands.
        gpu: each process has a GPU of its own.
        threads: of each process, on the CPU.
        meeting: a file, absent at first, through which the processes of one machine meet; without it they meet as
            `torchrun` says.
    """
    values = {"OMP_NUM_THREADS": str(threads)}  # set, it keeps Lightning from a choice of its own
    if meeting is not None and (loopback := _loopback()):
        values |= {"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback}
    arguments: dict[str, Any] = {"init_method": "env://"}
    if meeting is not None:
        store = distributed.FileStore(str(meeting), place.world)  # type: ignore[attr-defined]  # torch lists it nowhere
        arguments = {"store": store}
    before = torch.get_num_threads()
    with _environment(values):
        torch.set_num_threads(threads)
        if gpu:
            torch.cuda.set_device(place.local)
            arguments["device_id"] = torch.device("cuda", place.local)
        try:
            distributed.init_process_group(
                "nccl" if gpu else "gloo",
                rank=place.rank, world_size=place.world, timeout=_LONGEST_WAIT, **arguments,
            )  # fmt: skip
            yield
        except BaseException:
            if gpu and distributed.is_initialized():  # to leave NCCL in peace takes the others, which may be gone
                distributed.distributed_c10d._abort_process_group()
            raise
        finally:
            if distributed.is_initialized():
                distributed.destroy_process_group()
            torch.set_num_threads(before)


def is_loss_of_others(error: BaseException) -> bool:
    """Return whether an error is that another process, with which this one trained, is no longer there."""
    text = str(error).lower()
    words = ("gloo", "nccl", "connection closed by peer", "connection reset by peer", "timed out")
    return isinstance(error, distributed.DistError) or (
        isinstance(error, RuntimeError) and any(word in text for word in words)
    )


@contextmanager
def named_loss() -> Iterator[None]:
    """Say in one line that another of the processes that `torchrun` started is gone; its own line says why.

    Raises:
        ModelError: that is so.
    """
    try:
        yield
    except RuntimeError as error:
        if not is_loss_of_others(error):
            raise
        raise ModelError("another training process is gone; what it said last tells why") from error


def trainer_arguments(place: Place, accelerator: str) -> dict[str, Any]:
    """Return what Lightning's trainer is told of the place of its process."""
    if place.world == 1:
        return {"accelerator": accelerator, "devices": 1}
    return {
        "accelerator": "gpu" if on_gpu(accelerator, place) else "cpu",
        "devices": place.devices,
        "num_nodes": place.world // place.devices,
        # The only buffers are the bands' means and deviations, which never change.
        "strategy": DDPStrategy(cluster_environment=_Environment(place), broadcast_buffers=False),
    }


class _Environment(ClusterEnvironment):  # type: ignore[misc]  # Lightning is untyped to mypy here
    """Tells Lightning that the processes are there and have met."""

    def __init__(self, place: Place) -> None:
        self._place = place

    creates_processes_externally = True
    main_address = "127.0.0.1"  # Lightning opens no connection: the processes have met when it begins
    main_port = 0

    @staticmethod
    def detect() -> bool:
        """Return that it is never chosen unasked."""
        return False

    def world_size(self) -> int:
        """Return the number of processes."""
        return self._place.world

    def set_world_size(self, size: int) -> None:
        """Do nothing: it is known."""

    def global_rank(self) -> int:
        """Return the place among all processes."""
        return self._place.rank

    def set_global_rank(self, rank: int) -> None:
        """Do nothing: it is known."""

    def local_rank(self) -> int:
        """Return the place among the processes of this machine."""
        return self._place.local

    def node_rank(self) -> int:
        """Return the place of this machine among the machines."""
        return self._place.rank // self._place.devices


def _loopback() -> str:
    """Return the name of the interface that only this machine reaches; empty where none has a usual name."""
    names = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    return next((name for name in ("lo", "lo0") if name in names), "")


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Set environment variables within the block."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value

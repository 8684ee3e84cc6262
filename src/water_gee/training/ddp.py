"""Several processes that train one network (distributed data parallel): where each stands, and how they meet.

Each holds the whole network and takes its share of every batch; the gradients' mean over the processes, which is
the gradient of the whole batch, moves them all alike. On one machine the process that runs the job starts them
(`spawned`), and they meet through a file and talk over the loopback alone; on several, `torchrun` starts them and
names a host and port, and the one of rank 0 runs the job. Whoever starts them, their environment tells Lightning
their places as torchrun does.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pytorch_lightning.plugins.environments import TorchElasticEnvironment
from pytorch_lightning.strategies import DDPStrategy
from torch import distributed

from water_gee.config.model import TrainerSettings
from water_gee.errors import ConfigError, ModelError, TileError


@dataclass(frozen=True)
class Place:
    """Where a process stands among those that train together."""

    rank: int = 0  # among all; 0 writes what is kept
    world: int = 1  # processes in all
    local: int = 0  # among those of this machine
    devices: int = 1  # processes on this machine


ALONE = Place()


def launched() -> bool:
    """Return whether `torchrun` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def is_follower() -> bool:
    """Return whether `torchrun` started this process only to train along with the one that runs the job."""
    return launched() and int(os.environ["RANK"]) > 0


def place_of(trainer: TrainerSettings) -> Place:
    """Return the place of the process that runs the job, or of one that `torchrun` started.

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
    """Return whether a process trains on a CUDA GPU; each on this machine has one of its own.

    `gpu` is whichever kind the machine has, `mps` an Apple one, on which one process trains.

    Raises:
        TileError: a GPU is asked for and there is none, or there are fewer than processes.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else 0
    apple = torch.backends.mps.is_available()
    if {"gpu": not (found or apple), "cuda": not found, "mps": not apple}.get(accelerator):
        raise TileError(f"trainer.accelerator={accelerator}: no such GPU is found; use trainer.accelerator=auto")
    if accelerator == "mps" and place.world > 1:
        raise TileError("trainer.accelerator=mps trains in one process; leave out trainer=ddp")
    if accelerator in ("cpu", "mps") or not found:
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
def joined(place: Place, trainer: TrainerSettings, meeting: Path | None) -> Iterator[None]:
    """Be one of those that train together, within the block; for a process that does nothing else afterwards.

    Args:
        place: where this process stands.
        trainer: names the accelerator and the threads of each process.
        meeting: a file, absent at first, through which the processes of one machine meet; without it they meet as
            `torchrun` says.

    Raises:
        ModelError: another process that `torchrun` started is gone.
    """
    gpu, threads = on_gpu(trainer.accelerator, place), threads_of(trainer, place)
    torch.set_num_threads(threads)
    os.environ["OMP_NUM_THREADS"] = str(threads)  # set, it keeps Lightning from a choice of its own
    how: dict[str, Any] = {}
    if meeting is not None:
        here = {"RANK": place.rank, "LOCAL_RANK": place.local, "WORLD_SIZE": place.world, "GROUP_RANK": 0}
        os.environ.update({name: str(value) for name, value in here.items()})
        if loopback := _loopback():
            os.environ.update({"GLOO_SOCKET_IFNAME": loopback, "NCCL_SOCKET_IFNAME": loopback})
        how["store"] = distributed.FileStore(str(meeting), place.world)  # type: ignore[attr-defined]  # torch lists it nowhere
    if gpu:
        torch.cuda.set_device(place.local)
        how["device_id"] = torch.device("cuda", place.local)
    try:
        distributed.init_process_group("nccl" if gpu else "gloo", rank=place.rank, world_size=place.world, **how)
        yield
    except RuntimeError as error:
        if launched() and (isinstance(error, distributed.DistError) or "gloo" in str(error)):
            raise ModelError("another training process is gone; what it said last tells why") from error
        raise
    distributed.destroy_process_group()  # not after an error: it would wait for others, which may be gone


def trainer_arguments(place: Place, accelerator: str, *, all_used: bool = True) -> dict[str, Any]:
    """Return the trainer's arguments that depend on the place of its process.

    Args:
        place: of the process.
        accelerator: as the configuration names it.
        all_used: whether the loss depends on every parameter; in a network of the user's own it need not.
    """
    if place.world == 1:
        return {"accelerator": accelerator, "devices": 1}
    return {
        "accelerator": "gpu" if on_gpu(accelerator, place) else "cpu",
        "devices": place.devices,
        "num_nodes": place.world // place.devices,
        # Buffers that change, as BatchNorm's, are brought together once an epoch, before validation.
        "strategy": DDPStrategy(
            cluster_environment=TorchElasticEnvironment(), broadcast_buffers=False, find_unused_parameters=not all_used
        ),
    }


def _loopback() -> str:
    """Return the name of the interface that only this machine reaches; empty where none has a usual name."""
    names = {name for _, name in socket.if_nameindex()} if hasattr(socket, "if_nameindex") else set()
    return next((name for name in ("lo", "lo0") if name in names), "")

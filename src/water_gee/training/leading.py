"""The processes that follow one on its machine: started with it, told what to train, and ended with it."""

import json
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from torch import distributed

from water_gee.config.settings import Settings
from water_gee.errors import ModelError, WaterGeeError
from water_gee.training.processes import (
    ALONE,
    Place,
    is_loss_of_others,
    joined,
    launched,
    named_loss,
    on_gpu,
    place_of,
    threads_of,
)

LOST_OTHERS = 3  # exit code of a follower that only noticed that another process is gone
_LOOK = 0.05  # seconds between two looks at the followers
_GRACE = 3.0  # seconds in which a follower that broke a connection is seen to have ended
_GOODBYE = 10.0  # seconds in which followers leave once this process has closed their pipe


@contextmanager
def leading(settings: Settings, folder: Path, *, resume: bool) -> Iterator[Callable[[], Place]]:
    """Train with as many processes as `trainer.devices` and `trainer.nodes` say, within the block.

    Yields a function that waits until all are ready and returns the place of this one. On one machine the others
    are started at once, so that they read the tiles while this process does; under `torchrun` they are there.
    However the block is left, they end.

    Args:
        settings: the whole configuration.
        folder: of the run.
        resume: go on from the checkpoint of a killed run in `folder`.

    Raises:
        ConfigError: the processes were not started as the settings say.
        TileError: there are fewer GPUs than processes.
        ModelError: another process ended too early; names it and its last words.
    """
    place = place_of(settings.trainer)
    gpu = on_gpu(settings.trainer.accelerator, place)
    if place.world == 1:
        yield lambda: ALONE
        return
    threads = threads_of(settings.trainer, place)
    if launched():
        with named_loss(), joined(place, gpu=gpu, threads=threads):
            distributed.broadcast_object_list([str(folder), resume])
            yield lambda: place
        return
    with ExitStack() as group, _Followers(place.world) as followers:

        def join() -> Place:
            followers.wait_until_ready()
            group.enter_context(joined(place, gpu=gpu, threads=threads, meeting=followers.meeting))
            if gpu:
                followers.watch()
            return place

        plain = settings.model_dump(mode="json")
        followers.start({"settings": plain, "folder": str(folder), "resume": resume, "threads": threads})
        try:
            yield join
        except WaterGeeError:
            raise  # what is wrong here is wrong there as well
        except Exception as error:
            if said := followers.fallen(_GRACE if is_loss_of_others(error) else 0.0):
                raise ModelError(said) from error
            raise
        group.close()  # all leave together; where this line is not reached, the followers are ended first


class _Followers:
    """The followers of one training on this machine; they end with the block, and with this process.

    Each reads from a pipe that only this process writes to: however this process ends, the pipe closes, and the
    follower leaves.
    """

    def __init__(self, world: int) -> None:
        self._world = world
        self._folder = Path(tempfile.mkdtemp(prefix="water-gee-"))
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self._ended = threading.Event()

    @property
    def meeting(self) -> Path:
        """The file through which the processes meet."""
        return self._folder / "meeting"

    def __enter__(self) -> Self:
        return self

    def start(self, order: dict[str, Any]) -> None:
        """Start the followers and tell them what to train."""
        # -P: a folder that happens to be the current one has no say in what is imported.
        command = [sys.executable, "-P", "-m", "water_gee.training"]
        for rank in range(1, self._world):
            with self._said(rank).open("w", encoding="utf-8") as said:
                process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=said, stderr=said, encoding="utf-8")
            self._processes[rank] = process
            assert process.stdin is not None
            whole = {**order, "rank": rank, "meeting": str(self.meeting), "ready": str(self._ready(rank))}
            with suppress(BrokenPipeError):  # it has ended already, and `wait_until_ready` tells why
                process.stdin.write(json.dumps(whole) + "\n")
                process.stdin.flush()

    def wait_until_ready(self) -> None:
        """Wait for the followers to have read the tiles.

        Raises:
            ModelError: one of them ended instead.
        """
        while not all(self._ready(rank).exists() for rank in self._processes):
            if said := self.fallen():
                raise ModelError(said)
            time.sleep(_LOOK)

    def fallen(self, grace: float = 0.0) -> str:
        """Return which follower ended by a failure, and its last words; empty if none did within `grace` seconds."""
        until = time.monotonic() + grace
        while True:
            codes = {rank: process.poll() for rank, process in self._processes.items()}
            failed = [rank for rank, code in codes.items() if code]
            if failed or time.monotonic() >= until:
                break
            time.sleep(_LOOK)
        if not failed:
            return ""
        rank = min(failed, key=lambda rank: (codes[rank] == LOST_OTHERS, rank))
        code = codes[rank] or 0
        words = self._said(rank).read_text(encoding="utf-8", errors="replace").split("\n")
        last = next((line.strip() for line in reversed(words) if line.strip()), "it left no word")
        if code < 0:
            last = f"it was killed by {signal.Signals(-code).name}; if that was for want of memory, use fewer processes"
        return f"training process {rank + 1} of {self._world} ended: {last}"

    def watch(self) -> None:
        """End the waiting for a follower that falls, from now on: NCCL does not notice by itself, as gloo does."""

        def look() -> None:
            while not self._ended.wait(1.0):
                if self.fallen():
                    with suppress(Exception):  # the group may have ended meanwhile
                        distributed.distributed_c10d._abort_process_group()
                    return

        threading.Thread(target=look, name="followers", daemon=True).start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        for process in self._processes.values():
            if kind is not None:
                process.kill()  # they have nothing to save, and may be waiting for this process
            assert process.stdin is not None
            with suppress(BrokenPipeError):
                process.stdin.close()
        for process in self._processes.values():
            try:
                process.wait(_GOODBYE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _said(self, rank: int) -> Path:
        return self._folder / f"{rank}.txt"

    def _ready(self, rank: int) -> Path:
        return self._folder / f"{rank}.ready"

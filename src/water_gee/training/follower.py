"""A process that trains along with the one that runs the job, and writes nothing.

`python -m water_gee.training` is started by `leading`, which tells it on its standard input what to train;
`follow` is for a process that `torchrun` started.
"""

import json
import os
import shutil
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any

from torch import distributed

from water_gee.config.model import NetworkSettings
from water_gee.config.settings import Settings
from water_gee.errors import ModelError
from water_gee.output import quieten
from water_gee.surroundings import one_line
from water_gee.training.fit import learn
from water_gee.training.leading import LOST_OTHERS
from water_gee.training.processes import Place, is_loss_of_others, joined, named_loss, on_gpu, place_of, threads_of
from water_gee.training.run import open_tiles, radius_of, recipe_of


def follow(settings: Settings) -> None:
    """Train along with the process that runs the job, as one of those that `torchrun` started.

    Raises:
        ConfigError: the processes were not started as the settings say.
        TileError: tiles or labels are missing, or there are fewer GPUs than processes.
        ModelError: the run's folder is not to be seen from this machine, or another process is gone.
    """
    if not isinstance(settings.model, NetworkSettings):
        return  # a baseline is fitted by the other process alone
    place = place_of(settings.trainer)
    gpu = on_gpu(settings.trainer.accelerator, place)
    with named_loss(), joined(place, gpu=gpu, threads=threads_of(settings.trainer, place)):
        told: list[Any] = [None, None]
        distributed.broadcast_object_list(told)
        folder, resume = Path(told[0]), bool(told[1])
        if not folder.is_dir():
            raise ModelError(f"{folder} is not on this machine; machines that train together share paths.root")
        recipe = recipe_of(settings)
        store, split = open_tiles(settings, radius_of(recipe, len(settings.features.names)), folder)
        learn(store, split, recipe, folder, resume=resume, place=place)


def _follow_pipe(order: dict[str, Any]) -> None:
    """Train along with the process at the other end of the standard input."""
    settings = Settings.model_validate(order["settings"])
    folder, recipe = Path(order["folder"]), recipe_of(settings)
    place = Place(order["rank"], settings.trainer.devices, order["rank"], settings.trainer.devices)
    gpu = on_gpu(recipe.accelerator, place)
    store, split = open_tiles(settings, radius_of(recipe, len(settings.features.names)), folder)
    Path(order["ready"]).touch()
    with joined(place, gpu=gpu, threads=order["threads"], meeting=Path(order["meeting"])):
        learn(store, split, recipe, folder, resume=order["resume"], place=place)


def _leave_with_the_other(meeting: Path) -> None:
    """End this process when the one that started it closes the pipe or ends, whatever is going on here."""
    while os.read(0, 4096):
        pass
    shutil.rmtree(meeting.parent, ignore_errors=True)  # a killed process could not
    os._exit(0)


def main() -> None:
    """Read what to train from the standard input, train, and leave."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # the other process decides, and the pipe tells
    line = b""
    while not line.endswith(b"\n"):  # unbuffered: what follows the line is the thread's
        read = os.read(0, 65536)
        if not read:
            return
        line += read
    order = json.loads(line)
    threading.Thread(target=_leave_with_the_other, args=(Path(order["meeting"]),), daemon=True).start()
    quieten()
    try:
        _follow_pipe(order)
    except Exception as error:
        if told := one_line(error):
            sys.exit(told)
        traceback.print_exc()
        print(f"{type(error).__name__}: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(LOST_OTHERS if is_loss_of_others(error) else 1)

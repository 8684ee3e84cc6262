"""A sweep's jobs wherever they run: their failures are shown, and those in other processes end with the sweep."""

import os
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from functools import cache

from water_gee.progress import say
from water_gee.runs import is_gone
from water_gee.surroundings import one_line

_LOOK, _GRACE = 1.0, 20.0  # seconds between two looks at the process of the sweep, and to end in without it
_TOLD_TO_END = 143  # the exit code after SIGTERM


def tell_failure(overrides: Sequence[str], error: Exception) -> None:
    """Tell at once that a job failed, a mistake of the program with its traceback; the other jobs go on."""
    line = one_line(error)
    if line is None:
        traceback.print_exception(error)
    say(f"failed: {' '.join(overrides)}: {line or ' '.join(str(error).split())}")


def end_with(process: str) -> None:
    """End this process, one that a launcher started, when another one of this machine is gone: no job outlives it."""
    if is_gone(process):
        os._exit(_TOLD_TO_END)  # the launcher's loop would take any exception for the job's, and go on with the next
    _watch(process)


@cache
def _watch(process: str) -> None:
    def watch() -> None:
        while not is_gone(process):
            time.sleep(_LOOK)
        os.kill(os.getpid(), signal.SIGTERM)  # the run is marked as killed
        time.sleep(_GRACE)
        os._exit(_TOLD_TO_END)

    threading.Thread(target=watch, daemon=True).start()

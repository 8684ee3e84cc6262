"""Runs a command in its own process group, and ends all of the group when standard input closes.

The process that starts it holds the other end, alone: however that one dies, by `kill -9` too, no server is left. It
is started as a file, by `python -P group_end.py COMMAND...`, and imports nothing of the package: it is there at once.
"""

import os
import signal
import subprocess
import sys
import threading

_GRACE = 10.0  # seconds to end in, before the group is killed
_ALONE = threading.Event()  # the process that started this one is gone


def main(command: list[str]) -> int:
    """Run a command to its end, or to that of standard input; return its exit code."""
    signal.signal(signal.SIGTERM, lambda *_: None)  # meant for the command, which is in the same group
    running = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_input, daemon=True).start()
    code = running.wait()
    if _ALONE.is_set():
        os.killpg(0, signal.SIGKILL)  # what the command started and left behind, and this process
    return code if code >= 0 else 128 - code


def _end_with_input() -> None:
    while os.read(0, 1024):
        pass
    _ALONE.set()
    os.killpg(0, signal.SIGTERM)
    threading.Event().wait(_GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""eelocal as a process of our own: started on a free port, ended with us however we end."""

import selectors
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from water_gee.errors import EarthError

_START_SECONDS = 60.0


@contextmanager
def eelocal(catalog: Path, logs: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """Start eelocal on a folder of scenes; yield its address and its process; end it with the block.

    It ends when its standard input closes, so that even `kill -9` of this process leaves none behind. Its own
    session keeps Ctrl-C for us: the stage says what was interrupted.

    Raises:
        EarthError: there is no such folder, or eelocal did not start.
    """
    if not catalog.is_dir():
        sample = catalog.parts[-3:] == ("data", "raw", "catalog")
        fix = "run first: dvc pull data.dvc" if sample else "name the folder of scenes"
        raise EarthError(f"earth.catalog: the folder {catalog} does not exist; {fix}")
    logs.mkdir(parents=True, exist_ok=True)
    complaints = logs / "eelocal.log"
    command = [sys.executable, "-m", "eelocal", "--catalog", str(catalog), "--port", "0", "--parent-stdin"]
    with complaints.open("w", encoding="utf-8") as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
            encoding="utf-8",
            errors="replace",
        )
    try:
        yield _address(process, complaints), process
    finally:
        _end(process)


def _address(process: "subprocess.Popen[str]", complaints: Path) -> str:
    """Return the address that eelocal says it listens on."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(_START_SECONDS) else ""
    _, found, rest = line.partition("listening on ")
    if found:
        return rest.split()[0]
    said = complaints.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    reason = said[-1].removeprefix("eelocal: ") if said else f"it said nothing within {_START_SECONDS:.0f} s"
    raise EarthError(f"eelocal did not start: {reason}")


def _end(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None and process.stdout is not None
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdin.close()
    process.stdout.close()

"""``python -m eelocal --catalog DIR``: serve a folder until interrupted."""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
import threading
from importlib.util import find_spec
from pathlib import Path

from eelocal.errors import EEError
from eelocal.server import Server


def main(arguments: list[str] | None = None) -> int:
    """Run the command and return its exit code: 0 when stopped, 2 when it could not start."""
    parser = argparse.ArgumentParser(prog="python -m eelocal", description="Earth Engine on one machine.")
    parser.add_argument("--catalog", required=True, type=Path, metavar="DIR", help="folder of assets")
    parser.add_argument("--port", type=int, default=0, metavar="N", help="port of 127.0.0.1 (default: a free one)")
    parser.add_argument("--parent-stdin", action="store_true", help="end when standard input closes")
    parser.add_argument("--log", type=Path, metavar="FILE", help="append a line of JSON for each request")
    parser.add_argument(
        "--fault", action="append", metavar="SPEC", help="inject a fault, like computePixels=429*3 (for tests)"
    )
    options = parser.parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a folder's name may have letters that the output lacks
    _use_own_tables()
    stop = threading.Event()
    try:
        server = Server(options.catalog, options.port, faults=options.fault, log=options.log)
    except (EEError, OSError, OverflowError) as error:
        print(f"eelocal: {error}", file=sys.stderr)
        return 2
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    with server:
        print(f"eelocal: listening on {server.url} (catalog {options.catalog})", flush=True)
        if options.parent_stdin:
            threading.Thread(target=_await_end, args=(stop,), daemon=True).start()
        stop.wait()
    return 0


def _use_own_tables() -> None:
    """Forget another installation's tables of coordinate systems where rasterio came with its own, before it looks."""
    found = find_spec("rasterio")
    for home in (found.submodule_search_locations or []) if found else []:
        for folder, name in (("proj_data", "PROJ_LIB"), ("proj_data", "PROJ_DATA"), ("gdal_data", "GDAL_DATA")):
            if Path(home, folder).is_dir():
                os.environ.pop(name, None)


def _await_end(stop: threading.Event) -> None:
    while os.read(0, 4096):  # not sys.stdin: its lock would keep the interpreter from ending
        pass
    stop.set()


if __name__ == "__main__":
    sys.exit(main())

"""The server: a socket of the loopback interface, its threads, faults and log."""

from __future__ import annotations

import json
import sys
import threading
import traceback
from collections import deque
from http.server import ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from eelocal.faults import Faults
from eelocal.handler import Handler
from eelocal.limits import Gate, Limits
from eelocal.routes import ROUTES
from eelocal.service import Service


class Server:
    """An eelocal server; use it as a context manager, or `start` and `close`.

    Attributes:
        url: where it listens, once started.
        faults: faults to inject (see `eelocal.faults`).
        requests: the last 10,000 requests, newest last, as they are logged.
        service: the calls themselves.
    """

    def __init__(
        self,
        catalog: str | Path,
        port: int = 0,
        *,
        limits: Limits | None = None,
        faults: list[str] | None = None,
        log: str | Path | None = None,
    ) -> None:
        """Prepare a server of the folder `catalog` on `port` of 127.0.0.1; 0 takes a free one.

        Args:
            catalog: the folder.
            port: the port.
            limits: other limits than the service's, for tests.
            faults: faults to inject from the start.
            log: a file to which each request is appended as a line of JSON.

        Raises:
            EEError: there is no such folder, or a fault is misspelt.
            OSError: the port is taken, or the log cannot be written.
        """
        self.faults = Faults(faults, frozenset(route.name for route in ROUTES))
        self.service = Service(Path(catalog), limits)
        self.gate = Gate(self.service.limits)
        self.requests: deque[dict[str, Any]] = deque(maxlen=10_000)
        self._log = open(log, "a", encoding="utf-8", buffering=1) if log else None
        self._log_lock = threading.Lock()
        self._http = _Http(("127.0.0.1", port), type("_Handler", (Handler,), {"owner": self}))
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._thread: threading.Thread | None = None

    def start(self) -> Server:
        """Serve from a thread of its own."""
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self

    def close(self) -> None:
        """Stop serving."""
        if self._thread is not None:
            self._http.shutdown()
            self._thread.join()
            self._thread = None
        self._http.server_close()
        self.service.close()
        with self._log_lock:
            if self._log is not None:
                self._log.close()
                self._log = None

    def __enter__(self) -> Server:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def note(self, entry: dict[str, Any]) -> None:
        """Log one request."""
        self.requests.append(entry)
        with self._log_lock:
            if self._log is not None:
                self._log.write(json.dumps(entry) + "\n")


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # more than the client's threads, or the kernel turns connections away

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away; a bug's traceback is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            traceback.print_exc()

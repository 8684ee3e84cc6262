"""HTTP on the loopback interface: requests in, replies or the service's error bodies out."""

from __future__ import annotations

import gzip
import json
import sys
import threading
import time
import traceback
from collections import deque
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from eelocal.errors import EEError, bad_request
from eelocal.faults import Fault, Faults
from eelocal.limits import Gate, Limits
from eelocal.routes import ROUTES, Request, find
from eelocal.service import Reply, Service, as_json

_DRAIN = 64 * 2**20  # a refused body is still read, up to here, so that the client sees the refusal


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
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.owner = self
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
    owner: Server

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay quiet about clients that went away; a bug's traceback is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            traceback.print_exc()


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    server_version = "eelocal"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: requests go to the log."""

    def do_GET(self) -> None:
        """Answer a GET request."""
        self._answer()

    do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

    def _answer(self) -> None:
        owner, started = self.server.owner, time.monotonic()
        split = urlsplit(self.path)
        path = unquote(split.path)
        entry: dict[str, Any] = {"time": round(time.time(), 3), "method": self.command, "path": path, "route": None}
        struck: list[Fault] = []
        try:
            content = self._body(owner.service.limits)
            entry["received"] = len(content)
            route, groups = find(self.command, path)
            entry["route"] = route.name
            struck = owner.faults.strike(route.name)
            for fault in struck:
                if fault.action == "delay":
                    time.sleep(float(fault.value))
                if (injected := fault.error()) is not None:
                    raise injected
            with owner.gate.passing(route.computes):
                query = dict(parse_qsl(split.query))
                request = Request(self.command, path, query, _parsed(content), owner.url, groups)
                status, reply = 200, route.handle(owner.service, request)
        except EEError as error:
            status, reply = error.code, _error(error)
            entry["error"] = error.message
        except Exception as error:
            # A bug: 400, since the client repeats a 500 for a minute before it shows the message.
            traceback.print_exc()
            text = f"eelocal internal error: {type(error).__name__}: {error}"
            status, reply = 400, _error(EEError(text, 400, "INTERNAL"))
            entry["error"] = text
        entry |= {"status": status, "ms": round((time.monotonic() - started) * 1000, 1), "bytes": len(reply.body)}
        if struck:
            entry["faults"] = [fault.action for fault in struck]
        owner.note(entry)  # first, so that who has the reply finds it in the log
        self._send(status, reply, {fault.action for fault in struck})

    def _body(self, limits: Limits) -> bytes:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise bad_request("eelocal does not implement chunked request bodies.")
        length = int(self.headers.get("Content-Length") or 0)
        if length > limits.body:
            if length > _DRAIN:
                self.close_connection = True
            self.rfile.read(min(length, _DRAIN))
        limits.check_body(length)
        content = self.rfile.read(length)
        if self.headers.get("Content-Encoding") == "gzip":
            content = gzip.decompress(content)
            limits.check_body(len(content))
        return content

    def _send(self, status: int, reply: Reply, faults: set[str]) -> None:
        body = reply.body
        if "drop" in faults:
            self.close_connection = True
            return
        if "short" in faults:
            body = body[: len(body) // 2]
        self.send_response(status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        if "truncate" in faults:
            body = body[: len(body) // 2]
            self.close_connection = True
        with suppress(ConnectionError):
            self.end_headers()
            self.wfile.write(body)


def _parsed(content: bytes) -> dict[str, Any]:
    if not content:
        return {}
    try:
        body = json.loads(content)
    except ValueError as error:
        raise bad_request(f"Invalid JSON payload received. {error}") from None
    if not isinstance(body, dict):
        raise bad_request("Invalid JSON payload received. It must be an object.")
    return body


def _error(error: EEError) -> Reply:
    return as_json({"error": {"code": error.code, "message": error.message, "status": error.status}})

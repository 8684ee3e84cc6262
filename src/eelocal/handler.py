"""One connection: its requests in, replies or the service's error bodies out."""

from __future__ import annotations

import io
import socket
import time
import traceback
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from eelocal.errors import EEError, bad_request
from eelocal.faults import Fault, Faults, altered
from eelocal.intake import Patient, check_caller, drain, parsed, read_body
from eelocal.limits import Gate
from eelocal.routes import Request, find
from eelocal.service import Reply, Service, as_json
from eelocal.workers import GONE


class Owner(Protocol):
    """What a connection needs of its server."""

    url: str
    faults: Faults
    service: Service
    gate: Gate

    def note(self, entry: dict[str, Any]) -> None:
        """Log one request."""


class Handler(BaseHTTPRequestHandler):
    """Answers the requests of one connection, one after the other."""

    protocol_version = "HTTP/1.1"
    server_version = "eelocal"
    disable_nagle_algorithm = True
    owner: Owner

    def setup(self) -> None:
        """Read through a `Patient`."""
        super().setup()
        self.rfile.close()
        self._patient = Patient(self.connection)
        self.rfile = io.BufferedReader(self._patient)
        self._unread = False  # whether something of a request that was answered may still be on its way
        self._served = 0

    def handle_one_request(self) -> None:
        """Wait for a request and answer it; a client that is slower than the limits is let go."""
        limits = self.owner.service.limits
        self._patient.allow(limits.idle if self._served else limits.arrival)
        try:
            here = bool(self.rfile.peek(1))  # type: ignore[attr-defined]  # it is a BufferedReader
        except OSError:
            here = False
        if not here:
            self.close_connection = True
            return
        self._served += 1
        self._patient.allow(limits.arrival)
        super().handle_one_request()
        if self._unread:
            drain(self._patient, self.connection, limits.arrival)

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: requests go to the log."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Answer what is no request at all: a broken line, too long a path, too many headers, a strange method."""
        status = "UNIMPLEMENTED" if code == 501 else "INVALID_ARGUMENT"
        self._unread = self.close_connection = True
        self.request_version = self.protocol_version  # of a line that names none; the reply has headers all the same
        self._send(code, _error(EEError(f"{message or 'The request is not valid'}.", code, status)), {})

    def do_GET(self) -> None:
        """Answer a request of any method."""
        started = time.monotonic()
        entry: dict[str, Any] = {"time": round(time.time(), 3), "method": self.command, "path": self.path[:2000]}
        entry["route"] = None
        struck: list[Fault] = []
        try:
            status, reply = 200, self._answer(entry, struck)
        except EEError as error:
            status, reply = error.code, _error(error)
        except ConnectionError:
            status, reply = GONE.code, _error(GONE)
        except TimeoutError:
            status, reply = 408, _error(EEError("The request did not arrive in time.", 408, "DEADLINE_EXCEEDED"))
        except RecursionError:
            status, reply = 400, _error(bad_request("The request is nested too deeply."))
        except MemoryError:
            status, reply = 400, _error(bad_request("User memory limit exceeded."))
        except Exception as error:
            # A bug: 400, since the client repeats a 500 for a minute before it shows the message.
            traceback.print_exc()
            text = f"eelocal internal error: {type(error).__name__}: {error}"
            status, reply = 400, _error(EEError(text, 400, "INTERNAL"))
        if reply.error:
            entry["error"] = reply.error
        entry |= {"status": status, "ms": round((time.monotonic() - started) * 1000, 1), "bytes": len(reply.body)}
        if struck:
            entry["faults"] = [fault.action for fault in struck]
        self.owner.note(entry)  # first, so that who has the reply finds it in the log
        if status == GONE.code:
            self.close_connection = True
            return
        self._send(status, reply, {fault.action: fault.value for fault in struck})

    do_POST = do_DELETE = do_PATCH = do_PUT = do_GET

    def _answer(self, entry: dict[str, Any], struck: list[Fault]) -> Reply:
        """Return the reply of a call; notes in `entry` what is known of it, and in `struck` the faults that strike."""
        owner = self.owner
        closes = self.close_connection
        self._unread = self.close_connection = True  # until the body has been read
        try:
            split = urlsplit(self.path)
        except ValueError as error:
            raise bad_request(f"The path is not valid ({error}).") from None
        path = unquote(split.path)
        entry["path"] = path[:2000]
        check_caller(self.headers, split.netloc, self.command)
        content = read_body(self.headers, self.command, self.rfile, owner.service.limits)
        self._unread, self.close_connection = False, closes
        entry["received"] = len(content)
        route, groups = find(self.command, path)
        entry["route"] = route.name
        struck += owner.faults.strike(route.name)
        body = parsed(content)
        for fault in struck:
            if fault.action == "delay":
                time.sleep(float(fault.value))
            if (injected := fault.error(body)) is not None:
                raise injected
        with owner.gate.passing(route.computes):
            query = dict(parse_qsl(split.query))
            request = Request(self.command, path, query, body, owner.url, groups, self._gone)
            return route.handle(owner.service, request)

    def _gone(self) -> bool:
        """Return whether the client has closed the connection, without waiting."""
        self.connection.settimeout(0)
        try:
            return not self.connection.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def _send(self, status: int, reply: Reply, faults: dict[str, str]) -> None:
        body = reply.body
        if "drop" in faults:
            self.close_connection = True
            return
        if "short" in faults:
            body = body[: len(body) // 2]
        if "alter" in faults:
            body = altered(body, int(faults["alter"] or 1), self.owner.faults.chance)
        if "truncate" in faults:
            self.close_connection = True
        self.connection.settimeout(self.owner.service.limits.idle)
        self.send_response(status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        if "quota" in faults:
            self.send_header("x-earth-engine-quota-status", "parallelism_restricted=true")
        if self.close_connection and "truncate" not in faults:
            self.send_header("Connection", "close")
        if "truncate" in faults:
            body = body[: len(body) // 2]
        with suppress(ConnectionError):
            self.end_headers()
            if self.command != "HEAD":
                self._write(body, float(faults.get("trickle", "inf")))

    def _write(self, body: bytes, rate: float) -> None:
        """Send a body, at so many bytes a second."""
        step = len(body) if rate == float("inf") else max(1, int(rate / 10))
        for start in range(0, len(body), step or 1):
            self.wfile.write(body[start : start + step])
            if start + step < len(body):
                time.sleep(step / rate)


def _error(error: EEError) -> Reply:
    content = {"error": {"code": error.code, "message": error.message, "status": error.status}}
    return Reply(as_json(content).body, error=error.message)

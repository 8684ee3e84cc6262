"""A request on its way in: who may ask, and a body that is bounded in bytes, in memory and in time."""

from __future__ import annotations

import io
import json
import math
import re
import socket
import time
import zlib
from email.message import Message
from typing import Any

from eelocal.errors import EEError, bad_request
from eelocal.limits import Limits

_LOOPBACK = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d{1,5})?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_LOOPBACK.pattern}", re.IGNORECASE)
_LENGTH = re.compile(r"[0-9]{1,18}")
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_PIECE = 65_536
_DRAIN = 2**30  # bytes of a refused body that are still taken in, so that the client comes to read the refusal


class Patient(io.RawIOBase):
    """A socket's bytes, as far as they come before a deadline: a client cannot hold a thread by sending nothing."""

    def __init__(self, connection: socket.socket) -> None:
        """Read from `connection`; `allow` first."""
        self._connection = connection
        self._deadline = 0.0

    def allow(self, seconds: float) -> None:
        """Let the bytes that are read from now on come within so many seconds, all of them together."""
        self._deadline = time.monotonic() + seconds

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is.

        Raises:
            TimeoutError: the time is over.
        """
        self._connection.settimeout(max(0.0, self._deadline - time.monotonic()))
        try:
            return self._connection.recv_into(buffer)
        except BlockingIOError:  # the time is over, and nothing lies ready
            raise TimeoutError("The request did not arrive in time.") from None


def check_caller(headers: Message, netloc: str, method: str) -> None:
    """Refuse what a web page could send here: another host's name, a foreign origin, a form's content type.

    A page can make a browser send requests here, and under the page's own host name where that is made to point here;
    but neither with this content type nor without saying where they come from.

    Args:
        headers: the request's headers.
        netloc: the host in the request's own line, where it has one.
        method: the request's method.

    Raises:
        EEError: with the reason.
    """
    hosts = headers.get_all("Host", []) + ([netloc] if netloc else [])
    if not hosts or not all(_LOOPBACK.fullmatch(host.strip()) for host in hosts):
        asked = ", ".join(hosts)[:80] or "none"
        raise _denied(f"eelocal answers to the hosts 127.0.0.1, localhost and [::1] only, not to '{asked}'.")
    for origin in headers.get_all("Origin", []):
        if not _ORIGIN.fullmatch(origin.strip()):
            raise _denied(f"eelocal answers no pages of other sites (Origin '{origin[:80]}').")
    if method in ("POST", "PUT", "PATCH") and headers.get_content_type() != "application/json":
        raise EEError("eelocal takes bodies of Content-Type application/json only.", 415, "INVALID_ARGUMENT")


def _denied(message: str) -> EEError:
    return EEError(message, 403, "PERMISSION_DENIED")


def read_body(headers: Message, method: str, file: io.BufferedIOBase, limits: Limits) -> bytes:
    """Return a request's body, unpacked.

    Raises:
        EEError: it is too large, of no known length, or packed as eelocal cannot read it. The rest of a body that was
            not read is for `drain`.
        ConnectionError: the client went away in the middle of it.
        TimeoutError: it did not come in time.
    """
    if "Transfer-Encoding" in headers:
        raise bad_request("eelocal does not implement chunked request bodies; send a Content-Length.")
    lengths = {length.strip() for length in headers.get_all("Content-Length", [])}
    if not lengths:
        if method in ("POST", "PUT", "PATCH"):
            raise EEError("The request has no Content-Length.", 411, "INVALID_ARGUMENT")
        return b""
    (text, *more) = sorted(lengths)
    if more or not _LENGTH.fullmatch(text):
        raise bad_request(f"The Content-Length '{', '.join([text, *more])[:40]}' is not a number of bytes.")
    limits.check_body(int(text))
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("identity", "gzip", "x-gzip"):
        raise EEError(f"eelocal does not read the Content-Encoding '{encoding[:40]}'.", 415, "INVALID_ARGUMENT")
    content = file.read(int(text))
    if len(content) < int(text):
        raise ConnectionResetError("the client went away while it sent a request")
    return content if encoding == "identity" else _unpacked(content, limits)


def _unpacked(content: bytes, limits: Limits) -> bytes:
    """Return gzip's content, in no more memory than the limit of a body."""
    whole = bytearray()
    while content:
        member = zlib.decompressobj(16 + zlib.MAX_WBITS)
        try:
            whole += member.decompress(content, limits.body + 1 - len(whole))
        except zlib.error as error:
            raise bad_request(f"The body is not valid gzip ({error}).") from None
        limits.check_body(len(whole))
        if not member.eof:
            raise bad_request("The body is not valid gzip (it ends too early).")
        content = member.unused_data.lstrip(b"\0")
    return bytes(whole)


def drain(patient: Patient, connection: socket.socket, seconds: float) -> None:
    """Take in what a refused client still sends, until it has read the reply and closes.

    To close while it sends would reset the connection, and it would never see the reply.
    """
    try:
        connection.shutdown(socket.SHUT_WR)
        patient.allow(seconds)
        piece, taken = bytearray(_PIECE), 0
        while taken < _DRAIN and (size := patient.readinto(piece)):
            taken += size
    except OSError:
        return


def parsed(content: bytes) -> dict[str, Any]:
    """Return a body's JSON object; {} of none.

    Raises:
        EEError: it is none.
    """
    if not content:
        return {}
    try:
        body = json.loads(content.decode("utf-8"), parse_constant=_refuse, parse_float=_finite)
        if _SURROGATE.search(content):
            json.dumps(body, ensure_ascii=False).encode("utf-8")
    except RecursionError:
        raise bad_request("Invalid JSON payload received. It is nested too deeply.") from None
    except ValueError as error:
        raise bad_request(f"Invalid JSON payload received. {error}") from None
    if not isinstance(body, dict):
        raise bad_request("Invalid JSON payload received. It must be an object.")
    return body


def _refuse(text: str) -> None:
    raise ValueError(f"{text} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is out of range")
    return value

"""The client's HTTP: a connection for each request at once, and a deadline for the whole of a request.

The libraries' time-outs are those of one read, and a server that trickles a byte a second never meets one. Here every
read of an answer, its first line and its headers too, has what is left of the request's own time.
"""

import http.client
import io
import socket
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import httplib2
import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

_QUOTA = "x-earth-engine-quota-status"
_RESTRICTED = "parallelism_restricted=true"
_CONNECT = 30.0  # seconds to connect, at most
_request = threading.local()  # .ends: when the request that this thread makes must have been answered


class Transport:
    """What the Earth Engine client sends its requests with, in place of its own: that holds 10 connections."""

    def __init__(
        self,
        connections: int,
        seconds: float,
        *,
        loopback: bool = False,
        restricted: Callable[[], None] = lambda: None,
        rewrite: Callable[[str], str] = lambda body: body,
        slot: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """Prepare the connections.

        Args:
            connections: kept open.
            seconds: that one request may take, from its first byte to the answer's last.
            loopback: whether the other side is on this machine: then no proxy is asked, whatever the environment names.
            restricted: called when the service says that the project's quota is restricted.
            rewrite: makes the body that is sent of the client's own.
            slot: held while a request is under way, and not while it is made or its answer worked on.
        """
        self._session = requests.Session()
        self._session.trust_env = not loopback
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, _Adapter(pool_connections=4, pool_maxsize=connections))
        self._seconds = seconds
        self._restricted = restricted
        self._rewrite = rewrite
        self._slot = slot

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        redirections: int | None = None,
        connection_type: Any = None,
        **_: Any,
    ) -> tuple[httplib2.Response, bytes]:
        """Send a request, with httplib2's arguments and answer.

        Raises:
            TimeoutError: the answer was not whole in time.
            ConnectionRefusedError: nobody listens.
            ConnectionError: the connection broke, or what came is no HTTP.
        """
        if isinstance(body, str):
            body = self._rewrite(body).encode()
        late = f"{self._seconds:g} s have passed"
        limits = (min(self._seconds, _CONNECT), self._seconds)
        try:
            with self._slot():
                _request.ends = time.monotonic() + self._seconds
                with self._session.request(
                    method, uri, data=body, headers=headers, timeout=limits, stream=True
                ) as response:
                    content = response.raw.read(decode_content=True)
        except (requests.exceptions.Timeout, TimeoutError) as error:
            raise TimeoutError(late) from error
        except (requests.exceptions.RequestException, HTTPError, http.client.HTTPException) as error:
            if _caused_by(error, TimeoutError):
                raise TimeoutError(late) from error
            kind = ConnectionRefusedError if _caused_by(error, ConnectionRefusedError) else ConnectionError
            raise kind(str(error)) from error
        if _RESTRICTED in response.headers.get(_QUOTA, "").lower():
            self._restricted()
        return httplib2.Response({**response.headers, "status": response.status_code}), content


def _caused_by(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Return whether an error, or one that it hides, is of a kind."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        inner = [part for part in (*error.args, getattr(error, "reason", None)) if isinstance(part, BaseException)]
        if isinstance(error, kind) or any(_caused_by(part, kind) for part in inner):
            return True
        error = error.__cause__ or error.__context__
    return False


class _Timed(io.RawIOBase):
    """What is read of a socket, each read within what is left of the time."""

    def __init__(self, raw: Any, sock: socket.socket) -> None:
        self._raw, self._socket = raw, sock
        self._ends: float = _request.ends

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what there is, or wait for it.

        Raises:
            TimeoutError: the request's time is over.
        """
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError("the request's time is over")
        self._socket.settimeout(left)
        count: int = self._raw.readinto(buffer)
        return count

    def close(self) -> None:
        """Close what it reads of, too."""
        if not self.closed:
            super().close()
            self._raw.close()


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self.fp = io.BufferedReader(_Timed(self.fp.detach(), sock), 1 << 16)


class _Http(HTTPConnection):
    response_class = _Response


class _Https(HTTPSConnection):
    response_class = _Response


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


class _Adapter(HTTPAdapter):  # type: ignore[misc]  # requests ships no types
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
        return manager

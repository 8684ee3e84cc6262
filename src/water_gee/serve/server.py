"""The server: a socket of the loopback interface, and a thread a connection."""

import hashlib
import threading
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Self

from water_gee.errors import ConfigError
from water_gee.serve.handler import Handler
from water_gee.serve.shelf import Shelf

HOST = "127.0.0.1"


class Server:
    """Serves a shelf; use it as a context manager, in which a thread of its own answers.

    Attributes:
        shelf: what is served.
        url: where.
        mark: of what is served, by which a browser knows whether it has it already.
    """

    def __init__(self, shelf: Shelf, port: int = 0) -> None:
        """Take a port of 127.0.0.1; 0 is any that is free.

        Raises:
            ConfigError: the port cannot be had.
        """
        self.shelf = shelf
        self.mark = hashlib.sha256(shelf.page).hexdigest()[:16]
        try:
            self._http = _Http((HOST, port), type("_Handler", (Handler,), {"owner": self}))
        except OSError as error:
            raise ConfigError(
                f"serve.port={port} of {HOST} cannot be had ({error.strerror}); choose another, or 0 for any"
            ) from error
        number = self._http.server_address[1]
        self.url = f"http://{HOST}:{number}/"
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    def wait(self) -> None:
        """Answer until the thread that calls is interrupted."""
        self._http.serve_forever(0.2)

    def close(self) -> None:
        """Stop answering and give the port back."""
        if self._thread.is_alive():
            self._http.shutdown()
            self._thread.join()
        self._http.server_close()

    def __enter__(self) -> Self:
        """Answer from a thread of its own."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop."""
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True  # a port just left is free
    block_on_close = False  # a browser keeps connections open

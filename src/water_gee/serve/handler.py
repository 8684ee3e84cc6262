"""The answers: the page, whole files and parts of them, tiles."""

import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import unquote, urlsplit

from rasterio.errors import RasterioError

from water_gee.progress import say
from water_gee.serve.drawing import draw
from water_gee.serve.shelf import TILES, Item

if TYPE_CHECKING:
    from water_gee.serve.server import Server

_TILE = re.compile(rf"{TILES}([a-z_]+)/(\d{{4}}|all)/(\d{{1,2}})/(\d{{1,7}})/(\d{{1,7}})\.png")
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")
_HOST = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:[0-9]*)?", re.IGNORECASE)
_CHUNK = 1 << 20
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",  # no other site's page shows or measures what is here
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Cache-Control": "no-cache",  # a browser asks each time whether it is still the same
}


class Handler(BaseHTTPRequestHandler):
    """Answers GET and HEAD; `owner` is the server."""

    owner: "Server"
    protocol_version = "HTTP/1.1"
    server_version = "water-gee"
    sys_version = ""
    timeout = 30.0  # seconds that a client may be silent
    begun = False  # the answer: what comes now is taken for a part of it

    def do_GET(self) -> None:
        """Answer a request."""
        self.begun = False
        try:
            self._answer()
        except (ConnectionError, TimeoutError):  # the client is gone, or takes nothing
            self.close_connection = True
        except (OSError, RasterioError) as error:
            say(f"{self.path} could not be answered: {error}")
            if self.begun:  # the client sees that bytes are missing
                self.close_connection = True
            else:
                self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "the file could not be read")

    do_HEAD = do_GET

    def log_message(self, *_: Any) -> None:
        """Write nothing: whoever looks at the page sees what was answered."""

    def _answer(self) -> None:
        try:
            asked = urlsplit(self.path)
        except ValueError:  # http://[ and the like
            return self._refuse(HTTPStatus.BAD_REQUEST, "that is no address")
        if not self._is_asked_by_name_of_this_machine(asked.netloc):
            return self._refuse(HTTPStatus.MISDIRECTED_REQUEST, f"ask for {self.owner.url}")
        address, shelf = unquote(asked.path), self.owner.shelf
        if address in ("/", "/index.html", "/reports/index.html"):
            return self._send(shelf.page, "text/html; charset=utf-8", "page")
        if tile := _TILE.fullmatch(address):
            return self._tile(*tile.groups())
        item = shelf.items.get(address)
        if item is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such file in the reports of the study")
        if self._is_current(item):
            with item.path.open("rb") as file:
                self._file(file, item)

    def _is_asked_by_name_of_this_machine(self, asked: str) -> bool:
        """Return whether every host that the request names is this machine.

        Another site's name that leads here would let its scripts read the maps (DNS rebinding); no site can have one
        of these three. The port tells nothing: a browser leaves 80 out, and a tunnel from elsewhere has one of its own.

        Args:
            asked: the host in the request's own line, where it has one.
        """
        hosts = [*self.headers.get_all("Host", []), *([asked] if asked else [])]
        return bool(hosts) and all(_HOST.fullmatch(host) for host in hosts)

    def _is_current(self, item: Item) -> bool:
        if not item.is_current:
            self._refuse(HTTPStatus.CONFLICT, "the file was changed since it was checked; start water-gee serve again")
        return item.is_current

    def _tile(self, name: str, year: str, zoom: str, column: str, row: str) -> None:
        frame, known = self.owner.shelf.frame, self.owner.shelf.tiles.get((name, year))
        if frame is None or known is None or int(zoom) > frame.levels:
            return self._refuse(HTTPStatus.NOT_FOUND, "there is no such layer of the maps")
        layer, item = known
        if not self._is_current(item):
            return None
        content = draw(layer, item, frame, int(zoom), int(column), int(row))
        if content is None:
            return self._refuse(HTTPStatus.NOT_FOUND, "the tile lies outside of the maps")
        return self._send(content, "image/png", f"{item.sha256[:16]}-{zoom}-{column}-{row}")

    def _file(self, file: BinaryIO, item: Item) -> None:
        """Send a file, or the part of it that is asked for (RFC 9110, section 14)."""
        whole, tag = item.mark[1], f'"{item.sha256}"'
        if self._has(tag):
            return
        first, last, status = 0, whole - 1, HTTPStatus.OK
        asked = _RANGE.fullmatch(self.headers.get("Range", "").strip())
        if asked and any(asked.groups()) and self.headers.get("If-Range", tag) == tag:
            start, end = asked.groups()
            first = int(start) if start else max(0, whole - int(end))
            last = min(int(end), whole - 1) if start and end else whole - 1
            status = HTTPStatus.PARTIAL_CONTENT
            if first > last or (not start and int(end) == 0):
                extra = {"Content-Range": f"bytes */{whole}"}
                return self._refuse(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "there are no such bytes", extra)
        length = max(0, last - first + 1)
        headers = {"Accept-Ranges": "bytes", "ETag": tag}
        if status is HTTPStatus.PARTIAL_CONTENT:
            headers["Content-Range"] = f"bytes {first}-{last}/{whole}"
        self._begin(status, item.kind, length, headers)
        file.seek(first)
        while length and self.command != "HEAD":
            chunk = file.read(min(_CHUNK, length))
            if not chunk:  # cut short while it was read: the client sees that bytes are missing
                self.close_connection = True
                return
            self.wfile.write(chunk)
            length -= len(chunk)

    def _send(self, content: bytes, kind: str, tag: str) -> None:
        if self._has(f'"{self.owner.mark}-{tag}"'):
            return
        self._begin(HTTPStatus.OK, kind, len(content), {"ETag": f'"{self.owner.mark}-{tag}"'})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _has(self, tag: str) -> bool:
        """Answer that the client has it already, where it does."""
        if self.headers.get("If-None-Match") != tag:
            return False
        self.send_response(HTTPStatus.NOT_MODIFIED)
        self.send_header("ETag", tag)
        self.end_headers()
        return True

    def _refuse(self, status: HTTPStatus, text: str, extra: dict[str, str] | None = None) -> None:
        content = f"{text}\n".encode()
        self._begin(status, "text/plain; charset=utf-8", len(content), extra or {})
        if self.command != "HEAD":
            self.wfile.write(content)

    def _begin(self, status: HTTPStatus, kind: str, length: int, headers: dict[str, str]) -> None:
        self.begun = True
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(length), **_HEADERS, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

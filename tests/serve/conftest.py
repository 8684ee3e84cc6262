"""A root with a page and maps, served on loopback, and plain requests to it."""

import http.client
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import finished
from served import write_reports
from water_gee.paths import Layout
from water_gee.serve import Server, Shelf


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("served")
    finished.checkpoint(folder)
    finished.add_products(folder)
    write_reports(Layout(folder, finished.STUDY))
    return folder


@pytest.fixture(scope="module")
def server(root):
    with Server(Shelf.of(Layout(root, finished.STUDY))) as running:
        yield running


@pytest.fixture(scope="module")
def ask(server):
    """A function from an address, a method and headers to (status, headers, body); the address goes as it is."""

    def request(address: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", urlsplit(server.url).port, timeout=180)
        connection.request(method, address, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, dict(answer.getheaders()), content

    return request

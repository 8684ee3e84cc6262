"""Clients that are slow, clients that send nothing, and clients that go away."""

import http.client
import json
import socket
import threading
import time

import pytest

import eelocal
from eelocal.evaluator import plan
from eelocal.workers import checkpoint
from raw_requests import COMPUTE, JSON, ONE, eventually, port_of, post, refused


@pytest.mark.parametrize("sent", [b"", b"POST /v1", f"POST {COMPUTE} HTTP/1.1\r\nHost: localhost\r\n".encode()])
def test_a_socket_that_sends_nothing_more_is_closed(tmp_path, sent):
    with (
        eelocal.Server(tmp_path, limits=eelocal.Limits(arrival=0.5)) as server,
        socket.create_connection(("127.0.0.1", port_of(server)), 20) as connection,
    ):
        connection.sendall(sent)
        assert connection.recv(1000) == b""


def test_a_socket_that_drips_is_closed(tmp_path):
    with (
        eelocal.Server(tmp_path, limits=eelocal.Limits(arrival=0.5)) as server,
        socket.create_connection(("127.0.0.1", port_of(server)), 20) as connection,
    ):
        with pytest.raises(OSError):
            for _ in range(1000):
                connection.sendall(b"P")
                time.sleep(0.05)
        assert not server.requests


def test_a_body_that_never_comes_is_not_waited_for(tmp_path):
    with eelocal.Server(tmp_path, limits=eelocal.Limits(arrival=0.5)) as server:
        refused(post(server, b'{"exp', length=1000), 408, "did not arrive in time")


def test_a_connection_may_be_silent_between_two_requests(tmp_path):
    with eelocal.Server(tmp_path, limits=eelocal.Limits(arrival=0.5)) as server:
        connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=180)
        connection.request("POST", COMPUTE, ONE, {"Content-Type": JSON})
        connection.getresponse().read()
        same = connection.sock
        time.sleep(0.8)
        connection.request("POST", COMPUTE, ONE, {"Content-Type": JSON})
        assert json.loads(connection.getresponse().read()) == {"result": 1} and connection.sock is same
        connection.close()


def posted(path, body):
    """Return the bytes of a request."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: localhost",
        f"Content-Type: {JSON}",
        f"Content-Length: {len(body)}",
        "",
        "",
    ]
    return "\r\n".join(lines).encode() + body


@pytest.fixture
def server(tmp_path):
    """A server on an empty catalog."""
    with eelocal.Server(tmp_path) as running:
        yield running


def test_nothing_more_is_computed_for_a_client_that_has_gone(server):
    running, ended = threading.Semaphore(0), threading.Semaphore(0)

    def endless(*_):
        running.release()
        try:
            while True:
                checkpoint()
                time.sleep(0.005)
        finally:
            ended.release()

    real, server.service.evaluator.value = server.service.evaluator.value, endless
    busy, waiting = server.service.workers, 3
    sockets = []
    for index in range(busy + waiting):
        sockets.append(socket.create_connection(("127.0.0.1", port_of(server)), 20))
        sockets[-1].sendall(posted(COMPUTE, ONE))
        assert index >= busy or running.acquire(timeout=180)
    for connection in sockets[busy:]:
        connection.close()
    eventually(lambda: len(server.requests) == waiting)
    for connection in sockets[:busy]:
        connection.close()
    for _ in range(busy):
        assert ended.acquire(timeout=180)
    eventually(lambda: len(server.requests) == busy + waiting)
    assert {entry["status"] for entry in server.requests} == {499}
    assert not running.acquire(blocking=False)  # those that waited never ran
    server.service.evaluator.value = real
    assert post(server) == (200, {"result": 1})


def test_a_plan_stops_between_its_nodes(server, ee, monkeypatch):
    begun = threading.Event()
    real = plan.checkpoint

    def slow():
        begun.set()
        time.sleep(0.1)
        real()

    image = ee.Image(1)
    for _ in range(200):
        image = image.add(1)
    grid = {"crsCode": "EPSG:32648", "dimensions": {"width": 9, "height": 9}}
    grid["affineTransform"] = {"scaleX": 30, "scaleY": -30}
    body = {"expression": json.loads(image.serialize(for_cloud_api=True)), "fileFormat": "NPY", "grid": grid}
    content = json.dumps(body).encode()
    monkeypatch.setattr(plan, "checkpoint", slow)
    with socket.create_connection(("127.0.0.1", port_of(server)), 20) as connection:
        connection.sendall(posted("/v1/projects/p/image:computePixels", content))
        assert begun.wait(180)
    eventually(lambda: server.requests and server.requests[-1]["route"] == "computePixels")
    assert server.requests[-1]["status"] == 499

"""Requests to eelocal over bare sockets, well-formed or not."""

import http.client
import json
import socket
import time

COMPUTE = "/v1/projects/p/value:compute"
ONE = json.dumps({"expression": {"result": "0", "values": {"0": {"constantValue": 1}}}}).encode()
JSON = "application/json"
TOO_LARGE = "Request payload size exceeds the limit: 10485760 bytes."


def port_of(server):
    return int(server.url.rpartition(":")[2])


def reply_to(connection):
    """Return status and body of the next reply on a socket."""
    reply = http.client.HTTPResponse(connection)
    reply.begin()
    content = reply.read()
    assert reply.getheader("Content-Type").startswith(JSON)
    return reply.status, json.loads(content)


def ask(server, *lines, body=b"", line=f"POST {COMPUTE} HTTP/1.1"):
    """Send a request of these header lines and return status and body of its reply."""
    with socket.create_connection(("127.0.0.1", port_of(server)), 20) as connection:
        connection.sendall("\r\n".join([line, *lines, "", ""]).encode("latin1") + body)
        return reply_to(connection)


def post(server, body=ONE, *, host="127.0.0.1", kind=JSON, length=None, more=()):
    headers = [f"Content-Length: {len(body) if length is None else length}"]
    headers += [f"Host: {host}"] if host else []
    headers += [f"Content-Type: {kind}"] if kind else []
    return ask(server, *headers, *more, body=body)


def refused(found, code, text):
    """Check that a reply is the service's error body with this code and text."""
    status, body = found
    assert set(body) == {"error"} and set(body["error"]) == {"code", "message", "status"}
    assert status == body["error"]["code"] == code
    assert text in body["error"]["message"] and "internal" not in body["error"]["message"]


def eventually(holds):
    """Wait until something holds, for as long as a slow machine may need."""
    end = time.monotonic() + 180
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)
    assert holds()

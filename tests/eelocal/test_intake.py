"""What comes in over a socket: who may ask, and bodies that are no good."""

import gzip
import http.client
import json
import tracemalloc

import pytest

import eelocal
from raw_requests import COMPUTE, JSON, ONE, TOO_LARGE, ask, port_of, post, refused


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for all, on an empty catalog."""
    with eelocal.Server(tmp_path_factory.mktemp("empty")) as running:
        yield running


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8080", "localhost", "LOCALHOST:99", "[::1]", "[::1]:5"])
def test_names_of_this_machine_are_answered(server, host):
    origin = f"http://{host}"
    assert post(server, host=host, more=[f"Origin: {origin}"]) == (200, {"result": 1})


@pytest.mark.parametrize(
    "host", ["", "evil.example", "127.0.0.1.evil.example", "localhost@evil.example", "0.0.0.0", "::1", "127.0.0.1:x"]
)
def test_another_name_is_not_answered(server, host):
    refused(post(server, host=host), 403, "answers to the hosts 127.0.0.1, localhost and [::1] only")
    refused(
        ask(server, *([f"Host: {host}"] if host else []), line="GET /v1/projects/p/assets/x HTTP/1.1"), 403, "hosts"
    )


def test_a_host_in_the_requests_line_counts_too(server):
    found = ask(server, "Host: localhost", line="GET http://evil.example/v1/projects/p/operations HTTP/1.1")
    refused(found, 403, "evil.example")
    refused(ask(server, "Host: localhost", line="GET http://[ HTTP/1.1"), 400, "path is not valid")


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost.evil.example", "file://"])
def test_a_page_of_another_site_is_not_answered(server, origin):
    refused(post(server, more=[f"Origin: {origin}"]), 403, "no pages of other sites")


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
def test_a_forms_content_type_is_not_taken(server, kind):
    refused(post(server, kind=kind), 415, "Content-Type application/json")
    assert post(server, kind=f"{JSON}; charset=utf-8") == (200, {"result": 1})


@pytest.mark.parametrize(
    ("lines", "code", "text"),
    [
        (["Content-Length: x"], 400, "Content-Length 'x' is not a number of bytes"),
        (["Content-Length: -5"], 400, "Content-Length '-5'"),
        (["Content-Length: 5.5"], 400, "Content-Length '5.5'"),
        (["Content-Length: +5"], 400, "Content-Length '+5'"),
        (["Content-Length: \xb2"], 400, "Content-Length"),
        (["Content-Length: "], 400, "Content-Length ''"),
        (["Content-Length: " + "9" * 5000], 400, "Content-Length '999"),
        (["Content-Length: 5", "Content-Length: 6"], 400, "Content-Length '5, 6'"),
        ([], 411, "no Content-Length"),
        (["Transfer-Encoding: chunked"], 400, "chunked"),
        (["Content-Length: 5", "Content-Encoding: br"], 415, "Content-Encoding 'br'"),
        (["Content-Length: 999999999999999"], 400, TOO_LARGE),
    ],
)
def test_lengths_that_are_none(server, lines, code, text):
    refused(ask(server, "Host: localhost", f"Content-Type: {JSON}", *lines), code, text)


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"{nonsense", "Invalid JSON payload"),
        (b"[1]", "must be an object"),
        (b"5", "must be an object"),
        (b'"x"', "must be an object"),
        (b"null", "must be an object"),
        (b"\xff\xfe{}", "Invalid JSON payload"),
        ('{"expression": "ö"}'.encode("latin1"), "utf-8"),
        ("{}".encode("utf-16"), "Invalid JSON payload"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"a":' * 3000 + b"1" + b"}" * 3000, "nested too deeply"),
        (b'{"a": NaN}', "NaN is not a JSON number"),
        (b'{"a": -Infinity}', "-Infinity is not a JSON number"),
        (b'{"a": 1e999}', "out of range"),
        (b'{"a": ' + b"1" * 10_000 + b"}", "Invalid JSON payload"),
        (b'{"a": "\\ud800"}', "Invalid JSON payload"),
    ],
    ids=str,
)
def test_bodies_that_are_no_json_object(server, body, text):
    refused(post(server, body), 400, text)


def asking(value):
    """Return the body that asks for a value."""
    return json.dumps({"expression": {"result": "0", "values": {"0": value}}}).encode()


def test_values_nested_as_deep_as_they_can_be_read(server):
    for depth in (100, 300, 400, 490):
        deep = json.loads("[" * depth + "]" * depth)
        status, body = post(
            server, json.dumps({"expression": {"result": "0", "values": {"0": {"constantValue": deep}}}}).encode()
        )
        assert status == 200 and body == {"result": deep}
    chain = {"constantValue": 1}
    for _ in range(120):
        chain = {"functionInvocationValue": {"functionName": "Number.abs", "arguments": {"input": chain}}}
    status, body = post(server, asking(chain))
    assert status == 200 or "nested too deeply" in body["error"]["message"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"no gzip at all", "not valid gzip"),
        (gzip.compress(ONE)[:-9], "ends too early"),
        (gzip.compress(ONE)[:15] + b"xxxxxxxxxxxxxxx", "not valid gzip"),
        (gzip.compress(ONE) + b"trailing", "not valid gzip"),
    ],
    ids=["none", "cut", "damaged", "more"],
)
def test_gzip_that_is_none(server, content, text):
    refused(post(server, content, more=["Content-Encoding: gzip"]), 400, text)


def test_gzip_is_unpacked_up_to_the_limit_and_no_further(server):
    assert post(server, gzip.compress(ONE), more=["Content-Encoding: gzip"]) == (200, {"result": 1})
    halves = gzip.compress(ONE[:20]) + gzip.compress(ONE[20:])
    assert post(server, halves, more=["Content-Encoding: gzip"]) == (200, {"result": 1})
    bomb = gzip.compress(bytes(100 * 2**20), 1)
    tracemalloc.start()
    try:
        refused(post(server, bomb, more=["Content-Encoding: gzip"]), 400, TOO_LARGE)
        assert tracemalloc.get_traced_memory()[1] < 50 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("megabytes", [11, 100])
def test_whoever_sends_too_much_can_read_the_refusal(server, megabytes):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=180)
    for _ in range(2):  # the connection was closed in order, and the client opens it again
        connection.request("POST", COMPUTE, bytes(megabytes * 2**20), {"Content-Type": JSON})
        reply = connection.getresponse()
        refused((reply.status, json.loads(reply.read())), 400, TOO_LARGE)
    connection.close()


def test_chunks_are_refused_so_that_the_client_can_read_it(server):
    connection = http.client.HTTPConnection("127.0.0.1", port_of(server), timeout=180)
    headers = {"Content-Type": JSON}
    connection.request("POST", COMPUTE, iter([bytes(2**20)] * 8), headers, encode_chunked=True)
    reply = connection.getresponse()
    refused((reply.status, json.loads(reply.read())), 400, "chunked")
    connection.close()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("nonsense", 400),
        ("GET / HTTP/9.9", 505),
        ("BREW /pot HTTP/1.1", 501),
        ("OPTIONS /v1/projects/p/image:export HTTP/1.1", 501),
        ("GET /" + "x" * 70_000 + " HTTP/1.1", 414),
    ],
)
def test_what_is_no_request_is_answered_as_an_error(server, line, code):
    refused(ask(server, "Host: localhost", line=line), code, "")


def test_too_many_headers(server):
    refused(ask(server, *[f"X-{index}: 1" for index in range(200)]), 431, "")


@pytest.mark.parametrize(
    "expression",
    [
        None, 5, [], {}, {"result": "0"}, {"values": {}}, {"result": [], "values": {}}, {"result": "0", "values": []},
        {"result": "1", "values": {"0": {"constantValue": 1}}},
        *(
            {"result": "0", "values": {"0": value}}
            for value in (
                None, 5, {}, {"x": 1}, {"valueReference": 5}, {"valueReference": "absent"}, {"valueReference": "0"},
                {"arrayValue": 5}, {"arrayValue": {"values": 5}}, {"arrayValue": {"values": [5]}},
                {"dictionaryValue": []}, {"dictionaryValue": {"values": [1]}}, {"integerValue": "x"},
                {"integerValue": []}, {"argumentReference": 5}, {"argumentReference": "x"},
                {"functionInvocationValue": 5}, {"functionInvocationValue": {}},
                {"functionInvocationValue": {"functionName": 5}}, {"functionInvocationValue": {"functionName": "x"}},
                {"functionInvocationValue": {"functionName": "Image.load", "arguments": [1]}},
                {"functionInvocationValue": {"functionReference": "0"}}, {"functionDefinitionValue": 5},
                {"functionDefinitionValue": {"body": 5}}, {"functionDefinitionValue": {"body": "absent"}},
                {"functionDefinitionValue": {"body": "0", "argumentNames": [1]}}, {"bytesValue": "x"},
            )
        ),
    ],
)  # fmt: skip
def test_expressions_that_are_none(server, expression):
    body = json.dumps({"expression": expression, "fileFormat": "NPY"}).encode()
    refused(ask_pixels(server, body), 400, "")
    refused(post(server, json.dumps({"expression": expression}).encode()), 400, "")


def ask_pixels(server, body):
    """Post a request for pixels."""
    lines = ["Host: localhost", f"Content-Type: {JSON}", f"Content-Length: {len(body)}"]
    return ask(server, *lines, line="POST /v1/projects/p/image:computePixels HTTP/1.1", body=body)

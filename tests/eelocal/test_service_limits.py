"""Limits, in the service's words, and faults on purpose."""

import io
import json
import threading
import time

import numpy as np
import pytest

import eelocal
from eelocal.faults import Fault

SCENE = "LANDSAT/LC08/C02/T1_L2/LC08_131023_20200715"


def request_of(ee, width, height, bands=None):
    return {
        "expression": ee.Image(SCENE) if bands is None else bands,
        "fileFormat": "NUMPY_NDARRAY",
        "grid": {
            "crsCode": "EPSG:32648",
            "affineTransform": {"scaleX": 30, "translateX": 400000, "scaleY": -30, "translateY": 5800000},
            "dimensions": {"width": width, "height": height},
        },
    }


@pytest.fixture
def impatient(monkeypatch):
    """Let the client give up at the first error."""
    import ee

    monkeypatch.setattr(ee.data._get_state(), "max_retries", 0)


def status_of(error):
    return error.__context__.resp.status


def test_a_reply_of_more_than_48_mb_is_refused_before_it_is_computed(ee):
    # 8 bands of uint16: 3 bytes a pixel and band with the mask
    side = 1449  # 1448**2 * 24 = 50,320,896 fits
    with pytest.raises(ee.EEException) as caught:
        ee.data.computePixels(request_of(ee, side, side))
    assert str(caught.value) == (
        f"Total request size ({side * side * 24} bytes) must be less than or equal to 50331648 bytes."
    )
    assert status_of(caught.value) == 400
    assert ee.data.computePixels(request_of(ee, 1448, 1448)).shape == (1448, 1448)


def test_a_side_is_at_most_32768(ee):
    with pytest.raises(ee.EEException) as caught:
        ee.data.computePixels(request_of(ee, 40818, 1))
    assert str(caught.value) == "Pixel grid dimensions (40818x1) must be less than or equal to 32768."


def test_a_reply_has_so_many_bands_at_most(folder):
    assert eelocal.Limits().bands == 1024
    with eelocal.Server(folder, limits=eelocal.Limits(bands=7)) as server:
        ee = eelocal.connect(server.url)
        with pytest.raises(ee.EEException, match=r"Number of bands \(8\) must be less than or equal to 7"):
            ee.data.computePixels(request_of(ee, 1, 1))
        assert ee.data.computePixels(request_of(ee, 1, 1) | {"bandIds": ["SR_B1"]}).dtype.names == ("SR_B1",)


def test_a_body_is_at_most_10_mb(ee, server):
    with pytest.raises(ee.EEException) as caught:
        ee.String("x" * 10_485_760).getInfo()
    assert str(caught.value) == "Request payload size exceeds the limit: 10485760 bytes."
    assert ee.Number(1).getInfo() == 1  # the connection lives on


def test_a_printed_collection_has_at_most_5000_elements(folder):
    with eelocal.Server(folder, limits=eelocal.Limits(elements=2)) as server:
        ee = eelocal.connect(server.url)
        with pytest.raises(ee.EEException, match="Collection query aborted after accumulating over 2 elements"):
            ee.ImageCollection("LANDSAT/LC08/C02/T1_L2").getInfo()
        assert len(ee.ImageCollection("LANDSAT/LC08/C02/T1_L2").limit(2).getInfo()["features"]) == 2


def test_too_many_requests_at_once(folder, impatient):
    with eelocal.Server(folder, limits=eelocal.Limits(concurrent=2)) as server:
        ee = eelocal.connect(server.url)
        started, release = threading.Event(), threading.Event()

        def slow(*_):
            started.set()
            release.wait(180)
            return 1

        server.service.evaluator.value = slow
        errors, replies = [], []

        def ask():
            try:
                replies.append(ee.Number(1).getInfo())
            except ee.EEException as error:
                errors.append((str(error), status_of(error)))

        threads = [threading.Thread(target=ask) for _ in range(5)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 180
        while len(errors) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        release.set()
        for thread in threads:
            thread.join()
    assert len(replies) == 2 and len(errors) == 3
    assert errors[0][1] == 429 and "concurrency limit" in errors[0][0]


def test_too_many_requests_in_a_minute(folder, impatient):
    with eelocal.Server(folder, limits=eelocal.Limits(minute=8)) as server:
        ee = eelocal.connect(server.url)
        before = len(server.requests)
        with pytest.raises(ee.EEException, match="request rate"):
            for _ in range(8):
                ee.data.getAsset(SCENE)
        deadline = time.monotonic() + 180  # a request is logged just after its answer is sent
        while len(server.requests) < 9 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert [entry["status"] for entry in server.requests][before:] == [200] * (8 - before) + [429]


def test_a_computation_times_out_and_frees_its_thread(folder):
    with eelocal.Server(folder, limits=eelocal.Limits(seconds=0.2)) as server:
        ee = eelocal.connect(server.url)
        image = server.service.catalog.image(SCENE)

        def endless(*_):
            while True:
                image.read("SR_B1", 0, 0, 1, 1)

        server.service.evaluator.value, real = endless, server.service.evaluator.value
        for _ in range(4):
            with pytest.raises(ee.EEException, match="Computation timed out"):
                ee.Number(1).getInfo()
        server.service.evaluator.value = real
        assert ee.Number(1).getInfo() == 1


def test_the_client_repeats_what_429_and_500_strike(ee, server, monkeypatch):
    monkeypatch.setattr("googleapiclient.http.time.sleep", lambda *_: None)
    server.faults.add("compute=429*1")
    server.faults.add("compute=500*1")
    assert ee.Number(5).getInfo() == 5
    assert [entry["status"] for entry in server.requests if entry["route"] == "compute"] == [429, 500, 200]


def test_a_400_is_not_repeated(ee, server):
    server.faults.add("compute=400:Out of luck.*1")
    with pytest.raises(ee.EEException, match="Out of luck"):
        ee.Number(5).getInfo()
    assert ee.Number(5).getInfo() == 5


def test_a_cut_connection_and_a_short_body(ee, server, impatient):
    server.faults.add("computePixels=truncate*1")
    with pytest.raises(ConnectionError):
        ee.data.computePixels(request_of(ee, 50, 40))
    server.faults.add("computePixels=drop*1")
    with pytest.raises(ConnectionError):
        ee.data.computePixels(request_of(ee, 50, 40))
    server.faults.add("computePixels=short*1@1")
    assert ee.data.computePixels(request_of(ee, 50, 40)).shape == (40, 50)
    with pytest.raises(ValueError):
        ee.data.computePixels(request_of(ee, 50, 40))


def test_a_delay(ee, server):
    server.faults.add("compute=delay:0.3")
    started = time.monotonic()
    assert ee.Number(5).getInfo() == 5
    assert time.monotonic() - started >= 0.3
    assert server.requests[-1]["faults"] == ["delay"] and server.requests[-1]["ms"] >= 300
    server.faults.clear()


@pytest.mark.parametrize(
    "spec",
    ["", "compute", "compute=99", "compute=delay", "compute=429*x", "=429", "a=b=c", "compute=no%5", "compute=alter:x"],
)
def test_a_misspelt_fault_is_an_error(spec):
    with pytest.raises(eelocal.EEError, match="is not ROUTE=ACTION"):
        Fault.parse(spec)


def test_a_fault_on_an_unknown_route_is_an_error(folder):
    with pytest.raises(eelocal.EEError, match="not one of"):
        eelocal.Server(folder, faults=["computePixel=429"])


def test_the_log_has_a_line_for_each_request(folder, tmp_path):
    log = tmp_path / "requests.jsonl"
    with eelocal.Server(folder, log=log) as server:
        ee = eelocal.connect(server.url)
        pixels = ee.data.computePixels(request_of(ee, 50, 40))
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    last = lines[-1]
    assert last["route"] == "computePixels" and last["path"].endswith("image:computePixels")
    assert last["status"] == 200 and last["ms"] > 0 and last["received"] > 100
    file = io.BytesIO()
    np.save(file, pixels)
    assert last["bytes"] == len(file.getvalue())

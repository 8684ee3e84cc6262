"""Requests are repeated while that may help, and end in one line where it does not."""

import socket
import sys
import threading
import time
from dataclasses import replace

import ee
import numpy as np
import pytest
import rasterio
from google.auth.exceptions import RefreshError

from eelocal import Server
from water_gee.earth import AccountError, Prepared, Retry, connect, fetch, request_bytes
from water_gee.earth.checksum import opened
from water_gee.earth.failures import diagnose
from water_gee.earth.fetch import completed
from water_gee.earth.pace import Pace
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.study import Grid, Window

PIXEL_LIMIT = 50_331_648
GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(20_010, -193_320, 9, 7)


@pytest.fixture
def faulty(scene_catalog, settings, tmp_path):
    """A server of its own, to which faults are added, with a session of three tries on it."""
    with Server(scene_catalog) as server:
        earth = settings(f"earth.url={server.url}", "earth.attempts=3", "earth.deadline=2").earth
        with connect(earth, Layout(tmp_path)) as session:
            yield server, session


def picture():
    return ee.Image.constant([0.5, 2]).rename(["half", "two"])


@pytest.mark.parametrize(
    "fault", ["429*2", "500*2", "503*2", "drop*2", "truncate*2", "short*2", "delay:5*1", "alter*2", "trickle:20*1"]
)
def test_a_passing_failure_costs_only_further_tries(faulty, fault):
    server, session = faulty
    server.faults.add(f"computePixels={fault}")
    tries = []
    values = fetch(picture(), GRID, WINDOW, ("two", "half"), session.retry, lambda: tries.append(1))
    assert values.shape == (2, 7, 9) and values.dtype == np.float32
    assert (values[0] == 2).all() and (values[1] == 0.5).all()
    assert len(tries) == (2 if "*1" in fault else 3)


def test_a_failure_that_goes_on_is_given_up_after_the_attempts(faulty):
    server, session = faulty
    server.faults.add("computePixels=503")
    with pytest.raises(EarthError, match=r"tried 3 times") as raised:
        fetch(picture(), GRID, WINDOW, ("half",), session.retry)
    assert "\n" not in str(raised.value)


def test_a_wrong_request_is_not_repeated(faulty):
    server, session = faulty
    server.faults.add("computePixels=400:Image.sorcery: not with me.")
    tries = []
    with pytest.raises(EarthError, match=r"^Image\.sorcery: not with me\.$"):
        fetch(picture(), GRID, WINDOW, ("half",), session.retry, lambda: tries.append(1))
    assert len(tries) == 1


def test_values_are_asked_for_with_the_same_patience(faulty):
    server, session = faulty
    server.faults.add("compute=429*2")
    assert session.value(ee.Number(1).add(2)) == 3


def test_nobody_waits_for_the_next_try_once_stopped(faulty):
    server, _ = faulty
    server.faults.add("computePixels=503")
    patient = Retry(attempts=50, wait=30.0)
    threading.Timer(0.5, patient.stopped.set).start()
    with pytest.raises(EarthError):
        fetch(picture(), GRID, WINDOW, ("half",), patient)


def test_the_mask_is_carried_exactly(faulty):
    left, _, _, top = GRID.bounds(WINDOW)
    inside = ee.Geometry.Rectangle([left, top - 60, left + 90, top], GRID.crs, False)
    image = ee.Image.constant([0, -9999]).toFloat().rename(["zero", "low"]).clip(inside)
    values = fetch(image, GRID, WINDOW, ("zero", "low"))
    expected = np.full((7, 9), np.nan)
    expected[:2, :3] = 0
    np.testing.assert_array_equal(values[0], expected)
    np.testing.assert_array_equal(values[1], expected - 9999)


def test_the_size_is_what_the_service_counts(faulty):
    server, _ = faulty
    side = int((PIXEL_LIMIT / 14) ** 0.5)  # a band's 4 bytes, the check's 8, a mask byte for each
    for size, requests in ((side, 1), (side + 1, 4)):
        window, before = Window(0, 0, size, size), len(asked(server))
        assert (request_bytes(window, 1) <= PIXEL_LIMIT) == (requests == 1)
        assert fetch(picture(), GRID, window, ("half",)).shape == (1, size, size)
        assert [entry["status"] for entry in asked(server)[before:]] == [200] * requests


def asked(server):
    return [entry for entry in server.requests if entry["route"] == "computePixels"]


@pytest.mark.parametrize("fault", ["memory:1000", "timeout:1000"])
def test_what_is_too_much_for_the_service_is_asked_for_in_quarters(faulty, fault):
    server, session = faulty
    left, _, _, top = GRID.bounds(WINDOW)
    image = ee.Image.pixelLonLat().clip(ee.Geometry.Rectangle([left, top - 900, left + 900, top], GRID.crs, False))
    wanted, bands = Window(WINDOW.left, WINDOW.top, 45, 41), ("longitude", "latitude")
    whole = fetch(image, GRID, wanted, bands, session.retry)
    assert 0 < np.isnan(whole).sum() < whole.size
    server.faults.add(f"computePixels={fault}")
    before = len(asked(server))
    prepared = Prepared(image, bands)
    for requests in (5, 4):  # the second time it is known to be too much
        np.testing.assert_array_equal(fetch(prepared, GRID, wanted, bands, session.retry), whole)
        assert len(asked(server)) - before == requests
        before = len(asked(server))


def test_what_is_too_much_in_the_smallest_part_is_given_up(faulty):
    server, session = faulty
    server.faults.add("computePixels=memory:1")
    with pytest.raises(EarthError, match=r"limit exceeded \(of \d+ x \d+ pixels; take features or labels out"):
        fetch(picture(), GRID, Window(0, 0, 40, 40), ("half",), session.retry)


def test_any_altered_byte_of_an_answer_is_found():
    """Every bit of a word of each kind: of a value, of 0, of a masked pixel, of the sum itself."""
    sent = np.array([[0.125, 0.0, -1e30, 3.0], [2.0, 17.0, -1e30, -0.03]], np.float32)
    sums = np.where(sent < -1e9, -1024.0, sent.astype(float)).T @ [1 + 1 / 4096, 1 + 3 / 4096]
    good = sent.copy()
    assert opened(good, sums)
    for band, pixel, bit in np.ndindex(*sent.shape, 32):
        damaged = sent.copy()
        damaged.view(np.uint32)[band, pixel] ^= np.uint32(1 << bit)
        fine = opened(damaged, sums)
        assert not fine or np.array_equal(damaged, good, equal_nan=True), (band, pixel, bit)
    for pixel in range(4):
        damaged = sums.copy()
        damaged.view(np.uint64)[pixel] ^= np.uint64(1 << 52)
        assert not opened(sent.copy(), damaged)
    assert not opened(sent[::-1].copy(), sums), "two bands exchanged"


def test_an_image_is_made_when_it_is_first_asked_for_and_no_second_time(session):
    made = []
    prepared = Prepared(lambda: made.append("made") or picture(), ("half",))
    assert made == []
    first = fetch(prepared, GRID, WINDOW, ("half",), session.retry)
    np.testing.assert_array_equal(fetch(prepared, GRID, WINDOW, ("half",), session.retry), first)
    assert made == ["made"]


def test_sums_that_never_fit_cost_a_second_request_and_no_more(faulty, monkeypatch, capsys):
    """Should the service sum otherwise than this machine, nobody is stopped by the check."""
    server, session = faulty
    monkeypatch.setattr(sys.modules["water_gee.earth.fetch"], "opened", lambda values, sums: False)
    prepared = Prepared(picture(), ("half",))
    for _ in range(2):
        assert (fetch(prepared, GRID, WINDOW, ("half",), session.retry) == 0.5).all()
    assert len(asked(server)) == 4
    assert capsys.readouterr().err.count("asked for twice and compared") == 1


def test_an_expression_is_put_in_for_what_stands_for_it(faulty):
    prepared = Prepared(picture(), ("half",))
    body = '{"expression": ' + prepared.placeholder + ', "fileFormat": "NPY"}'
    assert completed(body) == '{"expression": ' + prepared.text + ', "fileFormat": "NPY"}'
    assert completed('{"expression": 1}') == '{"expression": 1}'
    with pytest.raises(RuntimeError, match="earthengine-api"):
        completed(body.replace('"values": ', '"values":'))


@pytest.mark.parametrize(
    ("status", "words"), [("401", "earthengine authenticate"), ("403", "Caller has no permission; see to the account")]
)
def test_a_refused_account_ends_it_all(faulty, status, words):
    server, session = faulty
    server.faults.add(f"computePixels={status}:Caller has no permission.")
    with pytest.raises(AccountError, match=words):
        fetch(picture(), GRID, WINDOW, ("half",), session.retry)


def test_a_restricted_project_is_asked_one_request_at_a_time(faulty, capsys):
    server, session = faulty
    server.faults.add("computePixels=quota")
    for _ in range(2):
        fetch(picture(), GRID, WINDOW, ("half",), session.retry)
    assert session.retry.pace.allowed == 1
    assert capsys.readouterr().err.count("restricts this project") == 1


def test_haste_that_the_service_refuses_slows_and_success_quickens(faulty):
    server, session = faulty
    patient = replace(session.retry, pace=Pace(20))
    server.faults.add("computePixels=429*1")
    fetch(picture(), GRID, WINDOW, ("half",), patient)
    assert patient.pace.allowed == 14
    for _ in range(110):
        patient.pace.quicken()
    assert patient.pace.allowed == 20
    now = [0.0]
    pace = Pace(20, clock=lambda: now[0])
    for _ in range(5):
        pace.slow()
    assert pace.allowed == 14, "those refused together are one sign"
    for second in range(1, 30):
        now[0] = second
        pace.slow()
    assert pace.allowed == 1


def test_no_more_are_under_way_than_the_pace_allows():
    pace, under_way, most = Pace(3), [], []

    def work():
        with pace.slot():
            under_way.append(1)
            most.append(len(under_way))
            time.sleep(0.01)
            under_way.pop()

    threads = [threading.Thread(target=work) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(most) == 3 and len(most) == 12


def test_values_that_were_altered_are_asked_for_again(faulty):
    server, session = faulty
    for fault in ("alter*1", "alter:3*2@2", "truncate*1@6"):
        server.faults.add(f"compute={fault}")
        assert session.value(ee.List([12345678, "a long enough word"])) == [12345678, "a long enough word"]
        server.faults.clear()


@pytest.mark.parametrize(
    ("error", "passing", "text"),
    [
        (TimeoutError("x"), True, "deadline"),
        (ConnectionError("refused"), True, "no connection"),
        (socket.gaierror(-2, "unknown name"), True, "no connection"),
        (RefreshError("expired"), False, "earthengine authenticate"),
        (ee.EEException("User memory limit exceeded."), False, "memory"),
        (RefreshError("busy", retryable=True), True, "busy"),
        (ee.EEException("two\nlines"), False, "two lines"),
    ],
)
def test_failures_are_told_apart(error, passing, text):
    failure = diagnose(error)
    assert failure.passing is passing and text in failure.message and "\n" not in failure.message


@pytest.mark.parametrize("collection", [True, False])
def test_the_remedy_for_an_elevation_model_without_band_names_is_to_name_its_band(tmp_path, settings, collection):
    asset = "MY/DEM/tile" if not collection else "MY/DEM"
    path = tmp_path / "catalog" / "MY" / "DEM" / "tile.tif"
    path.parent.mkdir(parents=True)
    where = {"crs": GRID.crs, "transform": GRID.transform(WINDOW), "width": 9, "height": 7}
    with rasterio.open(path, "w", driver="GTiff", count=1, dtype="float32", **where) as file:
        file.write(np.ones((1, 7, 9), np.float32))
    with Server(tmp_path / "catalog") as server, connect(settings(f"earth.url={server.url}").earth, Layout(tmp_path)):
        image = ee.ImageCollection(asset).select("DEM").mosaic() if collection else ee.Image(asset).select("DEM")
        with pytest.raises(EarthError, match=r"bands: \[b1\]; set dem\.band=b1 if it is the elevation model"):
            fetch(image, GRID, WINDOW, ("DEM",))
        values = fetch(ee.Image("MY/DEM/tile").select("b1"), GRID, WINDOW, ("b1",))
    assert (values == 1).all()


def test_what_was_prepared_is_not_read_as_other_bands(faulty):
    _, session = faulty
    with pytest.raises(ValueError, match="prepared were two, half, and not half, two"):
        fetch(Prepared(picture(), ("two", "half")), GRID, WINDOW, ("half", "two"), session.retry)

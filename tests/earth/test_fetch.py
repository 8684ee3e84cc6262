"""Requests are repeated while that may help, and end in one line where it does not."""

import socket
import threading

import ee
import numpy as np
import pytest
from google.auth.exceptions import RefreshError

from eelocal import Server
from water_gee.earth import Retry, connect, fetch, request_bytes
from water_gee.earth.failures import diagnose
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.study import Grid, Window

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


@pytest.mark.parametrize("fault", ["429*2", "500*2", "503*2", "drop*2", "truncate*2", "short*2", "delay:5*1"])
def test_a_passing_failure_costs_only_further_tries(faulty, fault):
    server, session = faulty
    server.faults.add(f"computePixels={fault}")
    tries = []
    values = fetch(picture(), GRID, WINDOW, ("two", "half"), session.retry, lambda: tries.append(1))
    assert values.shape == (2, 7, 9) and values.dtype == np.float32
    assert (values[0] == 2).all() and (values[1] == 0.5).all()
    assert len(tries) == (2 if "delay" in fault else 3)


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
    limit = 50_331_648
    side = int((limit / 5) ** 0.5)
    assert request_bytes(Window(0, 0, side, side), 1) <= limit < request_bytes(Window(0, 0, side + 1, side + 1), 1)
    with pytest.raises(EarthError, match=r"use smaller tiles \(tiles\.size\)"):
        fetch(picture(), GRID, Window(0, 0, side + 1, side + 1), ("half",))


@pytest.mark.parametrize(
    ("error", "passing", "text"),
    [
        (TimeoutError("x"), True, "deadline"),
        (ConnectionError("refused"), True, "no connection"),
        (socket.gaierror(-2, "unknown name"), True, "no connection"),
        (RefreshError("expired"), False, "earthengine authenticate"),
        (ee.EEException("User memory limit exceeded."), False, "tiles.size"),
        (ee.EEException("two\nlines"), False, "two lines"),
    ],
)
def test_failures_are_told_apart(error, passing, text):
    failure = diagnose(error)
    assert failure.passing is passing and text in failure.message and "\n" not in failure.message

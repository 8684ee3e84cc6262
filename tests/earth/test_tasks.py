"""Exports to an asset, and work done several requests at once."""

import shutil
import threading
import time

import ee
import numpy as np
import pytest

from eelocal import Server
from local_earth import earth_at
from water_gee.earth import connect, export_to_asset, fetch, in_parallel, watch
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.study import Grid, Window

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(20_010, -193_320, 9, 7)


@pytest.fixture
def session(world, tmp_path):
    """A session on a catalog that may be written to."""
    shutil.copytree(world / "catalog" / "COPERNICUS", tmp_path / "catalog" / "COPERNICUS")
    with Server(tmp_path / "catalog") as server:
        with connect(earth_at(server.url), Layout(tmp_path)) as connected:
            yield connected


def test_an_export_becomes_an_asset(session):
    states: list[str] = []
    image = ee.Image.constant(7).toFloat().rename("seven")
    asset = "projects/local/assets/seven"
    task = export_to_asset(session, image, asset, GRID, WINDOW, description="seven")
    watch(session, task, seconds=0.05, told=states.append)
    assert states[-1] == "COMPLETED"
    np.testing.assert_array_equal(fetch(ee.Image(asset), GRID, WINDOW.buffer(1), ("seven",))[0][1:-1, 1:-1], 7)
    with pytest.raises(EarthError, match="seven"):
        export_to_asset(session, image, asset, GRID, WINDOW, description="again")


def test_a_failed_export_says_why(session, tmp_path):
    broken = tmp_path / "catalog" / "broken.tif"
    shutil.copy(next((tmp_path / "catalog").rglob("DEM_131.tif")), broken)
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    image = ee.Image("broken").toFloat()
    with pytest.raises(EarthError, match=r"broken\.tif"):
        task = export_to_asset(session, image, "projects/local/assets/copy", GRID, WINDOW, description="copy")
        watch(session, task, seconds=0.05)


def test_work_is_done_at_once_and_yielded_as_it_is_done():
    together = threading.Barrier(3, timeout=10)

    def work(number: int) -> int:
        if number < 3:
            together.wait()
        return number * number

    assert sorted(in_parallel(work, range(8), 3)) == [n * n for n in range(8)]
    assert list(in_parallel(work, [], 3)) == []


def test_an_error_of_the_work_is_raised_and_stops_it():
    begun = []

    def work(number: int) -> int:
        begun.append(number)
        time.sleep(0.01)
        if number == 2:
            raise ValueError("two")
        return number

    with pytest.raises(ValueError, match="two"):
        list(in_parallel(work, range(1000), 2))
    time.sleep(0.1)
    assert len(begun) < 20

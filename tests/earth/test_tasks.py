"""Export tasks: started once a request id whatever the network does, listed page by page, cancelled."""

import shutil
import time

import ee
import numpy as np
import pytest

from eelocal import Server
from eelocal.limits import Limits
from local_earth import earth_at
from memory_catalog import client
from water_gee.earth import (
    Destination,
    Export,
    QueueFullError,
    Session,
    Task,
    asset_kind,
    assets_in,
    cancel,
    connect,
    export_request,
    fetch,
    make_collection,
    start,
    task,
    tasks,
)
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.study import Grid, Window

GRID = Grid("EPSG:32648", 30.0)
WINDOW = Window(20_010, -193_320, 9, 7)
FOLDER = "projects/local/assets/water_gee/maps"
ASSETS = Destination("asset", FOLDER)


@pytest.fixture
def server(world, tmp_path):
    """An eelocal on a catalog that may be written to, in which two tasks may wait or run."""
    shutil.copytree(world / "catalog" / "COPERNICUS", tmp_path / "catalog" / "COPERNICUS")
    with Server(tmp_path / "catalog", limits=Limits(tasks=2)) as running:
        yield running


@pytest.fixture
def session(server, tmp_path):
    with connect(earth_at(server.url), Layout(tmp_path)) as connected:
        yield connected


def seven(name: str = "seven") -> dict:
    image = ee.Image.constant(7).toFloat().rename("seven").set({"made_of": "nothing"})
    return export_request(image, Export(f"{name}-1", name, GRID, WINDOW, modes=("seven",), tag="water-gee"), ASSETS)


def ended(session: Session, name: str) -> Task:
    for _ in range(200):
        found = task(session, name)
        assert found is not None
        if not found.active:
            return found
        time.sleep(0.02)
    raise AssertionError(found)


def test_an_export_becomes_an_asset_in_folders_that_are_made(session) -> None:
    assert asset_kind(session, FOLDER) == "" and assets_in(session, FOLDER) == set()
    make_collection(session, FOLDER)
    make_collection(session, FOLDER)
    assert asset_kind(session, FOLDER) == "IMAGE_COLLECTION"
    found = ended(session, start(session, seven(), "id-1"))
    assert (found.state, found.description, found.reason, found.progress) == ("SUCCEEDED", "seven-1", "", 1.0)
    assert assets_in(session, FOLDER) == {f"{FOLDER}/seven"}
    np.testing.assert_array_equal(
        fetch(ee.Image(f"{FOLDER}/seven"), GRID, WINDOW.buffer(1), ("seven",))[0][1:-1, 1:-1], 7
    )
    assert session.value(ee.Image(f"{FOLDER}/seven").get("made_of")) == "nothing"
    with pytest.raises(EarthError, match="is an asset of type IMAGE and can hold no maps"):
        make_collection(session, f"{FOLDER}/seven")


def test_a_lost_answer_starts_no_second_task(session, server) -> None:
    make_collection(session, FOLDER)
    for fault in ("export=truncate*1", "export=429*1", "export=503*1", "export=drop*1"):
        server.faults.add(fault)
    name = start(session, seven(), "id-1")
    assert ended(session, name).state == "SUCCEEDED"
    assert start(session, seven(), "id-1") == name
    assert [one.name for one in tasks(session)] == [name]


def test_a_service_that_refuses_a_used_request_id_is_asked_for_its_task(session, server) -> None:
    make_collection(session, FOLDER)
    name = start(session, seven(), "id-1")
    refusal = "export=400:A different Operation was already started with the given request_id."
    server.faults.add(refusal)
    assert start(session, seven(), "id-1") == name
    with pytest.raises(EarthError, match="other-1 could not be started, and Earth Engine lists no task of that name"):
        start(session, seven("other"), "id-2", wait=0)


def test_a_full_queue_is_told_apart_and_not_asked_again(session, server) -> None:
    make_collection(session, FOLDER)
    server.faults.add(
        "export=400:Too many tasks already in the queue (3000). Please wait for some of them to complete."
    )
    asked = len(server.requests)
    with pytest.raises(QueueFullError, match="3000"):
        start(session, seven(), "id-1")
    assert len(server.requests) == asked + 1


def test_a_failed_task_says_why(session) -> None:
    make_collection(session, FOLDER)
    found = ended(session, start(session, {**seven(), "maxPixels": {"value": "5"}}, "id-1"))
    assert found.state == "FAILED" and "Export too large: specified 63 pixels" in found.reason


def test_a_task_is_cancelled_and_one_that_has_ended_stays(session) -> None:
    make_collection(session, FOLDER)
    name = start(session, seven(), "id-1")
    cancel(session, name)
    state = ended(session, name).state
    assert state in ("CANCELLED", "SUCCEEDED")
    cancel(session, name)
    assert ended(session, name).state == state
    assert task(session, "projects/local/operations/ABC") is None


def test_files_have_one_type_a_value_for_masked_pixels_and_the_properties() -> None:
    with client():
        image = ee.Image.constant([1, 0.5]).rename(["water", "probability"]).set({"year": 2020})
        wanted = Export("a-1", "a", GRID, WINDOW, shard=128, modes=("water",), keys=("year",))
        bucket = export_request(image, wanted, Destination("storage", "bucket", "maps/"))
        drive = export_request(image, wanted, Destination("drive", "Maps"))
        asset = export_request(image, wanted, Destination("asset", "projects/my-project/assets/maps"))
        sent = ee.serializer.toJSON(bucket["expression"], for_cloud_api=True)
    options = bucket["fileExportOptions"]
    assert options["cloudStorageDestination"] == {"bucket": "bucket", "filenamePrefix": "maps/a"}
    assert options["geoTiffOptions"] == {
        "cloudOptimized": True, "noData": {"floatValue": -1.0}, "metadataKeys": ["year"], "tileSize": {"value": 128},
    }  # fmt: skip
    assert "Image.toFloat" in sent
    assert drive["fileExportOptions"]["driveDestination"] == {"folder": "Maps", "filenamePrefix": "a"}
    assert asset["assetExportOptions"] == {
        "earthEngineDestination": {"name": "projects/my-project/assets/maps/a", "overwrite": False},
        "pyramidingPolicy": "MEAN",
        "pyramidingPolicyOverrides": {"water": "MODE"},
        "tileSize": {"value": 128},
    }
    assert bucket["maxPixels"] == {"value": "63"} and bucket["description"] == "a-1"
    assert Destination("storage", "bucket", "maps/").result("a") == "bucket/maps/a"
    assert ASSETS.result("a") == f"{FOLDER}/a" and Destination("drive", "Maps").result("a") == "Maps/a"

"""Exports to an asset, their operations, and what a restart leaves of them."""

import json
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import rasterio

import eelocal
from eelocal.errors import EEError
from eelocal.workers import checkpoint

SCENE = "LANDSAT/LC08/C02/T1_L2/LC08_131023_20200715"
ROOT = "projects/local/assets"
REGION = {"crs": "EPSG:32648", "crsTransform": [30, 0, 400000, 0, -30, 5800000], "dimensions": "50x40"}


def finish(ee, task, seconds=180):
    deadline = time.monotonic() + seconds
    while task.active():
        assert time.monotonic() < deadline, task.status()
        time.sleep(0.02)
    return task.status()


def export(ee, image, name, **options):
    task = ee.batch.Export.image.toAsset(image, description=name, assetId=f"{ROOT}/{name}", **(REGION | options))
    task.start()
    return task


def pixels(ee, image):
    return ee.data.computePixels(
        {
            "expression": image,
            "fileFormat": "NUMPY_NDARRAY",
            "grid": {
                "crsCode": "EPSG:32648",
                "affineTransform": {"scaleX": 30, "translateX": 400000, "scaleY": -30, "translateY": 5800000},
                "dimensions": {"width": 50, "height": 40},
            },
        }
    )


def test_an_export_reads_back_equal(ee, folder):
    image = ee.Image(SCENE)
    reflectance = image.select("SR_B.").multiply(2.75e-5).add(-0.2).toFloat()
    byte = image.select("QA_PIXEL").rightShift(3).bitwiseAnd(1).toByte().rename("cloud")
    both = reflectance.addBands(byte).set({"study": "test", "system:time_start": 1577836800000})
    status = finish(ee, export(ee, both, "map"))
    assert status["state"] == "COMPLETED" and status["destination_uris"] == [f"{ROOT}/map"]
    assert status["task_type"] == "EXPORT_IMAGE" and status["description"] == "map"
    stored = ee.Image(f"{ROOT}/map")
    info = stored.getInfo()
    assert info["properties"]["study"] == "test" and info["properties"]["system:index"] == "map"
    assert info["properties"]["system:time_start"] == 1577836800000
    types = {band["id"]: band["data_type"] for band in info["bands"]}
    assert types["cloud"] == {"type": "PixelType", "precision": "int", "min": 0, "max": 255}
    assert types["SR_B4"] == {"type": "PixelType", "precision": "float"}
    for view in (both, stored):
        assert list(pixels(ee, view).dtype.names) == list(types)
    np.testing.assert_array_equal(pixels(ee, both), pixels(ee, stored))
    masks = pixels(ee, both.mask()), pixels(ee, stored.mask())
    np.testing.assert_array_equal(*masks)
    assert (masks[0]["SR_B1"] == 0).sum() == 35
    with rasterio.open(folder / ROOT / "map.tif") as dataset:
        assert dataset.profile["tiled"] and dataset.crs == "EPSG:32648"
        assert dataset.transform[:6] == (30, 0, 400000, 0, -30, 5800000)


@pytest.mark.parametrize("name", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float", "double"])
def test_every_type_keeps_its_extremes_and_its_mask(ee, name):
    limits = {"float": (-3.4e38, 3.4e38), "double": (-1.7e308, 1.7e308)}
    low, high = limits.get(name) or (int(np.iinfo(name).min), int(np.iinfo(name).max))
    seen = ee.Image(SCENE).select("SR_B1").mask()
    first = ee.Image.constant(low).cast({"constant": name}).rename("low").updateMask(seen)
    last = ee.Image.constant(high).cast({"constant": name}).rename("high")
    image = first.addBands(last)
    assert finish(ee, export(ee, image, name))["state"] == "COMPLETED"
    stored = ee.Image(f"{ROOT}/{name}")
    want, got = pixels(ee, image), pixels(ee, stored)
    assert got.dtype == want.dtype
    np.testing.assert_array_equal(got, want)
    assert got["low"][20, 20] == want.dtype["low"].type(low) and got["high"][0, 0] == want.dtype["high"].type(high)
    np.testing.assert_array_equal(pixels(ee, stored.mask()), pixels(ee, image.mask()))


def test_a_large_export_is_cut_into_blocks_without_seams(ee, monkeypatch):
    monkeypatch.setattr("eelocal.exports._BLOCK", 16)
    terrain = ee.Image("NASA/DEM").select("elevation")
    image = terrain.convolve(ee.Kernel.square(1, "pixels"))
    assert finish(ee, export(ee, image, "smooth"))["state"] == "COMPLETED"
    np.testing.assert_array_equal(pixels(ee, image), pixels(ee, ee.Image(f"{ROOT}/smooth")))


def test_an_asset_is_not_overwritten_unless_asked(ee):
    image = ee.Image(SCENE).select("SR_B1")
    assert finish(ee, export(ee, image, "x"))["state"] == "COMPLETED"
    with pytest.raises(ee.EEException, match="Cannot overwrite asset"):
        export(ee, image, "x")
    assert finish(ee, export(ee, image.multiply(0).toByte(), "x", overwrite=True))["state"] == "COMPLETED"
    assert pixels(ee, ee.Image(f"{ROOT}/x"))["SR_B1"].max() == 0


def test_more_than_max_pixels_fails(ee):
    status = finish(ee, export(ee, ee.Image(SCENE), "big", maxPixels=1999))
    assert status["state"] == "FAILED"
    assert status["error_message"].startswith("Export too large: specified 2000 pixels (max: 1999).")


def test_a_failure_while_it_runs_names_the_file(ee, folder):
    path = folder / f"{SCENE}.tif"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    status = finish(ee, export(ee, ee.Image(SCENE), "broken"))
    assert status["state"] == "FAILED" and "LC08_131023_20200715.tif" in status["error_message"]
    assert not [path for path in (folder / ".eelocal/unfinished").rglob("*") if path.is_file()]
    with pytest.raises(ee.EEException, match="not found"):
        ee.data.getAsset(f"{ROOT}/broken")


def test_exports_elsewhere_are_refused_by_name(ee):
    with pytest.raises(ee.EEException, match="exports to Drive or Cloud Storage"):
        ee.batch.Export.image.toDrive(ee.Image(SCENE), **REGION).start()
    with pytest.raises(ee.EEException, match="denied"):
        ee.batch.Export.image.toAsset(ee.Image(SCENE), assetId="LANDSAT/x", **REGION).start()
    with pytest.raises(ee.EEException, match="band"):
        export(ee, ee.Image(SCENE).select("absent"), "x")


def test_operations_are_listed_newest_first_and_outlive_the_server(ee, server, folder):
    tasks = [export(ee, ee.Image(SCENE).select("SR_B1"), name) for name in ("a", "b")]
    for task in tasks:
        finish(ee, task)
    assert [o["metadata"]["description"] for o in ee.data.listOperations()] == ["b", "a"]
    server.close()
    with eelocal.Server(folder) as again:
        ee = eelocal.connect(again.url)
        operations = ee.data.listOperations()
        assert [o["metadata"]["state"] for o in operations] == ["SUCCEEDED", "SUCCEEDED"]
        assert all("eelocal" not in operation for operation in operations)
        assert ee.data.getOperation(tasks[0].name)["done"] is True
        assert ee.data.getTaskStatus(["ABSENT"])[0]["state"] == "UNKNOWN"
        assert [task.id for task in ee.batch.Task.list()] == [tasks[1].id, tasks[0].id]
        assert ee.data.getAsset(f"{ROOT}/a")["type"] == "IMAGE"


def hold(server):
    """Let exports wait in the middle of their pixels; return the events (they run, they may go on)."""
    running, go_on, real = threading.Event(), threading.Event(), server.service.evaluator.pixels

    def slow(*arguments):
        running.set()
        while not go_on.wait(0.01):
            checkpoint()
        return real(*arguments)

    server.service.evaluator.pixels = slow
    return running, go_on


def test_a_task_is_cancelled_while_it_runs_and_while_it_waits(ee, server):
    running, go_on = hold(server)
    tasks = [export(ee, ee.Image(SCENE).select("SR_B1"), name) for name in ("a", "b", "c")]
    assert running.wait(180)
    assert tasks[2].status()["state"] == "READY"  # two run at once
    tasks[2].cancel()
    assert tasks[2].status()["state"] == "CANCELLED"
    tasks[0].cancel()
    assert finish(ee, tasks[0])["state"] == "CANCELLED"
    go_on.set()
    assert finish(ee, tasks[1])["state"] == "COMPLETED"
    with pytest.raises(ee.EEException, match="it is SUCCEEDED"):
        tasks[1].cancel()
    for name in ("a", "c"):
        with pytest.raises(ee.EEException, match="not found"):
            ee.data.getAsset(f"{ROOT}/{name}")


def test_what_ran_when_the_server_ended_has_failed(ee, server, folder):
    running, _ = hold(server)
    task = export(ee, ee.Image(SCENE).select("SR_B1"), "a")
    assert running.wait(180)
    with eelocal.Server(folder) as second:  # a second server on the folder sees the task run
        ee = eelocal.connect(second.url)
        assert task.status()["state"] == "RUNNING"
        with pytest.raises(ee.EEException, match="another eelocal server"):
            task.cancel()
        server.close()
        status = task.status()
        assert status["state"] == "FAILED" and "server was stopped" in status["error_message"]


def test_what_ran_when_the_server_was_killed_has_failed(folder):
    script = (
        "import sys, threading, eelocal\n"
        "operations = eelocal.Server(sys.argv[1]).service.operations\n"
        "def work(progress):\n"
        "    operations.scratch.mkdir(parents=True)\n"
        "    (operations.scratch / 'half.tif').touch()\n"
        "    print('ready', flush=True)\n"
        "    threading.Event().wait()\n"
        "operations.submit('projects/local', 'd', 'EXPORT_IMAGE', '', 100, work)\n"
        "threading.Event().wait()\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script, str(folder)], stdout=subprocess.PIPE, encoding="utf-8")
    assert process.stdout.readline() == "ready\n"
    with eelocal.Server(folder) as server:
        operations = server.service.operations
        (operation,) = operations.of_project("projects/local")
        assert operation["metadata"]["state"] == "RUNNING"
        process.kill()
        process.wait()
        (operation,) = operations.of_project("projects/local")
        assert operation["metadata"]["state"] == "FAILED" and operation["done"]
        assert list(folder.rglob("half.tif"))
        operations.submit("projects/local", "d", "EXPORT_IMAGE", "", 100, lambda progress: [])
        assert not list(folder.rglob("half.tif"))


def test_a_request_that_is_repeated_starts_one_task(server):
    work = lambda progress: []  # noqa: E731
    submit = server.service.operations.submit
    first = submit("projects/local", "d", "EXPORT_IMAGE", "same", 100, work)
    assert submit("projects/local", "d", "EXPORT_IMAGE", "same", 100, work)["name"] == first["name"]
    assert submit("projects/local", "d", "EXPORT_IMAGE", "other", 100, work)["name"] != first["name"]


def test_a_bug_in_a_task_fails_it(server, capfd):
    def broken(progress):
        raise ZeroDivisionError("a bug")

    name = server.service.operations.submit("projects/local", "d", "EXPORT_IMAGE", "", 100, broken)["name"]
    deadline = time.monotonic() + 180
    while not server.service.operations.get(name)["done"] and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "ZeroDivisionError: a bug" in server.service.operations.get(name)["error"]["message"]
    assert "Traceback" in capfd.readouterr().err


def test_a_read_only_catalog_serves_but_does_not_export(folder, monkeypatch):
    with eelocal.Server(folder) as server:
        monkeypatch.setattr("pathlib.Path.mkdir", lambda *a, **k: (_ for _ in ()).throw(PermissionError("read-only")))
        with pytest.raises(EEError, match="serve a writable copy"):
            server.service.operations.submit("projects/local", "d", "EXPORT_IMAGE", "", 100, lambda progress: [])


def test_nothing_is_written_before_the_first_task(ee, folder):
    ee.Image(SCENE).getInfo()
    assert not (folder / ".eelocal").exists()
    assert ee.data.listOperations() == []


def test_records_are_whole_files(ee, folder):
    finish(ee, export(ee, ee.Image(SCENE).select("SR_B1"), "a"))
    (path,) = (folder / ".eelocal/operations").iterdir()
    assert json.loads(path.read_text(encoding="utf-8"))["done"] is True

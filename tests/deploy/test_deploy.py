"""A task a year and block, each started once: what is done is skipped, what failed is started again, up to a limit."""

import json
import time

import ee
import pytest

from water_gee.deploy.ledger import Ledger
from water_gee.deploy.stage import run
from water_gee.deploy.tending import cancel_all, status
from water_gee.earth import connect
from water_gee.errors import ConfigError, EarthError, ExportError

WATCH, ONE = "deploy.watch=true", "deploy.block=1024"


def operations(server) -> list[dict]:
    folder = server.service.catalog.root / ".eelocal" / "operations"
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def states(layout) -> list[str]:
    return sorted(one.state for one in Ledger(layout.deploy, "tiny").latest)


def starts(server) -> int:
    return sum(one["route"] == "export" for one in server.requests)


def test_an_area_is_mapped_block_by_block_and_nothing_is_done_twice(verified, choose, server, capsys) -> None:
    run(choose("deploy.dry_run=true"))
    said = capsys.readouterr().err
    assert (
        "4 blocks, 0.0 million pixels, of the seasons of 2020, to projects/local/assets/water_gee/tiny" in said
        and "EECU: not known here" in said
    )
    assert starts(server) == 0 and not (verified.deploy / "ledger.jsonl").exists()
    run(choose(WATCH))
    assert states(verified) == ["SUCCEEDED"] * 4
    assert "4 done, 0 running, 0 waiting" in capsys.readouterr().err
    run(choose(WATCH))
    assert starts(server) == 4 and len(operations(server)) == 4
    status(choose())
    said = capsys.readouterr().err
    assert "2020 (deployment " in said and "): 4 blocks, 4 succeeded" in said and "EECU: not known here" in said
    run(choose(WATCH, ONE))
    assert starts(server) == 5, "other blocks are other tasks"


def test_results_carry_what_a_catalogue_needs_and_are_the_map(verified, choose, deployed, tmp_path) -> None:
    from water_gee.maps.stage import run as predict

    choice = choose(WATCH, ONE)
    run(choice)
    predict(choice)
    (record,) = Ledger(verified.deploy, "tiny").latest
    with connect(choice.earth, verified) as session:
        collection = ee.ImageCollection("projects/local/assets/water_gee/tiny")
        found = session.value(collection.first().toDictionary())
        begin = session.value(collection.first().get("system:time_start"))
        bands = session.value(collection.first().bandNames())
        exported = ee.data.getAsset(f"projects/local/assets/water_gee/tiny/{record.block}")
    assert found["study"] == "tiny" and found["year"] == 2020 and found["block"].startswith("2020_c")
    assert found["model_sha256"] == deployed.checkpoint.sha256 and found["model_sha256"][:8] in record.block
    assert (found["season_begin"], found["season_end"]) == ("2020-06-01", "2020-09-01")
    assert found["source_ids"].count("LC08_") == 3 and "COPERNICUS/DEM/GLO30/" in found["source_ids"]
    assert found["parity_by"].startswith("verify on eelocal") and found["parity_max_abs"] == 1.8e-07
    assert "not_verified" not in found and begin == 1_590_969_600_000 and bands == ["water", "probability"]
    assert exported["bands"][0]["dataType"]["precision"] == "INT"
    import numpy as np
    import rasterio

    path = next((tmp_path / "catalog" / "projects").rglob(f"{record.block}.tif"))
    with rasterio.open(path) as file, rasterio.open(tmp_path / "maps" / "2020" / "water.tif") as map_:
        assert file.transform == map_.transform and file.shape == map_.shape
        classes, seen = file.read(1), file.read(1, masked=True).mask
        ours = map_.read(1)
    np.testing.assert_array_equal(np.ma.getmaskarray(np.ma.array(ours, mask=ours == 255)), seen)
    np.testing.assert_array_equal(classes[~seen], ours[~seen])


def test_what_is_not_verified_is_refused_or_says_so(ready, choose, capsys) -> None:
    with pytest.raises(ExportError, match=r"is not verified on eelocal .* run first: water-gee verify"):
        run(choose())
    assert not (ready.deploy / "ledger.jsonl").exists()
    run(choose(WATCH, ONE, "deploy.force=true"))
    assert "without being verified" in capsys.readouterr().err
    events = [json.loads(one) for one in (ready.deploy / "ledger.jsonl").read_text(encoding="utf-8").splitlines()]
    assert events[0]["properties"]["not_verified"] == 1 and events[0]["properties"]["parity_by"] == "export on nobody"
    with connect(choose().earth, ready) as session:
        collection = ee.ImageCollection("projects/local/assets/water_gee/tiny")
        assert session.value(collection.first().get("not_verified")) == 1


def test_what_failed_is_started_again_up_to_a_limit(verified, choose, server, monkeypatch) -> None:
    from eelocal import exports

    whole = exports.ImageExport._write

    def fails(self, *arguments):
        from eelocal.errors import bad_request

        raise bad_request("User memory limit exceeded.")

    monkeypatch.setattr(exports.ImageExport, "_write", fails)
    choice = choose(WATCH, "deploy.attempts=2", ONE)
    with pytest.raises(
        EarthError, match=r"1 blocks are left without a map: .*-2 is failed \(User memory limit exceeded"
    ):
        run(choice)
    assert starts(server) == 2
    with pytest.raises(EarthError, match=r"run: water-gee deploy deploy.attempts=4"):
        run(choice)
    assert starts(server) == 2
    monkeypatch.setattr(exports.ImageExport, "_write", whole)
    run(choose(WATCH, "deploy.attempts=4", ONE))
    assert starts(server) == 3 and states(verified) == ["SUCCEEDED"]


def test_a_server_that_ends_under_a_task_does_not_count_against_it(verified, choose, server) -> None:
    for _ in range(2):
        run(choose(ONE, "deploy.attempts=1"))
        (known,) = Ledger(verified.deploy, "tiny").latest
        path = server.service.catalog.root / ".eelocal" / "operations" / f"{known.operation.rpartition('/')[2]}.json"
        for _ in range(200):
            record = json.loads(path.read_text(encoding="utf-8"))
            if record["done"]:
                break
            time.sleep(0.02)
        record |= {"done": False, "metadata": record["metadata"] | {"state": "RUNNING"}}
        dead = {"eelocal": {"server": "killed", "requestId": ""}}
        path.write_text(json.dumps(record | dead), encoding="utf-8")
        for result in (server.service.catalog.root / "projects").rglob(f"{known.block}.*"):
            result.unlink()
    run(choose(ONE, WATCH, "deploy.attempts=1"))
    assert [one.state for one in Ledger(verified.deploy, "tiny").of(known.block)] == ["FAILED", "FAILED", "SUCCEEDED"]


def test_a_result_that_was_deleted_is_made_again(verified, choose, server) -> None:
    run(choose(WATCH))
    with connect(choose().earth, verified):
        ee.data.deleteAsset(f"projects/local/assets/water_gee/tiny/{Ledger(verified.deploy, 'tiny').latest[0].block}")
    run(choose(WATCH))
    assert starts(server) == 5 and states(verified) == ["SUCCEEDED"] * 4


def test_a_lost_ledger_is_made_anew_of_what_the_service_knows(verified, choose, server) -> None:
    run(choose(WATCH))
    (verified.deploy / "ledger.jsonl").unlink()
    run(choose(WATCH))
    assert starts(server) == 4 and states(verified) == ["SUCCEEDED"] * 4
    (verified.deploy / "ledger.jsonl").unlink()
    for path in (server.service.catalog.root / ".eelocal" / "operations").glob("*.json"):
        path.unlink()  # as the service forgets tasks after some days
    run(choose(WATCH))
    assert starts(server) == 4 and states(verified) == ["SUCCEEDED"] * 4


def test_a_full_queue_waits_where_it_is_watched_and_says_so_where_not(verified, choose, server, capsys) -> None:
    run(choose("deploy.queue=1"))
    said = capsys.readouterr().err
    assert starts(server) == 1 and "3 for which the queue has no place" in said and "run the same command again" in said
    server.faults.add("export=429:Too many tasks already in the queue (3000). Please wait.*2")
    run(choose("deploy.queue=1", WATCH))
    assert states(verified) == ["SUCCEEDED"] * 4 and len(operations(server)) == 4


def test_tasks_are_cancelled_and_started_anew(verified, choose, server, capsys, monkeypatch) -> None:
    from eelocal import exports

    def waits(self, *_):
        while True:
            exports.checkpoint()
            time.sleep(0.01)

    with pytest.raises(EarthError, match=r"holds no task on eelocal .* run first: water-gee deploy"):
        cancel_all(choose())
    with monkeypatch.context() as patch:
        patch.setattr(exports.ImageExport, "_write", waits)
        run(choose())
        cancel_all(choose())
        assert "4 tasks are being cancelled" in capsys.readouterr().err
        for _ in range(200):
            if all(one["done"] for one in operations(server)):
                break
            time.sleep(0.02)
        status(choose())
        assert "4 blocks, 4 cancelled" in capsys.readouterr().err
    cancel_all(choose())
    assert "no task waits or runs" in capsys.readouterr().err
    run(choose(WATCH, "deploy.attempts=1"))
    ran = [one for one in operations(server) if one["metadata"]["state"] == "SUCCEEDED"]
    assert len(ran) == 4 and len(operations(server)) == 8 and states(verified) == ["SUCCEEDED"] * 4


def test_one_command_at_a_time(verified, choose) -> None:
    with Ledger.writing(verified.deploy, "tiny"), pytest.raises(EarthError, match="another command works on the tasks"):
        run(choose())


def test_a_catalog_that_dvc_tracks_is_left_alone(verified, settings, tmp_path) -> None:
    raw = tmp_path / "data" / "raw" / "catalog"
    raw.mkdir(parents=True)
    with pytest.raises(ConfigError, match=r"which DVC tracks; copy that folder and deploy with earth.catalog=COPY"):
        run(settings(f"earth.catalog={raw}"))


def test_other_scenes_make_other_tasks(verified, choose, server, tmp_path) -> None:
    run(choose(WATCH, ONE))
    for path in (tmp_path / "catalog" / "LANDSAT").rglob("LC08_135023_20200611.*"):
        path.unlink()
    run(choose(WATCH, ONE))
    assert starts(server) == 2 and len({one.mark for one in Ledger(verified.deploy, "tiny").latest}) == 2

"""`cluster=dask`: the workers of a scheduler write the parts, and the maps are the same files."""

import hashlib
from pathlib import Path

import pytest

import finished
from dask_cluster import dask_cluster
from water_gee.errors import PoolError
from water_gee.maps.stage import run
from water_gee.tiles import feature_path, read_manifest, write_manifest
from water_gee.tiles.stage import run as download


def hashes(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_two_workers_write_the_files_that_one_machine_writes(tmp_path, settings, eelocal_url, capsys) -> None:
    """Of one tile there is no record: its pieces are fetched by the command itself."""
    from water_gee.maps import remote
    from water_gee.paths import Layout

    finished.checkpoint(tmp_path)
    choices = ("study.years=[2020]", f"earth.url={eelocal_url}", "predict.engine=local", "tiles.areas=[map]")
    download(settings(*choices))
    layout = Layout(tmp_path, "tiny")
    write_manifest(layout, read_manifest(layout)[1:])
    run(settings(*choices))
    alone = hashes(tmp_path / "maps")
    capsys.readouterr()
    jobs = []
    original = remote.predict_elsewhere

    def noted(worker, todo, pool):
        jobs.extend(todo)
        original(worker, todo, pool)

    with dask_cluster(tmp_path / "dask") as cluster, pytest.MonkeyPatch.context() as patch:
        patch.setattr("water_gee.maps.local.predict_elsewhere", noted)
        there = ("cluster=dask", f"cluster.address={cluster.address}")
        run(settings(*choices, *there))
        assert "1 are fetched" in capsys.readouterr().err and len(jobs) > 4
        assert hashes(tmp_path / "maps") == alone
        path = feature_path(layout, "map", next(one.id for one in read_manifest(layout) if one.status == "ok"))
        path.write_bytes(b"II*")
        with pytest.raises(PoolError, match=r"1 of \d+ pieces of the map failed: .*run again: water-gee tiles .on "):
            run(settings(*choices, *there))
    assert hashes(tmp_path / "maps") == alone

"""Denoising by the workers of a Dask scheduler: the same bytes as by processes, whatever becomes of a worker."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from dask_cluster import Cluster, dask_cluster
from denoise import surveying
from denoise.conftest import logged
from denoise.synthetic import bytes_below
from water_gee.config.settings import Settings
from water_gee.denoise.learning import work_folder
from water_gee.denoise.registry import METHODS
from water_gee.denoise.stage import run
from water_gee.errors import PoolError
from water_gee.paths import Layout

V1 = [
    "denoise=v1", "denoise.gate=off",
    "denoise.samples=150", "denoise.epochs=[3,1,1]", "denoise.batch=64", "denoise.learning_rate=1e-3",
    "denoise.minimum_water=20",
]  # fmt: skip
CHOICES = {"none": ["denoise=none"], "v1": V1, "surveying": V1}
pytestmark = pytest.mark.usefixtures("no_drawing")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


def on(cluster: Cluster) -> list[str]:
    return ["cluster=dask", f"cluster.address={cluster.address}"]


@pytest.mark.parametrize("method", CHOICES)
def test_machines_give_the_bytes_of_processes(
    layout: Layout, settings: Callable[..., Settings], cluster: Cluster, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    if method == "surveying":
        monkeypatch.setitem(METHODS, "v1", surveying.Middle)
    run(settings(*CHOICES[method], "cluster.workers=2"))
    expected, done = bytes_below(layout.clean), len(logged(layout))
    for path in layout.clean.rglob("*.tif"):
        path.unlink()
    run(settings(*CHOICES[method], *on(cluster)))
    assert bytes_below(layout.clean) == expected and len(logged(layout)) == 2 * done
    assert not work_folder(layout).exists()
    run(settings(*CHOICES[method], "cluster.workers=1"))
    assert len(logged(layout)) == 2 * done, "who did the work made it stale"


def test_a_killed_worker_costs_nothing(
    layout: Layout, settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(METHODS, "v1", surveying.Middle)
    slow = ["denoise=v1", "denoise.gate=off", "denoise.samples=7"]  # 0.3 s a tile and step
    run(settings(*slow, "cluster.workers=1"))
    expected = bytes_below(layout.clean)
    for path in layout.clean.rglob("*.tif"):
        path.unlink()
    with dask_cluster(tmp_path / "dask") as cluster:
        killing = threading.Thread(target=_kill_one, args=(cluster, work_folder(layout)))
        killing.start()
        run(settings(*slow, *on(cluster)))
        killing.join()
        assert cluster.workers[0].poll() is not None, "it was killed too late"
    assert bytes_below(layout.clean) == expected


def _kill_one(cluster: Cluster, folder: Path) -> None:
    """Kill a worker while it has its second tile in hand."""
    until = time.monotonic() + 180
    while not list(folder.glob("*/*.npz")) and time.monotonic() < until:
        time.sleep(0.01)
    cluster.workers[0].kill()


def test_a_scheduler_that_does_not_answer_leaves_what_is_done(
    layout: Layout, settings: Callable[..., Settings], cluster: Cluster
) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask: make setup")
    with pytest.raises(PoolError, match=r"no Dask scheduler answers at cluster\.address=tcp://127\.0\.0\.1:9"):
        run(settings("denoise=none", "cluster=dask", "cluster.address=tcp://127.0.0.1:9"))
    run(settings("denoise=none", *on(cluster)))
    assert len(logged(layout)) == 4

"""Pools of both kinds."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from threadpoolctl import threadpool_limits

from dask_cluster import Cluster, dask_cluster
from water_gee.pool import Pool


@pytest.fixture(scope="module", autouse=True)
def many_threads() -> Iterator[None]:
    """Here, and in every process that is started, libraries compute on two threads, which a job must not do."""
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(2):
        patch.setenv("OMP_NUM_THREADS", "2")
        yield


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two workers, which no test may harm."""
    with dask_cluster(tmp_path_factory.mktemp("dask")) as cluster:
        yield cluster


@pytest.fixture(params=["here", "processes", "dask"])
def pool(request: pytest.FixtureRequest, tmp_path: Path) -> Pool:
    """The command itself, two processes, and the two workers of a scheduler."""
    if request.param == "dask":
        return Pool("dask", address=request.getfixturevalue("cluster").address, folder=tmp_path)
    return Pool("processes", 2 if request.param == "processes" else 1)


@pytest.fixture
def dask(tmp_path: Path) -> Callable[[Cluster], Pool]:
    """A function that returns the pool of a cluster."""
    return lambda cluster: Pool("dask", address=cluster.address, folder=tmp_path)

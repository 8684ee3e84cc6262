"""What can go wrong with a Dask scheduler and its workers, and that a lost worker costs nothing."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dask_cluster import Cluster, dask_cluster
from pool import chores
from water_gee.errors import ConfigError, PoolError
from water_gee.pool import Pool, run_jobs, scheduler

Of = Callable[[Cluster], Pool]


def test_a_lost_worker_costs_nothing(dask: Of, tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask") as cluster:
        jobs = [tmp_path / f"job {number}" for number in range(6)]
        for job in jobs[1:]:
            job.touch()
        assert sorted(run_jobs(chores.die_once, jobs, dask(cluster))) == [job.name for job in jobs]
        assert [worker.poll() is None for worker in cluster.workers].count(True) == 1


def test_a_job_that_kills_its_workers_is_named(dask: Of, tmp_path: Path) -> None:
    """Or the one that a worker had beside it: Dask does not know which of the two it was."""
    with (
        dask_cluster(tmp_path / "dask", failures=1) as cluster,
        pytest.raises(
            PoolError, match=r"^2 workers died with the job \d in hand, perhaps for lack of memory; .*cluster=processes"
        ),
    ):
        list(run_jobs(chores.die, list(range(9)), dask(cluster)))


def test_a_scheduler_that_is_lost_ends_in_one_line(dask: Of, tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask") as cluster:
        results = run_jobs(chores.slow, list(range(50)), dask(cluster))
        next(results)
        cluster.scheduler.kill()
        begun = time.monotonic()
        with pytest.raises(PoolError, match=r"^the scheduler at tcp://127\.0\.0\.1:\d+ is gone; start it again"):
            list(results)
        assert time.monotonic() - begun < 15


def test_a_scheduler_without_workers_is_waited_for(
    dask: Of, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(scheduler, "_LOOK", 0.2)
    monkeypatch.setattr(scheduler, "_PATIENCE", 1.0)
    with dask_cluster(tmp_path / "dask", workers=0) as cluster:
        with pytest.raises(PoolError, match=r"has had no worker for 1 s; start one with: dask worker tcp://"):
            list(run_jobs(chores.square, [1, 2], dask(cluster)))
        assert capsys.readouterr().err.count("has no worker; waiting for one") == 1


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "tcp://127.0.0.1:9",
            r"^no Dask scheduler answers at cluster\.address=tcp://127\.0\.0\.1:9 .*: dask scheduler$",
        ),
        ("tls://127.0.0.1:9", r"^cluster\.address=tls://127\.0\.0\.1:9 needs certificates; .*distributed\.comm\.tls"),
    ],
)
def test_a_scheduler_that_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    pytest.importorskip("distributed", reason="needs the extra dask: make setup")
    monkeypatch.setattr(scheduler, "_CONNECT", 1)
    with pytest.raises(PoolError, match=told):
        list(run_jobs(chores.square, [1, 2], Pool("dask", address=address, folder=tmp_path)))


def test_without_dask_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ConfigError, match=r"needs the extra dask, .*; pip install -c constraints\.txt -e '\.\[dask\]'"):
        list(run_jobs(chores.square, [1], Pool("dask", address="tcp://127.0.0.1:9", folder=tmp_path)))


def test_a_worker_of_another_source_does_nothing(cluster: Cluster, dask: Of, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scheduler, "_source", lambda: "that of another version")
    with pytest.raises(PoolError, match=r"^a worker on \S+ runs another version of water_gee; install the project"):
        list(run_jobs(chores.square, [1, 2], dask(cluster)))


def test_a_worker_of_another_file_system_does_nothing(
    cluster: Cluster, dask: Of, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(scheduler, "write_text", lambda path, text: None)  # nobody sees it then
    with pytest.raises(
        PoolError, match=rf"^a worker on \S+ does not see {tmp_path}; cluster=dask needs paths\.root on"
    ):
        list(run_jobs(chores.square, [1, 2], dask(cluster)))


def test_work_that_cannot_be_loaded_there_is_said(
    cluster: Cluster, dask: Of, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "only_here.py").write_text("def job(number):\n    return number\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    with pytest.raises(PoolError, match=r"cannot load what is to be done \(No module named 'only_here'\); install"):
        list(run_jobs(only_here.job, [1, 2], dask(cluster)))


def test_a_worker_with_threads_does_one_job_at_a_time(dask: Of, tmp_path: Path) -> None:
    with dask_cluster(tmp_path / "dask", workers=1, threads=4) as cluster:
        assert set(run_jobs(chores.alone, [tmp_path] * 12, dask(cluster))) == {True}


def test_nothing_is_left_and_nothing_listens_beyond_this_machine(cluster: Cluster, dask: Of, tmp_path: Path) -> None:
    import psutil

    results = run_jobs(chores.slow, list(range(8)), dask(cluster))
    next(results)
    processes = [psutil.Process()] + [psutil.Process(one.pid) for one in (cluster.scheduler, *cluster.workers)]
    listening = [one.laddr.ip for process in processes for one in process.net_connections() if one.status == "LISTEN"]
    assert set(listening) == {"127.0.0.1"}
    assert len(list(results)) == 7 and list(tmp_path.iterdir()) == []

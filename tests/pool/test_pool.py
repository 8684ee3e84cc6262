"""What a pool promises, whoever does the jobs."""

import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path

import pytest
from threadpoolctl import threadpool_info

from dask_cluster import PROJECT, Cluster
from pool import chores
from water_gee.errors import PoolError
from water_gee.pool import Pool, run_jobs


def test_every_job_is_done_once(pool: Pool) -> None:
    assert sorted(run_jobs(chores.square, list(range(20)), pool)) == [number**2 for number in range(20)]
    assert list(run_jobs(chores.square, [], pool)) == []


def test_jobs_are_done_elsewhere_and_side_by_side(pool: Pool, tmp_path: Path) -> None:
    here = pool.kind == "processes" and pool.processes == 1
    found = set(run_jobs(partial(chores.meet, many=1 if here else 2), [tmp_path] * 4, pool))
    assert (found == {os.getpid()}) if here else (len(found) == 2 and os.getpid() not in found)


def test_what_a_job_raises_is_raised(pool: Pool) -> None:
    with pytest.raises(ZeroDivisionError):
        list(run_jobs(chores.broken, list(range(4)), pool))


def test_a_job_computes_on_one_thread(pool: Pool) -> None:
    before = [library["num_threads"] for library in threadpool_info()]
    assert set(run_jobs(chores.threads, list(range(4)), pool)) == {1}
    assert [library["num_threads"] for library in threadpool_info()] == before


def test_who_stops_asking_gives_the_rest_up(pool: Pool, tmp_path: Path) -> None:
    jobs = [tmp_path / f"job {number}" for number in range(100)]
    results = run_jobs(chores.note, jobs, pool)
    next(results)
    results.close()
    time.sleep(1)
    done = len(list(tmp_path.glob("job*")))
    time.sleep(0.5)
    assert done < 20 and len(list(tmp_path.glob("job*"))) == done


def test_ctrl_c_ends_it_at_once_in_one_line(pool: Pool, tmp_path: Path) -> None:
    process = _command(tmp_path, pool)
    assert process.stdout is not None and process.stdout.readline() == "done\n"
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the workers get it too
    assert _ends(process)


def test_ctrl_c_while_a_process_starts_is_one_line(tmp_path: Path) -> None:
    starting = "if __name__ == '__mp_main__':\n    import time\n    print('starting', flush=True)\n    time.sleep(1)\n"
    process = _command(tmp_path, Pool("processes", 2), starting)
    assert process.stdout is not None and process.stdout.readline() == "starting\n"
    os.killpg(process.pid, signal.SIGINT)
    assert _ends(process)


def test_ctrl_c_before_dask_has_begun_to_fetch_a_result_is_one_line(cluster: Cluster, tmp_path: Path) -> None:
    interrupted = (
        "import asyncio, os, signal\n"
        "begin = asyncio.ensure_future\n"
        "def interrupt(what):\n"
        "    task = begin(what)\n"
        "    if what.__name__ == 'wait_for':\n"
        "        task.cancel()\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return task\n"
        "asyncio.ensure_future = interrupt\n"
    )
    process = _command(tmp_path, Pool("dask", address=cluster.address, folder=tmp_path), interrupted)
    assert _ends(process)


def _command(folder: Path, pool: Pool, before: str = "") -> "subprocess.Popen[str]":
    """Start a program that has slow jobs done and tells of each."""
    script = folder / "command.py"
    script.write_text(
        "from pathlib import Path, PosixPath\n"
        "from pool import chores\n"
        "from water_gee.pool import Pool, run_jobs\n"
        "from water_gee.surroundings import in_one_line\n"
        f"{before}"
        "if __name__ == '__main__':\n"
        f"    pool = Pool(**{asdict(pool)!r})\n"
        "    with in_one_line('program', 'interrupted'):\n"
        "        for _ in run_jobs(chores.slow, range(200), pool):\n"
        "            print('done', flush=True)\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "tests")])}
    return subprocess.Popen(
        [sys.executable, str(script)], env=environment, start_new_session=True, encoding="utf-8",
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def _ends(process: "subprocess.Popen[str]") -> bool:
    """Check that an interrupted program ends soon, with one line."""
    _, told = process.communicate(timeout=180)
    assert told == "program: interrupted\n"
    return process.returncode == 1


def test_a_process_that_died_is_one_line() -> None:
    with pytest.raises(
        PoolError, match=r"^a worker process died, .*run the same command again with cluster\.workers=1$"
    ):
        list(run_jobs(chores.die, list(range(9)), Pool("processes", 2)))

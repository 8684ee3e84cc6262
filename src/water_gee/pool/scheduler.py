"""Jobs on the workers of a Dask scheduler that is already running, on this machine or others."""

import logging
import queue
import secrets
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from water_gee.config.yaml_file import first_line
from water_gee.errors import ConfigError, PoolError
from water_gee.files import digest, write_text
from water_gee.progress import say

J = TypeVar("J")
R = TypeVar("R")
_CONNECT = 10  # seconds to reach the scheduler
_LOOK = 2.0  # seconds without a finished job after which one looks whether there are workers at all
_PATIENCE = 120.0  # seconds without any worker
_INSTALL = "cluster=dask needs the extra dask, which is not installed; pip install -c constraints.txt -e '.[dask]'"
_SAME = "install the project, of this very source, where the scheduler and its workers run, and start them again"
# What these log of a lost scheduler or worker, and on Ctrl-C, is said in one line here.
_TALKATIVE = ("distributed", "distributed.client", "distributed.core", "tornado.application", "asyncio")
_GIVEN_UP = "coroutine .* was never awaited"  # what Python warns of calls that Dask gives up before they begin
_alone = threading.Lock()


@dataclass(frozen=True)
class _Remote:
    """What a worker calls: the function, once it is sure that its outcome is that of this machine.

    One job at a time in each process, since torch's random numbers are the process's own.
    """

    function: Callable[[Any], Any]
    source: str  # the hash of the source here
    token: Path  # a file that every worker must see

    def __call__(self, job: Any) -> Any:
        with _alone:
            if problem := _misfit(self.source, self.token):
                raise PoolError(problem)
            return self.function(job)


def run_on_dask(function: Callable[[J], R], jobs: Sequence[J], address: str, folder: Path) -> Iterator[R]:
    """Yield what `function` returns of each job, as each is finished.

    Args:
        function: what to call.
        jobs: what it is called with.
        address: of the scheduler.
        folder: below it the jobs read and write; every worker must have it under this absolute path.

    Raises:
        ConfigError: Dask is not installed.
        PoolError: the scheduler cannot be reached or is gone; it has no worker; a worker has another source or another
            file system, or died of the same job again and again.
    """
    with _connected(address) as client, _token(folder) as token:
        remote = _Remote(function, _source(), token)
        finished: queue.SimpleQueue[Any] = queue.SimpleQueue()
        futures = client.map(remote, jobs, key="water-gee", pure=False)
        names = {future.key: str(job) for future, job in zip(futures, jobs, strict=True)}
        watch = _Watch(client, address)
        try:
            for future in futures:
                future.add_done_callback(finished.put)
            left = len(futures)
            while left:
                future = _next(finished, watch)
                try:
                    result = _result(future, names[future.key], watch)
                except _Lost:  # it died with its worker, and is made again
                    future.add_done_callback(finished.put)
                    continue
                yield result
                future.release()
                left -= 1
        finally:
            if client.status == "running":
                client.cancel(futures)


@contextmanager
def _connected(address: str) -> Iterator[Any]:
    """Yield a client of the scheduler."""
    try:
        from distributed import Client, Security
    except ImportError as error:
        raise ConfigError(_INSTALL) from error
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    warnings.filterwarnings("ignore", _GIVEN_UP, RuntimeWarning)
    if address.startswith("tls:") and Security().get_connection_args("client").get("ssl_context") is None:
        raise PoolError(f"cluster.address={address} needs certificates; name them in Dask's distributed.comm.tls")
    try:
        client = Client(address, timeout=_CONNECT, set_as_default=False, name="water-gee")
    except (OSError, RuntimeError, TypeError, ValueError) as error:
        raise PoolError(
            f"no Dask scheduler answers at cluster.address={address} ({first_line(error)}); start one there, with: "
            "dask scheduler"
        ) from error
    try:
        yield client
    finally:
        with suppress(TimeoutError):
            client.close(timeout=_LOOK)


@contextmanager
def _token(folder: Path) -> Iterator[Path]:
    """Yield a file of this run alone: a worker that does not see it works on other files."""
    path = folder / f"pool-{secrets.token_hex(8)}"
    write_text(path, "seen by every worker of cluster=dask\n")
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


class _Lost(Exception):
    """A job was finished, but its result is gone with the worker that held it."""


class _Watch:
    """Looks after a scheduler while nothing comes from it."""

    def __init__(self, client: Any, address: str) -> None:
        self.client, self.address = client, address
        self.alone_since: float | None = None

    def look(self) -> None:
        """Check that there is still somebody who works.

        Raises:
            PoolError: the scheduler is gone, or has had no worker for long.
        """
        try:
            workers = len(self.client.nthreads())
        except (OSError, RuntimeError) as error:
            raise self.lost() from error
        if workers:
            self.alone_since = None
        elif self.alone_since is None:
            self.alone_since = time.monotonic()
            say(f"the scheduler at {self.address} has no worker; waiting for one")
        elif time.monotonic() - self.alone_since > _PATIENCE:
            raise PoolError(
                f"the scheduler at {self.address} has had no worker for {_PATIENCE:.0f} s; start one with: "
                f"dask worker {self.address} --nthreads 1"
            )

    def lost(self) -> PoolError:
        """Return what is said of a scheduler that is gone."""
        return PoolError(
            f"the scheduler at {self.address} is gone; start it again, then run the same command again to go on"
        )


def _next(finished: "queue.SimpleQueue[Any]", watch: _Watch) -> Any:
    """Return the next future that has finished."""
    while True:
        try:
            return finished.get(timeout=_LOOK)
        except queue.Empty:
            watch.look()


def _result(future: Any, name: str, watch: _Watch) -> Any:
    """Return what a finished future holds."""
    from distributed import CancelledError, KilledWorker
    from distributed.comm import CommClosedError

    try:
        return future.result(timeout=_LOOK)
    except TimeoutError as error:
        if future.status == "error":  # the job's own
            raise
        raise _Lost from error
    except KilledWorker as error:
        raise PoolError(
            f"{error.allowed_failures + 1} workers died with the job {name} in hand, perhaps for lack of memory; give "
            "them more, or run the same command again with cluster=processes cluster.workers=1"
        ) from error
    except (CancelledError, CommClosedError) as error:
        raise watch.lost() from error
    except Exception as error:
        if not _is_unloadable(error):
            raise
        reason = first_line(error.__cause__ or error)
        raise PoolError(f"the scheduler or a worker cannot load what is to be done ({reason}); {_SAME}") from error


def _is_unloadable(error: Exception) -> bool:
    """Return whether an error says that what was sent could not be loaded where it arrived."""
    return (
        (isinstance(error, ModuleNotFoundError) and str(error.name).startswith("water_gee"))
        or (isinstance(error, AttributeError) and "Can't get attribute" in str(error))
        or (isinstance(error, RuntimeError) and "Error during deserialization" in str(error))
    )


@lru_cache(maxsize=1)
def _source() -> str:
    """Return a hash of this package's source, as it was when this process first asked."""
    return digest(sorted(Path(__file__).parent.parent.rglob("*.py")))


@lru_cache(maxsize=1)
def _misfit(source: str, token: Path) -> str:
    """Return why this process cannot do another one's jobs; empty where it can."""
    host = socket.gethostname()
    if source != _source():
        return f"a worker on {host} runs another version of water_gee; {_SAME}"
    if not token.is_file():
        return (
            f"a worker on {host} does not see {token.parent}; cluster=dask needs paths.root on a file system that all "
            "workers have under the same path"
        )
    return ""

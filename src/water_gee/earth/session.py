"""The connection: to eelocal on this machine, or to the service with the user's own account."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import ee
import googleapiclient.errors
from google.auth.credentials import AnonymousCredentials

from water_gee.config.earth import EarthSettings
from water_gee.earth.failures import AccountError, TruncatedError, diagnose
from water_gee.earth.fetch import completed
from water_gee.earth.local import eelocal
from water_gee.earth.pace import Pace
from water_gee.earth.retry import Retry
from water_gee.earth.transport import Transport
from water_gee.errors import EarthError
from water_gee.paths import Layout
from water_gee.progress import say


@dataclass(frozen=True)
class Session:
    """An initialised client: where it speaks to, how it retries, and eelocal's process if it is ours."""

    kind: str
    project: str
    retry: Retry
    process: "subprocess.Popen[str] | None" = None

    def value(self, expression: Any) -> Any:
        """Return what a computed object is, asked for until two answers in turn are the same.

        Plans rest on such values: which scenes there are, where an area lies. An answer that was altered on its way
        may well be one that can be read, and pixels alone bring their own check.

        Raises:
            EarthError: the service refused, went on failing, or never gave the same answer twice.
        """
        answers = [self.retry.call(lambda: self._ask(expression)) for _ in range(2)]
        while answers[-1] != answers[-2]:
            if len(answers) > self.retry.attempts:
                raise EarthError(f"{len(answers)} answers to one question differ; see to the network, run again")
            answers.append(self.retry.call(lambda: self._ask(expression)))
        return answers[-1]

    def _ask(self, expression: Any) -> Any:
        try:
            return expression.getInfo()
        except (ValueError, KeyError, TypeError) as error:  # of the client, on an answer that it cannot read
            raise TruncatedError(f"{type(error).__name__}: {error}") from error

    def check(self) -> None:
        """Check that the other side is still there, where that can be known without asking.

        Raises:
            EarthError: the eelocal that we started has ended.
        """
        if self.process is not None and self.process.poll() is not None and not self.retry.stopped.is_set():
            raise EarthError(
                f"eelocal ended with code {self.process.returncode} (see logs/eelocal.log); "
                "run the same command again to go on"
            )


@contextmanager
def connect(earth: EarthSettings, layout: Layout) -> Iterator[Session]:
    """Connect the Earth Engine client for the length of a block.

    Raises:
        EarthError: the catalog is missing, eelocal or the service cannot be reached, or the account or
            project is refused.
    """
    retry = Retry(earth.attempts, earth.wait, pace=Pace(earth.workers))
    with ExitStack() as stack:
        process = None
        stack.callback(ee.Reset)
        if earth.kind == "local":
            url, project = earth.url, earth.project or "local"
            if url is None:
                url, process = stack.enter_context(eelocal(layout.locate(earth.catalog or ""), layout.logs))
            _initialise(earth, project, url, AnonymousCredentials(), retry)
        else:
            project = earth.project or ""
            _initialise(earth, project, earth.url, "persistent", retry)
        stack.callback(retry.stopped.set)  # before eelocal ends: nobody waits to ask again
        yield Session(earth.kind, project, retry, process)


def _initialise(earth: EarthSettings, project: str, url: str | None, credentials: Any, retry: Retry) -> None:
    # Not empty, or the client asks the internet for the list of deprecated assets, with no time-out.
    ee.deprecation.deprecated_assets = {"none": None}
    ee.data.setMaxRetries(0)  # `Retry` does it, for every request alike
    transport = Transport(
        2 * earth.workers,
        earth.deadline,
        loopback=_is_loopback(url),
        restricted=lambda: _restrict(retry.pace),
        rewrite=completed,
        slot=retry.pace.slot,
    )

    def start() -> None:
        try:
            ee.Initialize(credentials=credentials, project=project, url=url, http_transport=transport)
        except ConnectionRefusedError as error:
            raise EarthError(f"nobody listens at {url or 'its address'}") from error  # no matter of patience
        except (ValueError, KeyError, TypeError, googleapiclient.errors.Error) as error:
            if isinstance(error, googleapiclient.errors.HttpError):
                raise
            raise TruncatedError(f"{type(error).__name__}: {error}") from error

    try:
        retry.call(start)
    except AccountError as error:
        if "earthengine authenticate" in str(error):
            raise
        raise EarthError(_refused(project, str(error))) from error
    except EarthError as error:
        message = str(error).rstrip(".")
        if earth.kind == "local":
            raise EarthError(f"eelocal at {url} does not answer: {message}; start it, or unset earth.url") from error
        cause = error.__cause__
        if cause is None or isinstance(cause, ConnectionRefusedError) or diagnose(cause).passing:
            raise EarthError(f"Earth Engine cannot be reached: {message}") from error
        raise EarthError(_refused(project, message)) from error


def _refused(project: str, message: str) -> str:
    return (
        f"earth.project={project} was refused: {message.rstrip('.')}; name a Google Cloud project of yours that is "
        "registered for Earth Engine"
    )


def _is_loopback(url: str | None) -> bool:
    return urlsplit(url or "").hostname in ("127.0.0.1", "localhost", "::1")


def _restrict(pace: Pace) -> None:
    if pace.restrict():
        say("Earth Engine restricts this project, its quota of computation is used up: one request at a time now")

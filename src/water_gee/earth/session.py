"""The connection: to eelocal on this machine, or to the service with the user's own account."""

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import ee
import httplib2
import requests
from google.auth.credentials import AnonymousCredentials
from requests.adapters import HTTPAdapter

from water_gee.config.earth import EarthSettings
from water_gee.earth.failures import SERVICE_ERRORS, diagnose
from water_gee.earth.fetch import Retry
from water_gee.earth.local import eelocal
from water_gee.errors import EarthError
from water_gee.paths import Layout


@dataclass(frozen=True)
class Session:
    """An initialised client: where it speaks to, how it retries, and eelocal's process if it is ours."""

    kind: str
    project: str
    retry: Retry
    process: "subprocess.Popen[str] | None" = None

    def value(self, expression: Any) -> Any:
        """Return what a computed object is, asked for as often as may help.

        Raises:
            EarthError: the service refused, or went on failing.
        """
        return self.retry.call(expression.getInfo)

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
    retry = Retry(earth.attempts, earth.wait)
    with ExitStack() as stack:
        process = None
        if earth.kind == "local":
            url, project = earth.url, earth.project or "local"
            if url is None:
                url, process = stack.enter_context(eelocal(layout.locate(earth.catalog or ""), layout.logs))
            _initialise(earth, project, url, AnonymousCredentials())
        else:
            project = earth.project or ""
            _initialise(earth, project, earth.url, "persistent")
        stack.callback(ee.Reset)
        stack.callback(retry.stopped.set)  # before eelocal ends: nobody waits to ask again
        yield Session(earth.kind, project, retry, process)


def _initialise(earth: EarthSettings, project: str, url: str | None, credentials: Any) -> None:
    # Not empty, or the client asks the internet for the list of deprecated assets, with no time-out.
    ee.deprecation.deprecated_assets = {"none": None}
    ee.data.setMaxRetries(0)  # `Retry` does it, for every request alike
    try:
        ee.Initialize(
            credentials=credentials, project=project, url=url, http_transport=_Transport(earth.workers, earth.deadline)
        )
    except SERVICE_ERRORS as error:
        failure = diagnose(error)
        if earth.kind == "local":
            raise EarthError(
                f"eelocal at {url} does not answer ({failure.message}); start it, or leave earth.url unset"
            ) from error
        if "earthengine authenticate" in failure.message:
            raise EarthError(failure.message) from error
        if failure.passing:
            raise EarthError(f"Earth Engine cannot be reached: {failure.message}") from error
        raise EarthError(
            f"earth.project={project} was refused: {failure.message}; name a Google Cloud project of yours that is "
            "registered for Earth Engine"
        ) from error


class _Transport:
    """The client's HTTP, on a pool with a connection for each worker: the client's own pool holds 10."""

    def __init__(self, connections: int, seconds: float) -> None:
        self._session = requests.Session()
        self._session.mount("http://", HTTPAdapter(pool_maxsize=connections))
        self._session.mount("https://", HTTPAdapter(pool_maxsize=connections))
        self._seconds = seconds

    def request(
        self,
        uri: str,
        method: str = "GET",
        body: Any = None,
        headers: dict[str, str] | None = None,
        redirections: int | None = None,
        connection_type: Any = None,
        **_: Any,
    ) -> tuple[httplib2.Response, bytes]:
        """Send a request, with httplib2's arguments and answer."""
        try:
            response = self._session.request(method, uri, data=body, headers=headers, timeout=self._seconds)
        except requests.exceptions.Timeout as error:
            raise TimeoutError(f"{self._seconds:g} s have passed") from error
        except requests.exceptions.RequestException as error:
            raise ConnectionError(str(error)) from error
        return httplib2.Response({**response.headers, "status": response.status_code}), response.content

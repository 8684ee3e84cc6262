"""Connecting the genuine client to a server, with no account, no proxy and no other network."""

from __future__ import annotations

from typing import Any


def connect(url: str, project: str = "local", seconds: float = 300.0) -> Any:
    """Initialise the ``ee`` package against the server at `url` and return it.

    No proxy that the environment names is asked: the server is on this machine, and a proxy is not.

    Args:
        url: the server, such as ``http://127.0.0.1:8080``.
        project: the project whose operations and assets are the caller's own.
        seconds: how long a request may take; the client itself would wait for ever.
    """
    import ee
    from google.auth.credentials import AnonymousCredentials

    # Not empty, or the client asks the internet for the list, with no time-out.
    ee.deprecation.deprecated_assets = {"eelocal/none": None}
    ee.Initialize(credentials=AnonymousCredentials(), project=project, url=url, http_transport=_Direct(seconds))
    return ee


class _Direct:
    """What the client sends its requests with, in place of its own, which reads the environment's proxies."""

    def __init__(self, seconds: float) -> None:
        import requests

        self._session = requests.Session()
        self._session.trust_env = False
        self._seconds = seconds

    def request(
        self, uri: str, method: str = "GET", body: Any = None, headers: dict[str, str] | None = None, **_: Any
    ) -> tuple[Any, bytes]:
        """Send a request, with httplib2's arguments and answer; what fails is of the kinds that the client repeats."""
        import httplib2
        import requests

        try:
            response = self._session.request(method, uri, data=body, headers=headers, timeout=self._seconds)
        except requests.exceptions.Timeout as error:
            raise TimeoutError(str(error)) from error
        except requests.exceptions.RequestException as error:
            raise ConnectionError(str(error)) from error
        return httplib2.Response({**response.headers, "status": response.status_code}), response.content
